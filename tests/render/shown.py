"""The text of a view, for tests of views."""

from collections.abc import Iterable

from podid.render.view import Line


def texts(lines: Iterable[str | Line], *, short: bool = False) -> list[str]:
    """Return the lines that a pipe shows, or with `short` those on a terminal."""
    hidden = "full" if short else "short"
    return [
        item if isinstance(item, str) else item.text for item in lines if isinstance(item, str) or item.only != hidden
    ]
