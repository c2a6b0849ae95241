"""Files of every kind: what is opened and written, and what is refused without waiting for it."""

import ast
import errno
import os
import re
import stat
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from podid.local import files

NOT_REGULAR = {
    "pipe": "it is not a regular file",
    "device": "it is not a regular file",
    "directory": "it is a directory",
}
REFUSED = {**NOT_REGULAR, "link": "it is a symbolic link", "dangling": "it is a symbolic link"}


def planted(kind: str, at: Path) -> Path:
    """Something of that kind; links lead beside it."""
    beside = at.parent / "beside"
    match kind:
        case "pipe":
            os.mkfifo(at)
        case "device":
            return Path(os.devnull)
        case "directory":
            at.mkdir()
        case "link":
            beside.write_text("precious")
            at.symlink_to(beside)
        case "dangling":
            at.symlink_to(beside)
        case "hard link":
            beside.write_text("precious")
            at.hardlink_to(beside)
        case "file":
            at.write_text("old")
    return at


def write_over(path: Path) -> Any:
    return files.write_whole(path, b"new", over=files.present(path))


def lock(path: Path) -> Any:
    with files.locked(path, lambda _: None):
        return "locked"


READERS: tuple[Callable[[Path], Any], ...] = (files.read, files.check_readable, files.open_regular)
OWN: tuple[Callable[[Path], Any], ...] = (files.open_own, lambda path: files.read(path, own=True), lock, write_over)


@pytest.mark.parametrize("use", READERS)
@pytest.mark.parametrize("kind", NOT_REGULAR)
def test_only_a_regular_file_is_read(use: Callable[[Path], Any], kind: str, tmp_path: Path) -> None:
    began = time.monotonic()
    with pytest.raises(OSError) as raised:
        use(planted(kind, tmp_path / "x"))
    assert raised.value.strerror == NOT_REGULAR[kind]
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("use", OWN)
@pytest.mark.parametrize("kind", REFUSED)
def test_only_a_regular_file_is_written_and_trusted(use: Callable[[Path], Any], kind: str, tmp_path: Path) -> None:
    path = planted(kind, tmp_path / "x")
    before = sorted(tmp_path.iterdir())
    with pytest.raises(OSError) as raised:
        use(path)
    assert raised.value.strerror in (REFUSED[kind], os.strerror(errno.ENOENT))
    assert sorted(tmp_path.iterdir()) == before
    if kind == "link":
        assert (tmp_path / "beside").read_text() == "precious"


def test_a_link_is_read_through(tmp_path: Path) -> None:
    assert files.read(planted("link", tmp_path / "x")) == b"precious"


def test_a_file_that_becomes_a_pipe_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, facts = planted("pipe", tmp_path / "x"), planted("file", tmp_path / "y").stat()
    monkeypatch.setattr(os, "stat", lambda *_, **__: facts)
    with pytest.raises(OSError, match="it is not a regular file"):
        files.read(path)


@pytest.mark.parametrize(("mode", "uid", "why"), [(0o620, 0, "can write"), (0o602, 0, "can write"), (0o600, 1, "user")])
def test_only_what_nobody_else_can_have_written_is_ones_own(
    mode: int, uid: int, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = planted("file", tmp_path / "x")
    path.chmod(mode)
    user = os.geteuid() + uid
    monkeypatch.setattr(os, "geteuid", lambda: user)
    for use in (files.open_own, lambda path: files.read(path, own=True)):
        with pytest.raises(OSError, match=why):
            use(path)
    assert files.read(path) == b"old"


def test_too_large(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"x" * (files.MOST_BYTES + 1))
    with pytest.raises(OSError, match="it is larger than 1 MiB"):
        files.read(path)
    assert len(files.read(path, files.MOST_BYTES + 1)) == files.MOST_BYTES + 1


def test_a_new_file_is_ones_own_and_takes_no_name_that_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "x"
    old = os.umask(0)
    try:
        files.write_whole(path, b"new")
    finally:
        os.umask(old)
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"new", 0o600)
    with pytest.raises(FileExistsError):
        files.write_whole(path, b"newer")
    assert [item.name for item in tmp_path.iterdir()] == ["x"]
    assert path.read_bytes() == b"new"


