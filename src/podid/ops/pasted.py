"""Divide a pasted text or log into records, and make them comparable.

Terminals wrap texts, tools draw frames around them, loggers escape them and chat programs replace their quotes.
Therefore a comparison ignores white space, frames and the kind of quotes."""

import re
from collections.abc import Iterator

from podid.pages import texts

# from this number of lines on a text is a log, whose records are matched separately
LOG_LINES = 40
_LONGEST_RECORD = 40  # lines
_WRAPPED = 2

# written before each line by container runtimes, kubectl, stern and Docker Compose
_PREFIX = re.compile(
    r"(?:\[pod/[^\s\]]+\]|[\w.-]+[ ]+(?:[\w.-]+[ ])?[|\u2502]"
    r"|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z(?:[ ]std(?:out|err)[ ][FP])?)(?:[ ]|$)(.*)"
)
_DOCKER = re.compile(r'\{"log": ?"(.*?)(?:\\n)?", ?"stream": ?"std(?:out|err)", ?"time": ?"[^"]*"\}')
# a time, a level or an object, as loggers begin a record
_START = re.compile(
    r"""[ \t]*(?:[\[(]?\d{4}[-/]\d\d[-/]\d\d|\d\d:\d\d:\d\d|[IWEF]\d{4}[ ]\d\d:
    |\[?(?:\w{3}[ ]+)?\w{3}[ ]+\d{1,2}[ ]\d\d:|\{|(?:time|ts|level|t)=
    |\[?(?:trace|debug|info|warn(?:ing)?|error(?!:[ ])|fatal|panic)\b|\S+[ ]\S+[ ]\S+[ ]\[\d\d/)""",
    re.VERBOSE | re.IGNORECASE,
)
_INDENTED = re.compile(r"[ \t]|[\u2502\u2575\u2577]")


def is_log(text: str) -> bool:
    """Return whether most lines begin as loggers begin a record."""
    lines = text.splitlines()
    return len(lines) > 1 and sum(1 for line in lines if _START.match(line)) > len(lines) / 2


def records(text: str) -> Iterator[str]:
    """Yield each record of a log: a line with the lines below it that continue it. They are indented, or do not begin
    like most lines of the log. Yield another short text as a whole."""
    lines, usual = text.splitlines(), is_log(text)
    if len(lines) <= LOG_LINES and not usual:
        yield text
        return
    record: list[str] = []
    for line in lines:
        continued = _INDENTED.match(line) or (usual and len(record) < _LONGEST_RECORD and not _START.match(line))
        if record and not continued:
            yield "\n".join(record)
            record = []
        record.append(line)
    yield "\n".join(record)


def without_prefixes(text: str) -> str:
    """Return the lines without the text before them if each line has it: an application writes its own prefix only
    before the first line of a message."""
    lines = [line for line in text.splitlines() if line]
    for prefix in (_DOCKER, _PREFIX):
        if all(matches := [prefix.match(line) for line in lines]):
            return "\n".join(match[1] for match in matches if match)
    return text


# from the first backslash of a series: otherwise a search would start at each of a million
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
# escaped once or several times
_BLANKS = re.compile(rf"{_BACKSLASHES}[rnt]")
_ESCAPED_QUOTES = re.compile(rf"{_BACKSLASHES}(?=[\"'])")
_BOLD = re.compile(r"(?<![*\w/:-])\*\*(?=\w)|(?<=[\w.])\*\*(?![*\w])")  # Markdown's, not asterisks that mask a name
_QUOTES = str.maketrans(dict.fromkeys('\u201c\u201d\u2018\u2019\u00ab\u00bb"', "'") | {"`": None})


def squeeze(text: str) -> str:
    """Return the text for comparison: lower case, one kind of quote, without escapes, frames and white space."""
    return "".join(words(text))


def unwrapped(text: str) -> str:
    """Return the text with the lines joined that a terminal wrapped within words: at least two with the full width."""
    lines = _GUTTER.sub("", text).splitlines()
    width = max(map(len, lines), default=0)
    if sum(1 for line in lines if len(line) == width) < _WRAPPED:
        return text
    return "".join(line if len(line) == width else f"{line}\n" for line in lines)


def words(text: str) -> list[str]:
    """Return the words of the text in lower case, with one kind of quote and no back quotes."""
    plain = text
    for entity, meant in _ENTITIES:
        plain = plain.replace(entity, meant)
    plain = _UNICODE.sub(lambda match: chr(int(match[1], 16)), plain)
    plain = _GUTTER.sub(" ", _ANSI.sub("", _ESCAPE_KEY.sub("\x1b", plain)))
    plain = _BOLD.sub("", _ESCAPED_QUOTES.sub("", _BLANKS.sub(" ", plain)))
    for pattern, meant in texts.SETTINGS:
        plain = pattern.sub(meant, plain)
    return plain.translate(_QUOTES).lower().split()
