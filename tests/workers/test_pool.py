"""The places of one limit, given out to workers."""

from __future__ import annotations

import msgspec

from argo_relay.workers.messages import Ask, Declined, Give, Granted, Loose, Tight
from argo_relay.workers.pool import Pool


class Said:
    """A pool of workers `a` and `b`, and what each has been told since it was last asked for."""

    def __init__(self, most: int, lines: bool = True) -> None:
        self.told: list[tuple[str, msgspec.Struct]] = []
        self.pool: Pool[str] = Pool("p", most, lines, lambda worker, message: self.told.append((worker, message)))
        for worker in "ab":
            self.pool.join(worker)
        self._tickets = 0

    def ask(self, worker: str, left: float = 100.0, held: float | None = None) -> int:
        self._tickets += 1
        self.pool.ask(worker, Ask("p", self._tickets, left, held))
        return self._tickets

    def give(self, worker: str, count: int = 1, held: float | None = None, answer: bool = False) -> None:
        self.pool.give(worker, Give("p", count, held, answer))

    def news(self) -> list[tuple[str, msgspec.Struct]]:
        news, self.told[:] = list(self.told), []
        return news


def test_with_much_left_a_worker_gets_some_to_keep() -> None:
    said = Said(1024)
    ticket = said.ask("a")
    ((worker, granted),) = said.news()
    assert (worker, granted) == ("a", Granted("p", ticket, 1 + 1023 // 8))
    assert said.pool.spare == 1024 - 128


def test_with_little_left_each_gets_one() -> None:
    said = Said(2)
    first, second = said.ask("a"), said.ask("b")
    assert said.news() == [("a", Granted("p", first, 1)), ("b", Granted("p", second, 1))]


def test_when_it_is_tight_all_are_asked_for_what_they_do_not_use() -> None:
    said = Said(1)
    said.ask("a")
    said.news()
    ticket = said.ask("b")
    assert said.news() == [("a", Tight("p")), ("b", Tight("p"))]
    said.give("b", 0, answer=True)
    assert said.news() == []
    said.give("a", 1, answer=True)
    assert said.news() == [("b", Granted("p", ticket, 1))], "what was idle there is in use here"
    said.give("b")
    assert said.news() == [("a", Loose("p")), ("b", Loose("p"))]


def tight(most: int = 1, lines: bool = True) -> Said:
    """Return a pool whose places are all in use at `a`, as it and the workers know."""
    said = Said(most, lines)
    for _ in range(most):
        said.ask("a")
    said.ask("b")
    for worker in "ab":
        said.give(worker, 0, answer=True)
    said.news()
    return said


def test_who_came_first_is_served_first_whoever_it_is() -> None:
    said = tight()
    second, third = said.ask("a"), said.ask("b")
    for worker, ticket in (("b", 2), ("a", second), ("b", third)):
        said.give("a" if worker == "b" else "b")
        assert said.news() == [(worker, Granted("p", ticket, 1))]


def test_one_who_leaves_the_line_makes_room_for_the_next() -> None:
    said = tight()
    second, third = said.ask("a"), said.ask("b")
    said.pool.cancel("a", second)
    said.pool.cancel("a", 99)
    said.give("a")
    said.give("b")
    assert [message for _, message in said.news()] == [Granted("p", 2, 1), Granted("p", third, 1)]


def test_one_whose_turn_would_come_too_late_is_told_so_at_once() -> None:
    said = tight()
    said.pool.cancel("b", 2)
    said.ask("b", held=10.0)
    said.news()
    late = said.ask("b", left=19.0)
    assert said.news() == [("b", Declined("p", late, 1, 20.0))]
    in_time = said.ask("a", left=21.0)
    assert said.news() == []
    said.give("a", held=30.0)
    said.give("b")
    assert ("a", Granted("p", in_time, 1)) in said.news()


def test_nobody_is_declined_before_all_idle_places_are_back() -> None:
    said = Said(1)
    said.ask("a", held=10.0)
    said.news()
    ticket = said.ask("b", left=0.0)
    said.give("b", 0, answer=True)
    assert Declined not in {type(message) for _, message in said.news()}
    said.give("a", 1, answer=True)
    assert said.news() == [("b", Granted("p", ticket, 1))]


def test_where_there_is_no_line_all_are_declined() -> None:
    said = Said(1, lines=False)
    said.ask("a")
    ticket = said.ask("b")
    for worker in "ab":
        said.give(worker, 0, answer=True)
    assert said.news()[-1] == ("b", Declined("p", ticket, 0, None))
    said.ask("a")
    assert said.news() == [("a", Declined("p", ticket + 1, 0, None))]
    said.give("a")
    assert said.news() == [("a", Loose("p")), ("b", Loose("p"))]


def test_a_worker_that_dies_gives_back_all_and_leaves_the_line() -> None:
    said = tight()
    said.ask("a")
    third = said.ask("b")
    said.pool.leave("a")
    assert said.news() == [("b", Granted("p", 2, 1))]
    said.give("b")
    assert said.news() == [("b", Granted("p", third, 1))]
    said.pool.leave("a")


def test_a_worker_that_dies_before_it_has_answered_holds_nobody_up() -> None:
    said = Said(1)
    said.ask("a")
    said.ask("b")
    said.give("b", 0, answer=True)
    said.news()
    said.pool.leave("a")
    assert said.news() == [("b", Granted("p", 2, 1))]


def test_a_worker_that_comes_when_it_is_tight_is_told() -> None:
    said = tight()
    said.pool.join("c")
    assert said.news() == [("c", Tight("p"))]


def test_a_limit_may_be_raised_and_lowered() -> None:
    said = tight()
    said.pool.resize(2)
    assert said.news() == [("b", Granted("p", 2, 1))]
    said.pool.resize(1)
    third = said.ask("b")
    said.give("a")
    assert said.news() == [], "there is one too many"
    said.give("b")
    assert said.news() == [("b", Granted("p", third, 1))]


def test_who_does_not_answer_is_given_up_and_may_answer_later() -> None:
    said = Said(1, lines=False)
    said.ask("a")
    said.news()
    ticket = said.ask("b")
    said.give("b", 0, answer=True)
    said.news()
    assert said.pool.undecided
    said.pool.decide()
    assert said.news() == [("b", Declined("p", ticket, 0, None))], "what it was lent counts as in use"
    said.give("a", 1, answer=True)
    assert said.news() == [("a", Loose("p")), ("b", Loose("p"))]
    assert said.pool.spare == 1


def test_with_nothing_undecided_a_decision_changes_nothing() -> None:
    said = tight()
    assert not said.pool.undecided
    said.pool.decide()
    assert said.news() == []
