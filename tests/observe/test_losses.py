"""Losses are counted by name, and no client makes the table grow without end."""

from __future__ import annotations

from argo_relay.neutral.loss import Loss
from argo_relay.observe.losses import LossCount


def lost(*names: str) -> list[Loss]:
    return [Loss(path=f"parts[{index}]", what=name, why="No field holds it.") for index, name in enumerate(names)]


def test_each_loss_counts_and_the_most_frequent_comes_first() -> None:
    count = LossCount()
    assert count.shown() == {}
    count.note(lost("seal", "top_k", "seal"))
    count.note([])
    count.note(lost("citation", "seal"))
    assert list(count.shown().items()) == [("seal", 3), ("citation", 1), ("top_k", 1)]


def test_names_that_clients_make_up_are_bounded_in_number_and_in_size() -> None:
    count = LossCount()
    count.note(lost("seal", *(f"x{number}" for number in range(1000)), "y" * 10_000, "a\nb", "seal"))
    counts = count.shown()
    assert len(counts) == 201
    assert (counts["seal"], counts["other"]) == (2, 803)
    assert sum(counts.values()) == 1004
    assert max(map(len, counts)) <= 40


def test_what_another_has_counted_is_added_within_the_same_bounds() -> None:
    count = LossCount()
    count.note(lost("seal"))
    count.add({"seal": 2, "top_k": 3})
    assert count.shown() == {"seal": 3, "top_k": 3}
    count.add({f"x{number}": 2 for number in range(1000)})
    assert len(count.shown()) == 201
    assert count.shown()["other"] == 2 * 802
