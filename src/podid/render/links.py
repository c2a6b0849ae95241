"""Hyperlinks of terminals (OSC 8): addresses, and the pages of failure modes.

Format: https://gist.github.com/egmontkob/eb114294efbcd5adb1944c9f3cb5feda
"""

import re
from collections.abc import Mapping
from functools import cache

_STYLE = re.compile(r"(\x1b\[[0-9;]*m)")
# an address, without the punctuation that ends a sentence; or hyphenated words, which may be the ID of a failure mode,
# unless they are part of a path, a file name or a flag
_TARGET = re.compile(r"https://[^\s\"'`<>()\[\]]*[\w/#]|(?<![\w./@=-])[a-z0-9]+(?:-[a-z0-9]+)+(?![\w/@=-]|\.\w)")
_SEQUENCE = re.compile(r"\x1b\]8;;[^\x1b]*\x1b\\")
# older versions of VTE, the library of many terminals, print the control sequence, or crash
_LEAST_VTE = 5000


def can_link(env: Mapping[str, str]) -> bool:
    """Return whether a terminal shows hyperlinks or ignores them. FORCE_HYPERLINK, which other programs read too,
    decides if it is set."""
    if forced := env.get("FORCE_HYPERLINK"):
        return forced != "0"
    vte = env.get("VTE_VERSION", "")
    outdated = vte.isdecimal() and int(vte) < _LEAST_VTE
    return env.get("TERM", "") not in ("", "dumb", "linux") and not outdated and not env.get("CI")


def linked(text: str) -> str:
    """Return the text, which may have colours, with hyperlinks."""
    parts = _STYLE.split(text)
    return "".join(part if number % 2 else _TARGET.sub(_link, part) for number, part in enumerate(parts))


def unlinked(text: str) -> str:
    return _SEQUENCE.sub("", text)


def _link(match: re.Match[str]) -> str:
    text = match[0]
    url = text if text.startswith("https://") else _pages().get(text)
    return f"\x1b]8;;{url}\x1b\\{text}\x1b]8;;\x1b\\" if url else text


@cache
def _pages() -> dict[str, str]:
    from podid.pages.index import ENTRIES

    return {entry.id: entry.url for entry in ENTRIES}
