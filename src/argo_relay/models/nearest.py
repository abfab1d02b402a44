"""Which offered names a meaningless one looks like: for the reader of an error, never for the proxy to act on."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import SequenceMatcher

from argo_relay.models.names import forms, stem

_LETTERS = 0.6
"""Share of letters in common, from 0 to 1, that makes a name worth suggesting: difflib's own default."""

_LIKENESS = 0.5
"""Mean of letters and words in common that does so as well, for a name such as `sonnet` or `gpt-9000`."""

_LONGEST = 64
"""Characters compared: every model's name is shorter, and the time grows with the square."""


def nearest(name: str, public_ids: Iterable[str], n: int) -> list[str]:
    """Return up to `n` of `public_ids` that look like `name`, the closest and then the newest version first.

    It costs a millisecond or two for a hundred models, whatever the length of the name.
    """
    written = forms(stem(name)[:_LONGEST])
    scored = ((max(_likeness(form, stem(offered)) for form in written), offered) for offered in public_ids)
    return [offered for score, offered in sorted(scored, reverse=True)[:n] if score > 0]


def _likeness(wanted: str, offered: str) -> float:
    """Return the mean of the letters they share and of the wanted words that `offered` has; 0 when not alike."""
    words = set(wanted.split("-"))
    shared = len(words.intersection(offered.split("-"))) / len(words)
    matcher = SequenceMatcher(None, offered, wanted, autojunk=False)
    likeness = 0.0
    # Each is an upper bound of the next and far cheaper.
    for ratio in (matcher.real_quick_ratio, matcher.quick_ratio, matcher.ratio):
        letters = ratio()
        likeness = (letters + shared) / 2
        if letters < _LETTERS and likeness < _LIKENESS:
            return 0.0
    return likeness
