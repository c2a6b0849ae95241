"""What counts of a pasted text: its words, without what terminals, loggers, browsers and chat programs did to them."""

import re

# from the first of them on: a search that began at each of a million would look at all that follow
_BACKSLASHES = r"(?<!\\)\\+"
_UNICODE = re.compile(rf"{_BACKSLASHES}u([0-9a-fA-F]{{4}})")
_ESCAPE_KEY = re.compile(rf"{_BACKSLASHES}(?:x1b|033|e)(?=\[)")
_ENTITIES = (
    ("&lt;", "<"),
    ("&gt;", ">"),
    ("&quot;", '"'),
    ("&#34;", '"'),
    ("&#39;", "'"),
    ("&#x27;", "'"),
    ("&amp;", "&"),
)
_ANSI = re.compile(
    r"\x1b\[[0-9;:?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(\x07|\x1b\\)|[\x00-\x08\x0e-\x1f\u200b-\u200d\ufeff]"
)
_GUTTER = re.compile(r"(?m)^[ \t]*(?:[>|#*] ?)+|[\u2500-\u257f]")  # Markdown's quotes; Terraform's frame
# escaped once, or again for each log that it went through
_BLANKS = re.compile(rf"{_BACKSLASHES}[rnt]")
_ESCAPED_QUOTES = re.compile(rf"{_BACKSLASHES}(?=[\"'])")
_BOLD = re.compile(r"(?<![*\w/:-])\*\*(?=\w)|(?<=[\w.])\*\*(?![*\w])")  # Markdown's, and not what blanks out a name
_QUOTES = str.maketrans(dict.fromkeys('\u201c\u201d\u2018\u2019\u00ab\u00bb"', "'") | {"`": None})


def squeeze(text: str) -> str:
    """Lower case, one kind of quote, without escapes, frames and white space: what is compared."""
    return "".join(words(text))


def words(text: str) -> list[str]:
    """In lower case, with one kind of quote and no back quotes."""
    plain = text
    for entity, meant in _ENTITIES:
        plain = plain.replace(entity, meant)
    plain = _UNICODE.sub(lambda found: chr(int(found[1], 16)), plain)
    plain = _GUTTER.sub(" ", _ANSI.sub("", _ESCAPE_KEY.sub("\x1b", plain)))
    plain = _BOLD.sub("", _ESCAPED_QUOTES.sub("", _BLANKS.sub(" ", plain)))
    return plain.translate(_QUOTES).lower().split()
