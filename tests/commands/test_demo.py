"""`podid demo`."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from harness import Podid, table
from podid.local.processes import python
from podid.render.formats import Format
from podid.sandbox import process, tour
from worlds import Site

RUNNING = process.Running("http://127.0.0.1:1", 1, "demo", "111122223333", "us-west-2", "", 0.0, "")
Command = tuple[str, ...]


class Recorded:
    """The demo's sandbox and its commands, without processes: `events` are the calls of start and stop, `run` runs a
    command and returns its exit code."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, env: dict[str, str]) -> None:
        self.events: list[str] = []
        self.directories: list[Path] = []
        self.commands: list[Command] = []
        self.run: Callable[[Command, Path], int] = lambda command, directory: 0
        monkeypatch.setattr(process, "start", self._start)
        monkeypatch.setattr(process, "stop", self._stop)
        monkeypatch.setattr(process, "env", lambda **_: process.Environment(env, ("AWS_PROFILE",)))
        monkeypatch.setattr(subprocess, "run", self._run)

    def _start(self, *, directory: Path, samples: bool) -> process.Running:
        self.events.append("start")
        self.directories.append(directory)
        return RUNNING

    def _stop(self, **_: object) -> process.SandboxStopped:
        self.events.append("stop")
        return process.SandboxStopped(False)

    def _run(self, argv: Command, *, cwd: Path, **_: object) -> subprocess.CompletedProcess[str]:
        command = argv[len(python("podid")) :]
        assert argv == python("podid", *command)
        self.commands.append(command)
        return subprocess.CompletedProcess(argv, self.run(command, cwd))


def test_each_scene_ends_with_its_exit_code(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commands run in this process and on this site, which has the demo's samples."""
    site.with_samples()
    demo = Recorded(monkeypatch, site.env)

    def run(command: Command, directory: Path) -> int:
        monkeypatch.chdir(directory)
        with monkeypatch.context() as patch:
            patch.setattr(site.podid, "tty", False)
            return site(*command).code

    demo.run = run
    outcome = site("demo")
    assert (outcome.code, outcome.stderr) == (0, "")
    assert demo.commands == [scene.argv for scene in tour.SCENES]
    assert demo.events == ["stop", "start"]
    # the demo has its own state directory, and prints how to use it
    home = site.directory / "state" / "podid" / "demo"
    assert demo.directories == [home / "podid" / "sandbox"]
    assert f"export XDG_STATE_HOME={home}\n" in outcome.stdout
    assert outcome.stdout.count("\n$ podid ") == 1 + len(tour.SCENES)


def test_no_keep_stops_the_sandbox_after_the_last_scene(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    demo = Recorded(monkeypatch, {})
    codes = {scene.argv: scene.codes[0] for scene in tour.SCENES}
    demo.run = lambda command, directory: codes[command]
    outcome = Podid(env={"XDG_STATE_HOME": str(tmp_path)})("demo", "--no-keep")
    assert outcome.code == 0
    assert demo.events == ["stop", "start", "stop"]
    assert "The sandbox is still running" not in outcome.stdout


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (KeyboardInterrupt(), 130),
        (BrokenPipeError(), 0),  # the reader of stdout has closed the pipe
    ],
)
def test_an_interrupted_demo_stops_its_sandbox(
    error: BaseException, code: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    demo = Recorded(monkeypatch, {})

    def interrupt(*_: object) -> int:
        raise error

    demo.run = interrupt
    assert Podid(env={"XDG_STATE_HOME": str(tmp_path)})("demo").code == code
    assert demo.events == ["stop", "start", "stop"]


def test_an_unexpected_exit_code_ends_the_demo(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    demo = Recorded(monkeypatch, {})
    demo.run = lambda command, directory: 77
    outcome = Podid(env={"XDG_STATE_HOME": str(tmp_path)})("demo")
    assert outcome.code == 1
    assert "podid install-agent ended with exit code 77, not 0" in outcome.stderr
    assert demo.commands == [tour.SCENES[0].argv]
    assert demo.events == ["stop", "start", "stop"]


@pytest.mark.parametrize("output", ["json", "wide", "sarif"])
def test_a_default_format_is_that_of_other_commands(
    output: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    demo = Recorded(monkeypatch, {})
    codes = {scene.argv: scene.codes[0] for scene in tour.SCENES}
    demo.run = lambda command, directory: codes[command]
    outcome = Podid(env={"XDG_STATE_HOME": str(tmp_path), "PODID_OUTPUT": output})("demo")
    assert (outcome.code, outcome.stderr) == (0, "")
    assert "$ podid doctor" in outcome.stdout


@table("more", [("-o", output) for output in Format if output != "table"] + [("--query", "x")])
def test_the_demo_has_no_other_format(more: tuple[str, str]) -> None:
    outcome = Podid()("demo", *more)
    assert (outcome.code, outcome.stdout) == (2, "")
    assert "cannot be used with podid demo" in outcome.stderr
