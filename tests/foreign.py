"""Foreign text that looks like lines, escape sequences and commands of CI runners, and the check of output."""

import re

from hypothesis import strategies as st

from podid.render import sanitize

ENDS = ("\n", "\r", "\r\n", "\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c")


RUNNER = {"GITHUB_ACTIONS": "true"}


# layout of podid's own
OWN = re.compile(r"[\n\t]")


def check(text: str, *, leading: bool = False, wrapped: bool = False) -> None:
    """Check that foreign text begins no line and no command of a CI runner. With `leading` no field begins with one
    either; with `wrapped` long lines go on below, indented."""
    text.encode()
    assert sanitize.line(OWN.sub("", text)) == OWN.sub("", text), text
    if leading:
        assert "##[" not in text, text
        assert "##vso[" not in text, text
    for line in text.splitlines():
        assert not (line if wrapped and not leading else line.lstrip()).startswith("::"), text


FOREIGN = st.lists(
    st.sampled_from((*ENDS, "a", " ", "\t", ":", "::error ::", "#", "##[", "##vso[", "\x1b[2J", "\u202e"))
)
