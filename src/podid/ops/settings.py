"""`podid config`: the defaults that are in effect, and changes of single lines of the settings file."""

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

from podid.calls.patience import Patience
from podid.domain.errors import Again, ExitCode, InvalidInput, NotFound, UsageError
from podid.domain.members import HIDDEN, OR_NULL, About, kind, members
from podid.domain.option import OptionField
from podid.domain.plan import Default
from podid.domain.text import did_you_mean, nearest
from podid.local import files
from podid.local.settings import Keys, SettingsFile, parsed, text_of


@kind("SettingList", "`podid config list`.")
@members("file items problems")
@dataclass(frozen=True, slots=True)
class SettingList:
    file: Annotated[str, OR_NULL, About("The settings file, which may not exist; null if PODID_CONFIG is empty.")]
    items: tuple[Default, ...]
    problems: Annotated[tuple[str, ...], About("The mistakes in the file, each with its line.")] = ()
    advice: Annotated[str, HIDDEN] = ""

    @property
    def exit_code(self) -> ExitCode:
        return ExitCode.USAGE if self.problems else ExitCode.OK


@kind("SettingsFile", "`podid config path`.")
@dataclass(frozen=True, slots=True)
class SettingsPath:
    file: Annotated[str, About("The settings file.")]
    exists: bool


def option_default(key: str, declared: OptionField, file: SettingsFile, env: Mapping[str, str]) -> Default:
    """Return the default that is in effect: of an environment variable, else of the file."""
    return Default(key, *(declared.default_from(env, file.stored({key: declared})) or ("", "")), declared.help)


def list_settings(keys: Keys, file: SettingsFile, env: Mapping[str, str]) -> SettingList:
    problem = file.problem
    items = tuple(option_default(key, declared, file, env) for key, declared in keys.items())
    problems = (problem.message, *problem.lines) if problem else ()
    return SettingList(str(file.path) if file.path else "", items, problems, problem.advice if problem else "")


def known_key(key: str, keys: Keys) -> OptionField:
    """Return the option of a key. Raise UsageError for an unknown one."""
    if key not in keys:
        near = nearest(key, keys, 1)
        raise UsageError(
            f"Unknown setting {key!r}{did_you_mean(key, keys, 1)}",
            hint=Again(swap=(key, near[0])) if near else (),
            advice="" if near else "podid config list shows all settings.",
            subject=key,
        )
    return keys[key]


def get_setting(key: str, keys: Keys, file: SettingsFile, env: Mapping[str, str]) -> Default:
    """Return a default in effect. Raise NotFound if there is none."""
    setting = option_default(key, known_key(key, keys), file, env)
    if not setting.source:
        raise NotFound(f"{key} has no default: neither a variable nor {file.path} sets it", subject=key)
    return setting


def write_setting(path: Path, key: str, value: str | None, patience: Patience) -> bool:
    """Write a value into the file, or remove it with None; return whether the file changed. Other lines, and mode and
    owner of the file, stay. Raise InvalidInput if the file is not TOML even afterwards, UsageError if it cannot be
    written."""
    from podid.ops.change.journal import wait_for

    path = path.resolve()  # a link to a file under version control stays a link
    with files.in_place(path, "written"):
        if files.present(path) is None:
            files.make_private(path.parent)
            with suppress(FileExistsError):  # of another podid process
                files.write_whole(path, b"")
        with files.locked(path, partial(wait_for, subject=str(path), patience=patience)) as facts:
            old = text_of(path)
            new = _edited(old, path, key, value)
            if new != old:
                files.replace_text(path, new, facts)
            return new != old


def _edited(text: str, path: Path, key: str, value: str | None) -> str:
    """Return the text with the line of the key replaced, added or removed."""
    lines = text.split("\n")
    own = re.compile(rf"""[ \t]*(["']?){re.escape(key)}\1[ \t]*=[ \t]*(?:"[^"\\]*"|'[^']*'|[^"'\s#]*)([ \t]*#.*)?""")
    matches = ((number, own.match(line)) for number, line in enumerate(lines))
    place, match = next(((number, match) for number, match in matches if match), (-1, None))
    added: list[str] = []
    if value is not None:
        # a string of JSON is one of TOML, except for DEL
        text_of_value = json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        added = [f"{key} = {text_of_value}{(match[2] or '') if match else ''}"]
    if match is None:
        # before the first table: below it, the key would be part of it
        tables = (number for number, line in enumerate(lines) if line.lstrip().startswith("["))
        place = next(tables, len(lines) if lines[-1].strip() else len(lines) - 1)
    new = [*lines[:place], *added, *(lines[place + (match is not None) :] or [""])]
    _check_edit(text, "\n".join(new), path, key, value)
    return "\n".join(new)


def _check_edit(old: str, new: str, path: Path, key: str, value: str | None) -> None:
    """Raise InvalidInput unless the edit changes this setting only."""
    after = _values(new, path)
    try:
        before = _values(old, path)
    except InvalidInput:
        return  # the edit fixed the mistake
    before.pop(key, None)
    if value is not None:
        before[key] = value
    if after != before:
        message = f"{path}: podid cannot change the lines of {key}. Change them in an editor"
        raise InvalidInput(message, subject=str(path))


def _values(text: str, path: Path) -> dict[str, object]:
    return {key: value for key, (value, _) in parsed(text, path).items()}
