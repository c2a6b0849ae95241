"""Escape foreign text for a terminal, a spreadsheet and a CI log."""

import re
from collections.abc import Callable

# ESC and the other C0 controls, DEL, C1, the bidi controls, the two separators that some terminals take as newlines,
# halves of surrogate pairs, which no stream can encode, and invisible characters: a name with a zero-width space looks
# like the name without (Unicode, Default_Ignorable_Code_Point; variation selectors only change the shape)
_CONTROLS = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff"
    "\uffa0\ufff0-\ufffb\ud800-\udfff\U000e0000-\U000e0fff]"
)
_SHORT = {"\t": "\\t", "\n": "\\n", "\r": "\\r"}
# Commands of a GitHub runner: `::name …::` at the start of a line, after any white space; the older `##[name …]` and
# Azure's `##vso[…]` anywhere in it (actions/runner, ActionCommand.cs: TryParseV2 and TryParse)
_COMMAND = re.compile(r"(?:\A|(?<=[\r\n]))(\s*):(?=:)|#(?=#(?:vso)?\[)")


def _visible(match: re.Match[str]) -> str:
    character = match.group()
    code = ord(character)
    if code > 0xFFFF:
        return f"\\U{code:08x}"
    return _SHORT.get(character) or (f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}")


def line(text: str) -> str:
    """Return one line of text, with control characters as visible escapes."""
    return _CONTROLS.sub(_visible, text)


def escaped(text: str, escape: Callable[[int], str]) -> str:
    """Return the text with `escape` of the code of each control character, for another language."""
    return _CONTROLS.sub(lambda match: escape(ord(match.group())), text)


def defused(text: str, *, fresh: bool = True) -> str:
    """Return the text without commands of CI runners; `fresh` if it begins a line."""
    return _COMMAND.sub(_defused, text) if fresh else _COMMAND.sub(_defused, f"x{text}")[1:]


def _defused(match: re.Match[str]) -> str:
    return "\\x23" if match.group() == "#" else f"{match.group(1)}\\x3a"


def tsv(text: str) -> str:
    """Return one tab-separated field."""
    return line(text.replace("\\", "\\\\"))


def csv_cell(text: str) -> str:
    """Return one CSV field that a spreadsheet does not read as a formula (OWASP, CSV injection)."""
    cell = line(text)
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@")) else cell
