"""The shell that runs podid, and the files from which it loads a completion script."""

import os
import shlex
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, cast

from podid.domain.errors import Conflict, InvalidInput, UsageError
from podid.domain.members import OR_NULL, About, kind
from podid.local import files

Shell = Literal["bash", "zsh", "fish"]
SHELLS = ("bash", "zsh", "fish")
# a launcher, make or sudo may stand between the shell and podid
_MOST_ANCESTORS = 8
# podid's scripts contain it; another file at their place is not podid's
_OWN = b"podid_completion"


@kind("CompletionFiles", "`podid completion install` and `podid completion uninstall`.")
@dataclass(frozen=True, slots=True)
class CompletionFiles:
    """The files of a shell's completion. `changed` is whether one of them was written or deleted."""

    shell: Shell
    script: Annotated[str, About("The file with the completion script.")]
    startup: Annotated[str, OR_NULL, About("The startup file that loads the script; null if the shell finds it.")]
    installed: bool
    changed: bool


def shell_of(name: str | None, env: Mapping[str, str]) -> str:
    """Return the named shell, or the one that runs podid. Raise UsageError for another shell."""
    if name is not None and name not in SHELLS:
        raise InvalidInput(f"{name!r} is not one of {', '.join(SHELLS)}", subject=name)
    return name or detected_shell(env)


def detected_shell(env: Mapping[str, str], ancestors: Iterable[str] | None = None) -> str:
    """Return the nearest process above this one that is a known shell, else that of $SHELL. Raise UsageError."""
    for name in (*(_ancestors() if ancestors is None else ancestors), Path(env.get("SHELL", "")).name):
        if name in SHELLS:
            return name
    message = "The shell that runs podid is not known"
    raise UsageError(message, advice=f"Specify one of {', '.join(SHELLS)}: podid completion install bash")


def _ancestors() -> Iterator[str]:
    """Yield the program names of the processes above this one, the nearest first."""
    process = os.getppid()
    for _ in range(_MOST_ANCESTORS):
        if process <= 1 or (facts := _process(process)) is None:
            return
        process, name = facts
        yield name.removeprefix("-")  # of a login shell


def _process(number: int) -> tuple[int, str] | None:
    """Return the parent and the program name of a process; None if it cannot be read."""
    try:
        # the name stands in brackets and may contain blanks
        name, _, fields = Path(f"/proc/{number}/stat").read_text(encoding="utf-8").rpartition(")")
        return int(fields.split()[1]), name.partition("(")[2]
    except (OSError, ValueError, IndexError):
        pass
    import subprocess

    line = ("ps", "-o", "ppid=,comm=", "-p", str(number))
    try:
        shown = subprocess.run(line, capture_output=True, text=True, timeout=5, check=True)  # noqa: S603
        parent, name = shown.stdout.split(maxsplit=1)
        return int(parent), Path(name.strip()).name
    except (OSError, ValueError, subprocess.SubprocessError):
        return None


def install_completion(shell: str, script: str, env: Mapping[str, str]) -> CompletionFiles:
    """Write the script, and the line in the startup file that loads it. Raise UsageError if a file cannot be written,
    Conflict if a file of another program is in its place."""
    path, startup, line = _places(shell, env)
    data = script.encode()
    changed = _read_script(path) != data
    if changed:
        _write(path, data)
    old = b"" if startup is None else _read(startup) or b""
    if startup is not None and line.encode() not in old.splitlines():
        end = b"" if not old or old.endswith(b"\n") else b"\n"
        _write(startup, old + end + _block(line))
        changed = True
    return CompletionFiles(cast("Shell", shell), str(path), str(startup or ""), True, changed)


def uninstall_completion(shell: str, env: Mapping[str, str]) -> CompletionFiles:
    """Delete the script, and the line in the startup file that loads it. Raise as `install_completion`."""
    path, startup, line = _places(shell, env)
    changed = _read_script(path) is not None
    if changed:
        with files.usage_errors(path, "deleted"):
            path.unlink(missing_ok=True)
    old = b"" if startup is None else _read(startup) or b""
    lines = old.replace(_block(line), b"").splitlines(keepends=True)
    new = b"".join(item for item in lines if item.strip() != line.encode())
    if startup is not None and new != old:
        _write(startup, new)
        changed = True
    return CompletionFiles(cast("Shell", shell), str(path), str(startup or ""), False, changed)


def _places(shell: str, env: Mapping[str, str]) -> tuple[Path, Path | None, str]:
    """Return the file of the script, and the startup file with the line that loads it."""
    home = Path(env.get("HOME") or "~").expanduser()
    if shell == "fish":
        return _base(env, "XDG_CONFIG_HOME", home / ".config") / "fish" / "completions" / "podid.fish", None, ""
    data = _base(env, "XDG_DATA_HOME", home / ".local" / "share")
    if shell == "zsh":
        path = data / "podid" / "completion.zsh"
        load = "(( $+functions[compdef] )) || { autoload -Uz compinit && compinit; }; source"
        return path, Path(env.get("ZDOTDIR") or home) / ".zshrc", f"{load} {shlex.quote(str(path))}"
    # bash-completion loads it from here, too, where it is installed
    path = data / "bash-completion" / "completions" / "podid"
    # terminals of macOS start login shells
    login = sys.platform == "darwin" and not (home / ".bashrc").exists()
    return path, home / (".bash_profile" if login else ".bashrc"), f"source {shlex.quote(str(path))}"


def _base(env: Mapping[str, str], name: str, default: Path) -> Path:
    base = Path(env.get(name) or "")
    return base if base.is_absolute() else default


def _read_script(path: Path) -> bytes | None:
    content = _read(path)
    if content and _OWN not in content:
        raise Conflict(f"{path} exists and is not a completion script of podid", subject=str(path))
    return content


def _block(line: str) -> bytes:
    return f"\n# completion of podid\n{line}\n".encode()


def _read(path: Path) -> bytes | None:
    """Return the content of a file; None if it does not exist. Raise UsageError."""
    with files.usage_errors(path, "read"), suppress(FileNotFoundError):
        return files.read(path)
    return None


def _write(path: Path, data: bytes) -> None:
    """Write a file; a link to it stays a link. Raise UsageError."""
    path = path.resolve()
    with files.usage_errors(path, "written"):
        path.parent.mkdir(parents=True, exist_ok=True)
        files.write_whole(path, data, over=files.present(path), keep=True)
