"""Tables as text."""

from __future__ import annotations

from collections.abc import Callable, Sequence

Lines = Sequence[Sequence[str]]
"""The first one has the headings."""
Show = Callable[[Lines], str]


def markdown(lines: Lines) -> str:
    """Return a table for a page."""
    head, *rest = [[text.replace("|", "\\|") for text in line] for line in lines]
    return "\n".join("| " + " | ".join(line) + " |" for line in [head, ["---"] * len(head), *rest])


def plain(lines: Lines) -> str:
    """Return a table for a terminal: a block for each system, a line for each of its cells."""
    head, *rest = lines
    wide = max(map(len, head))
    return "\n".join("\n".join([one, *map(f"  {{:{wide}}}  {{}}".format, head[1:], cells)]) for one, *cells in rest)
