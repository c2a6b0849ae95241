"""Text from AWS or from a cluster is not to be trusted with a terminal, a spreadsheet or a CI log."""

import re

# ESC and the other C0 controls, DEL, C1, the bidi controls and the two separators that some terminals take as newlines
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069\u2028\u2029]")
_CONTROLS_BUT_LAYOUT = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069\u2028\u2029]"
)


def _visible(match: re.Match[str]) -> str:
    return f"\\x{ord(match.group()):02x}" if ord(match.group()) < 256 else f"\\u{ord(match.group()):04x}"


def line(text: str) -> str:
    """One line for a person: controls become visible escapes, so nothing is hidden and nothing is obeyed."""
    return _CONTROLS.sub(_visible, text)


def block(text: str) -> str:
    """Several lines for a person: newlines and tabs stay, every other control becomes visible."""
    return _CONTROLS_BUT_LAYOUT.sub(_visible, text)


def tsv(text: str) -> str:
    """One tab-separated field."""
    return line(text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r"))


def csv_cell(text: str) -> str:
    """One CSV field that a spreadsheet does not take for a formula (OWASP, CSV injection)."""
    cell = line(text)
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@")) else cell
