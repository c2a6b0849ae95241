"""The settings file as `podid config` changes it: values are checked as the options themselves check them."""

from collections.abc import Mapping
from pathlib import Path

from podid.cli.access import Access
from podid.cli.options import SHARED, from_values
from podid.cli.settings import VARIABLE, keys, read_file, settings_path
from podid.domain.errors import NotFound, UsageError
from podid.domain.names import check_cluster_name, parse_cluster_arn
from podid.domain.option import refuse_blank
from podid.domain.plan import Default
from podid.local.settings import is_path
from podid.ops.settings import known_key, option_default, write_setting

# another process holds the file for milliseconds
LOCK_SECONDS = 10.0


def needed_path(env: Mapping[str, str]) -> Path:
    """Return the path of the settings file. Raise UsageError if there can be none."""
    path = settings_path(env)
    if path is None:
        how = f"{VARIABLE} is empty" if VARIABLE in env else "HOME is not an absolute path"
        raise UsageError(f"There is no settings file: {how}", hint=("unset", VARIABLE) if VARIABLE in env else ())
    return path


def change_setting(access: Access, key: str, value: str | None) -> Default:
    """Write a value into the settings file, or remove it, and return the default that is now in effect."""
    env, declared = access.runtime.env, known_key(key, keys())
    path = needed_path(env)
    write_setting(path, key, value, access.patience(LOCK_SECONDS))
    setting = option_default(key, declared, read_file(env, lenient=True), env)
    if setting.source in declared.env:
        access.terminal.note(f"{setting.source} is set and overrides the settings file")
    return setting


def checked_value(access: Access, key: str, value: str) -> str:
    """Return the value for the settings file. Raise as the option does for a value that is not valid."""
    declared = known_key(key, keys())
    refuse_blank(declared.key, value)
    declared.value(value)
    if is_path(declared):
        value = str(Path(value).expanduser().absolute())
    if declared.field in SHARED:
        from_values({declared.field: value}, {})
    _check(access, key, value)
    return value


def _check(access: Access, key: str, value: str) -> None:
    """Check a value as commands do later than at parsing."""
    env = access.runtime.env
    match key:
        case "cluster":
            (parse_cluster_arn if value.startswith("arn:") else check_cluster_name)(value)
        case "region":
            access.session(None, value)
        case "profile":
            access.session(value, "us-east-1")
        case "context":
            from podid.kube.kubeconfig import current_eks_cluster, read

            default = SHARED["kubeconfig"].default_from(env, read_file(env, lenient=True).stored(keys()))
            kubeconfig = default[0] if default else ""
            if read(kubeconfig, env) is None:
                raise NotFound(f"There is no kubeconfig with context {value}", subject=value)
            current_eks_cluster(kubeconfig, value, env)
        case "kubeconfig":
            from podid.kube.kubeconfig import read

            read(value, env)
        case "columns":
            from podid.render.associations import check_columns

            check_columns(value)
        case "guard":
            from podid.ops.declare.files import read_guard

            read_guard(value, read_file=access.terminal.read_file)
