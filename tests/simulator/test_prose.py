from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from argo_relay.simulator.prose import opening, pieces, thoughts


@given(count=st.integers(1, 300))
def test_an_answer_says_what_it_is_and_goes_on_in_words(count: int) -> None:
    said = pieces(opening("gpt4o"), count, None)
    assert len(said) == count
    assert said[0] == opening("gpt4o") == "This is the Argo simulator, answering as gpt4o."
    assert all(piece.startswith(" ") and piece.strip() for piece in said[1:])


@given(size=st.integers(1, 500), count=st.integers(1, 40))
def test_pieces_of_a_size_are_that_size_and_make_the_same_text(size: int, count: int) -> None:
    said = pieces(opening("gpt4o"), count, size)
    assert [len(piece) for piece in said] == [size] * count
    text = "".join(pieces(opening("gpt4o"), 10 + size * count, None))
    assert text.startswith("".join(said))


def test_a_longer_answer_begins_like_a_shorter_one() -> None:
    assert pieces(opening("gpt4o"), 50, None)[:20] == pieces(opening("gpt4o"), 20, None)


@given(count=st.integers(0, 50))
def test_thoughts_have_as_many_pieces_as_ordered(count: int) -> None:
    assert len(thoughts(count)) == count
    assert len(pieces("x", count, None)) == count


def test_images_are_mentioned() -> None:
    assert opening("gpt4o", 1) == "This is the Argo simulator, answering as gpt4o with 1 image."
    assert opening("gpt4o", 2).endswith("as gpt4o with 2 images.")
