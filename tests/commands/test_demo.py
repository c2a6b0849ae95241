"""`podid demo`."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness import Podid, table
from podid.render.formats import Format
from podid.sandbox import process, tour
from worlds import Site


def test_the_demo_plays_to_its_end(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its scenes in this process and on this site: codes and names in it are those of the real thing."""
    site.with_samples()
    running = process.Running("http://127.0.0.1:1", 1, "demo", "111122223333", "us-west-2", "", 0.0, "")
    played: list[tuple[str, ...]] = []

    def play(argv: list[str], *, cwd: Path, env: dict[str, str], check: bool) -> Any:
        played.append(tuple(argv[4:]))
        monkeypatch.chdir(cwd)
        tty, site.podid.tty = site.podid.tty, False
        outcome = site(*argv[4:])
        site.podid.tty = tty
        return SimpleNamespace(returncode=outcome.code)

    started: list[Path] = []

    def start(*, directory: Path, samples: bool) -> process.Running:
        started.append(directory)
        return running

    monkeypatch.setattr(process, "start", start)
    monkeypatch.setattr(process, "stop", lambda **_: process.SandboxStopped(False))
    monkeypatch.setattr(process, "env", lambda **_: process.Environment(site.env, ("AWS_PROFILE",)))
    monkeypatch.setattr("podid.commands.demo.subprocess.run", play)
    outcome = site("demo")
    assert (outcome.code, outcome.stderr) == (0, "")
    assert played == [scene.argv for scene in tour.SCENES]
    home = site.directory / "state" / "podid" / "demo"  # its own sandbox and journal, and the way to them is told
    assert started == [home / "podid" / "sandbox"]
    assert f"export XDG_STATE_HOME={home}\n" in outcome.stdout
    assert outcome.stdout.count("\n$ podid ") == 1 + len(tour.SCENES)


@pytest.mark.parametrize(("broken_off", "code"), [(KeyboardInterrupt(), 130), (BrokenPipeError(), 0), (None, 1)])
def test_a_demo_that_ends_early_stops_its_sandbox(
    broken_off: BaseException | None, code: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Ctrl-C, a reader that has read enough, and a scene that ends otherwise than it should."""
    runs: list[bool] = []

    def start(**_: Any) -> process.Running:
        runs.append(True)
        return process.Running("http://127.0.0.1:1", 1, "demo", "111122223333", "us-west-2", "", 0.0, "")

    def play(*_: Any, **__: Any) -> Any:
        if broken_off is not None:
            raise broken_off
        return SimpleNamespace(returncode=77)

    monkeypatch.setattr(process, "start", start)
    monkeypatch.setattr(process, "stop", lambda **_: runs.append(False))
    monkeypatch.setattr(process, "env", lambda **_: process.Environment({}, ()))
    monkeypatch.setattr("podid.commands.demo.subprocess.run", play)
    assert Podid(env={"XDG_STATE_HOME": str(tmp_path)})("demo").code == code
    assert runs == [False, True, False]


@table("more", [("-o", output) for output in Format if output != "table"] + [("--query", "x")])
def test_the_demo_has_no_other_format(more: tuple[str, str]) -> None:
    outcome = Podid()("demo", *more)
    assert (outcome.code, outcome.stdout) == (2, "")
    assert "cannot be used with podid demo" in outcome.stderr
