from __future__ import annotations

import pytest

from argo_relay.neutral.loss import Loss, Losses, name_of, shown

TOP_K = Loss(path="sampling.top_k", what="top_k", why="No field holds it.")
CITED = Loss(path="parts[0]", what="citation", why="Only links can be cited.", how="approximated")


@pytest.mark.parametrize(
    ("losses", "header"),
    [
        ([], ""),
        ([TOP_K], "top_k=dropped"),
        ([TOP_K, CITED], "top_k=dropped, citation=approximated"),
        ([CITED, TOP_K], "citation=approximated, top_k=dropped"),
        ([TOP_K, TOP_K, CITED, TOP_K], "top_k=dropped, citation=approximated"),
    ],
)
def test_losses_are_told_once_each_and_in_order(losses: Losses, header: str) -> None:
    assert shown(losses) == header


@pytest.mark.parametrize(
    ("what", "name"),
    [
        ("Größe\n", "Gr??e?"),
        ("a\r\nset-cookie: b", "a??set-cookie:?b"),
        ("a=b, c", "a?b??c"),
        ("x" * 1000, "x" * 40),
        ("\ud800", "?"),
        ("", ""),
    ],
)
def test_a_clients_own_word_can_stand_in_a_header(what: str, name: str) -> None:
    loss = Loss(path="extras", what=what, why="Nobody knows it.")
    assert name_of(loss) == name
    assert shown([loss]) == f"{name}=dropped"


def test_a_header_does_not_grow_without_end() -> None:
    losses = [Loss(path="extras", what=f"x{number}", why="Nobody knows it.") for number in range(1000)]
    assert shown(losses[:20]).count("=") == 20
    assert shown(losses).endswith("x19=dropped, and 980 more")
