"""What people give to a program, without what may be a secret: nothing of that is read into a snapshot."""

import re
from collections.abc import Iterable, Iterator

from podid.domain.names import AGENT_ADDON
from podid.domain.text import plain_urls

HIDDEN = "…"
_NAMES = r"pass(?:word|wd|phrase)|secret|token|credential|auth|(?:api|access|private)[-_]?key"
_SECRET = re.compile(_NAMES, re.IGNORECASE)
_SAID = re.compile(rf"(?P<name>[\w.-]*(?:{_NAMES})[\w.-]*[ =:]+)\S+", re.IGNORECASE)


def plain_url(value: str) -> str:
    """The URL that a variable holds, without user, password, query and fragment; other values as they are."""
    scheme, is_url, rest = value.partition("://")
    if not is_url:
        return value
    rest, *more = re.split(r"[?#]", rest, maxsplit=1)
    authority, slash, path = rest.partition("/")
    return plain_urls(f"{scheme}://{authority.rpartition('@')[2]}{slash}{path}") + ("?…" if more else "")


def plain_words(words: Iterable[str]) -> Iterator[str]:
    """A command line: as many words, without the values of options whose names sound secret and without scripts, but
    for those that start the agent."""
    hide = False
    for word in words:
        name, equals, _ = word.partition("=")
        hidden, hide = hide and not word.startswith("-"), False
        if hidden:
            yield HIDDEN
        elif any(map(str.isspace, word)):
            yield _SAID.sub(rf"\g<name>{HIDDEN}", plain_urls(word)) if AGENT_ADDON in word else HIDDEN
        elif _SECRET.search(name):
            hide = not equals and name.startswith("-")
            yield f"{name}{equals}{HIDDEN}" if equals else name
        else:
            yield plain_urls(word)