def test_without_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(*_: object, **__: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    test_a_new_file_is_ones_own_and_takes_no_name_that_is_taken(tmp_path)


@pytest.mark.parametrize("failing", ["write", "fsync", "rename"])
def test_a_failed_write_leaves_no_file(failing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = planted("file", tmp_path / "x")

    def fail(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    facts = files.present(path)
    monkeypatch.setattr(*{"write": (os, "fdopen"), "fsync": (os, "fsync"), "rename": (Path, "replace")}[failing], fail)
    with pytest.raises(KeyboardInterrupt):
        files.write_whole(path, b"new", over=facts)
    assert [(item.name, item.read_bytes()) for item in tmp_path.iterdir()] == [("x", b"old")]


@pytest.mark.parametrize("keep", [True, False])
def test_mode_and_owner_stay_in_place_alone(keep: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = planted("file", tmp_path / "x")
    path.chmod(0o4754)
    owners: list[tuple[int, int]] = []
    facts = files.present(path)
    assert facts is not None
    fields = list(facts)[:10]
    fields[4] += 7
    theirs = os.stat_result(fields)
    monkeypatch.setattr(files, "require_same", lambda *_: None)
    monkeypatch.setattr(os, "fchown", lambda _, *ids: owners.append(ids))
    files.write_whole(path, b"new", over=theirs, keep=keep)
    assert owners == ([(theirs.st_uid, theirs.st_gid)] if keep else [])
    assert stat.S_IMODE(path.stat().st_mode) == (0o4754 if keep else 0o600)


def test_an_owner_who_cannot_be_kept_is_a_reason_not_to_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = planted("file", tmp_path / "x")
    fields = list(path.lstat())[:10]
    fields[5] += 7

    def not_allowed(*_: int) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "fchown", not_allowed)
    with pytest.raises(OSError, match="it belongs to another user or group"):
        files.write_whole(path, b"new", over=os.stat_result(fields), keep=True)
    assert path.read_bytes() == b"old"


@pytest.mark.parametrize("how", ["written", "replaced", "removed", "link"])
def test_a_file_that_changed_after_it_was_read_is_not_overwritten(how: str, tmp_path: Path) -> None:
    path, other = planted("file", tmp_path / "x"), tmp_path / "y"
    facts = files.present(path)
    match how:
        case "written":
            path.write_text("theirs")
        case "replaced":
            other.write_text("old")
            other.replace(path)
        case "removed":
            path.unlink()
        case "link":
            path.unlink()
            other.write_text("old")
            path.symlink_to(other)
    before = {item.name: item.read_text() for item in tmp_path.iterdir()}
    with pytest.raises(files.ChangedMeanwhile):
        files.write_whole(path, b"new", over=facts)
    assert {item.name: item.read_text() for item in tmp_path.iterdir()} == before


def test_a_file_of_two_names_is_not_changed_in_place(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="hard link"):
        lock(planted("hard link", tmp_path / "x"))


def test_a_lock_is_of_the_file_that_exists_after_the_wait(tmp_path: Path) -> None:
    import fcntl

    path, taken = planted("file", tmp_path / "x"), threading.Event()
    added: list[bytes] = []

    def add(letter: bytes) -> None:
        with files.locked(path, lambda descriptor: fcntl.flock(descriptor, fcntl.LOCK_EX)) as facts:
            taken.set()
            data = files.read(path) + letter
            time.sleep(0.01)
            files.write_whole(path, data, over=facts, keep=True)
            added.append(letter)

    threads = [threading.Thread(target=add, args=(letter,)) for letter in (b"a", b"b", b"c", b"d")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(path.read_bytes()) == sorted(b"old" + b"".join(added))
    assert len(added) == 4


def test_directories(tmp_path: Path) -> None:
    deep = tmp_path / "a" / "b"
    files.make_private(deep)
    assert files.check_private(deep)
    assert {stat.S_IMODE(item.stat().st_mode) for item in (deep, deep.parent)} == {0o700}
    assert not files.check_private(tmp_path / "nothing")
    (tmp_path / "link").symlink_to(deep)
    deep.chmod(0o770)
    for path, why in (
        (tmp_path / "link", "link"),
        (deep, "other users"),
        (planted("file", tmp_path / "x"), "directory"),
    ):
        with pytest.raises(OSError, match=why):
            files.check_private(path)


PACKAGE = Path(files.__file__).resolve().parents[1]
# what comes with podid itself, a directory that ssl needs for a moment, and where a stream that failed goes
OWN_WAYS = {
    "local/files.py",
    "pages/__init__.py",
    "pages/texts.py",
    "ops/role/presets.py",
    "ops/permissions/actions.py",
    "render/graph.py",
    "render/reports/html.py",
    "render/declaration.py",
    "sandbox/http.py",
    "cli/runtime.py",
    "local/processes.py",
    "cli/server/serve.py",  # keeps stdout for the protocol
    "ops/shells.py",  # reads /proc
}
_OPENING = {"read_text", "read_bytes", "write_text", "write_bytes", "touch", "mkstemp", "NamedTemporaryFile"}


def opens(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call):
        return False
    called = node.func
    if isinstance(called, ast.Name):
        return called.id == "open"
    if not isinstance(called, ast.Attribute):
        return False
    of_os = isinstance(called.value, ast.Name) and called.value.id in ("os", "io")
    return called.attr in _OPENING or (called.attr in ("open", "mkfifo") and of_os)


def test_no_other_place_opens_a_file() -> None:
    texts = {path.relative_to(PACKAGE).as_posix(): path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py")}
    # to parse all files takes a second
    named = {name: text for name, text in texts.items() if re.search("|".join((*_OPENING, "open", "mkfifo")), text)}
    assert {name for name, text in named.items() if any(map(opens, ast.walk(ast.parse(text))))} == OWN_WAYS
