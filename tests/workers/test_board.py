"""The page that says how many connections each worker has."""

from __future__ import annotations

import os

import pytest

from argo_relay.workers.board import Board, new_board


@pytest.fixture
def board() -> Board:
    return Board(new_board())


def test_each_knows_who_has_the_fewest(board: Board) -> None:
    first = board.free()
    assert board.least(first) is None, "there is no other"
    board.write(first, 5)
    second = board.free()
    assert second != first
    board.write(second, 3)
    third = board.free()
    board.write(third, 4)
    assert [board.least(slot) for slot in (first, second, third)] == [3, 4, 3]
    board.clear(second)
    assert board.least(first) == 4
    assert board.free() == second


def test_where_all_slots_are_taken_the_last_one_is_shared(board: Board) -> None:
    for number in range(600):
        board.write(board.free(), number)
    assert board.least(0) == 1
    board.clear(7)
    assert board.free() == 7


def test_all_who_have_it_see_the_same() -> None:
    descriptor = new_board()
    one, other = Board(descriptor), Board(os.dup(descriptor))
    one.write(0, 7)
    assert other.least(1) == 7
    assert other.free() == 1
