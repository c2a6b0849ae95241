"""The settings file: defaults of options in TOML, one line for each, `key = "value"`."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from podid.domain.errors import InvalidInput, UsageError
from podid.domain.option import OptionField, Stored
from podid.domain.text import did_you_mean
from podid.local import files

Keys = Mapping[str, OptionField]


class SettingsFile:
    """The settings of a file: the value of each key, and its line. `path` is None if no file is to be read. `problem`
    is why the file cannot be used, if it was read leniently."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        self.values: dict[str, str] = {}
        self.lines: dict[str, int] = {}
        self.problem: UsageError | None = None

    def stored(self, keys: Keys) -> Stored:
        """Return the value of each key with its place, as editors open it. A path is relative to the directory of the
        file."""
        return {
            key: (self._path_of(text) if is_path(keys[key]) else text, f"{self.path}:{self.lines[key]}")
            for key, text in self.values.items()
            if key in keys
        }

    def _path_of(self, text: str) -> str:
        assert self.path is not None
        return str(self.path.parent / Path(text).expanduser()) if text.strip() else text


def is_path(declared: OptionField) -> bool:
    return declared.metavar in ("FILE", "DIR")


def read_settings(path: Path | None, keys: Keys, *, lenient: bool = False) -> SettingsFile:
    """Return the settings of a file; none if it does not exist. Raise UsageError if it cannot be read, InvalidInput
    with the line of each mistake. With `lenient`, return the first of these errors and the settings that are valid."""
    file = SettingsFile(path)
    if path is None:
        return file
    try:
        _fill(file, path, keys)
    except UsageError as error:
        if not lenient:
            raise
        file.problem = error
    return file


def text_of(path: Path) -> str:
    """Return the text of the file with `\\n` as line end; empty if it does not exist. Raise UsageError."""
    with files.usage_errors(path, "read", "it is not UTF-8 text"), suppress(FileNotFoundError):
        return files.read(path).decode().removeprefix("\ufeff").replace("\r\n", "\n")
    return ""


def _fill(file: SettingsFile, path: Path, keys: Keys) -> None:
    mistakes: list[str] = []
    for key, (value, line) in parsed(text_of(path), path).items():
        if key not in keys:
            mistakes.append(f"{path}, line {line}: unknown setting {key!r}{did_you_mean(key, keys, 1)}")
        elif not isinstance(value, str):
            mistakes.append(f'{path}, line {line}: the value of {key} is not text in quotes, such as {key} = "…"')
        else:
            file.values[key], file.lines[key] = value, line
    if mistakes:
        raise InvalidInput(
            mistakes[0],
            lines=tuple(mistakes[1:]),
            subject=str(path),
            advice="podid config list shows the valid settings.",
        )


def parsed(text: str, path: Path) -> dict[str, tuple[object, int]]:
    """Return the values of TOML, each with its line. Raise InvalidInput with the line of a mistake."""
    values: dict[str, tuple[object, int]] = {}
    for number, line in enumerate(text.split("\n"), 1):
        plain = _plain(line)
        if plain is None or plain[0] in values:
            return _parsed_by_library(text, path)
        if plain[0]:
            values[plain[0]] = (plain[1], number)
    return values


def _plain(line: str) -> tuple[str, str] | None:
    """Return key and value of a line that needs no parser, because tomllib takes milliseconds to load: both empty for a
    comment, None for any other line."""
    line = line.strip(" ")
    if not line.isprintable():
        return None
    if not line or line[0] == "#":
        return "", ""
    key, _, assigned = line.partition("=")
    key, assigned = key.rstrip(" "), assigned.lstrip(" ")
    quote = assigned[:1]
    end = assigned.find(quote, 1) if quote in ('"', "'") else -1
    value, after = assigned[1:end], assigned[end + 1 :].lstrip(" ")
    bare = key.isascii() and key.replace("-", "").replace("_", "").isalnum()
    if end < 0 or not bare or (quote == '"' and "\\" in value) or (after and after[0] != "#"):
        return None
    return key, value


def _parsed_by_library(text: str, path: Path) -> dict[str, tuple[object, int]]:
    import re
    import tomllib

    try:
        values = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        lines = text.split("\n")
        place = re.search(r" \(at (?:line (\d+), column \d+|end of document)\)", str(error))
        number = int(place[1]) if place and place[1] else len(lines)
        words = str(error)[: place.start()] if place else "it is nested too deeply"
        bare = re.fullmatch(r"\s*([\w-]+)\s*=\s*([^\s\"'\[{][^#]*?)\s*(?:#.*)?", lines[number - 1])
        advice = f'Write the value in quotes: {bare[1]} = "{bare[2]}"' if bare else ""
        message = f"{path}, line {number}: this is not TOML: {words}"
        raise InvalidInput(message, subject=str(path), advice=advice) from error

    def line_of(key: str) -> int:
        """Return the line of a key at the top level, or of its table."""
        name = rf"""["']?{re.escape(key)}["']?\s*"""
        at = re.search(rf"^\s*(?:{name}[=.]|\[+\s*{name}[\].])", text, re.MULTILINE)
        return text.count("\n", 0, at.end()) + 1 if at else 1

    return {key: (value, line_of(key)) for key, value in values.items()}
