"""The settings file: its place, and its keys, which are the options that have an environment variable."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from podid.cli.options import GUARD, SHARED
from podid.domain.option import NOT_STORED, OptionField, Stored

if TYPE_CHECKING:
    from podid.local.settings import SettingsFile

VARIABLE = "PODID_CONFIG"


def keys() -> dict[str, OptionField]:
    """Return the options with a default in the settings file, by key."""
    from podid.ops.options import COLUMNS, SCOPE

    every = (*SHARED.values(), COLUMNS, SCOPE, GUARD)
    return {item.key: item for item in every if item.env}


def settings_path(env: Mapping[str, str]) -> Path | None:
    """Return the path of the settings file, which may not exist; None if PODID_CONFIG is empty, and without a home
    directory."""
    if VARIABLE in env:
        return Path(env[VARIABLE]).expanduser().absolute() if env[VARIABLE] else None
    base = Path(env.get("XDG_CONFIG_HOME") or "")
    if not base.is_absolute():  # the XDG specification: relative paths are to be ignored
        base = Path(env.get("HOME") or "~").expanduser() / ".config"
    return base / "podid" / "config.toml" if base.is_absolute() else None


def read_file(env: Mapping[str, str], *, lenient: bool = False) -> SettingsFile:
    """Return the settings of the file. Raise as `podid.local.settings.read_settings`."""
    from podid.local.settings import read_settings

    return read_settings(settings_path(env), keys(), lenient=lenient)


def stored_settings(env: Mapping[str, str]) -> Stored:
    """Return the values of the settings file by key, with their sources. Raise UsageError."""
    path = settings_path(env)
    try:
        if path is None or not path.stat():
            return NOT_STORED
    except (FileNotFoundError, NotADirectoryError):
        return NOT_STORED
    except OSError:
        pass  # read_file raises the error
    return read_file(env).stored(keys())
