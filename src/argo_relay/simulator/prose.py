"""The words the simulator answers with: it says what it is, and then fills the time."""

from __future__ import annotations

from itertools import cycle, islice

_FILLER = (
    " Nothing here was thought by a model: these words only fill the time that you asked for,"
    " cost no token, and start again when they run out."
)
_WORDS = tuple(f" {word}" for word in _FILLER.split())


def opening(model: str, images: int = 0) -> str:
    """Return the sentence that every answer starts with."""
    seen = f" with {images} image{'s' if images > 1 else ''}" if images else ""
    return f"This is the Argo simulator, answering as {model}{seen}."


def _sized(start: str, size: int, count: int) -> tuple[str, ...]:
    filler = _FILLER * (size // len(_FILLER) + 2)
    cut = []
    for position in range(0, size * count, size):
        offset = max(position - len(start), 0) % len(_FILLER)
        cut.append((start[position : position + size] + filler[offset : offset + size])[:size])
    return tuple(cut)


def pieces(start: str, count: int, size: int | None) -> tuple[str, ...]:
    """Return an answer in `count` pieces: the `start` and then words, or `size` characters each."""
    if size is not None:
        return _sized(start, size, count)
    return (start, *islice(cycle(_WORDS), count - 1)) if count else ()


def thoughts(count: int) -> tuple[str, ...]:
    """Return reasoning in `count` pieces."""
    return ("The simulator pretends to think.", *islice(cycle(_WORDS), count - 1)) if count else ()
