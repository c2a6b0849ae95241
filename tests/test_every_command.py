"""Every command in every format, as a script runs it: the exit code is the known one, stdout is of the format, and
nothing ends as a bug."""

import csv
import io
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import test_schemas
from harness import Outcome, Podid, from_yaml, table
from podid.render.formats import Format, to_text
from podid.render.screen import Screen, draw
from podid.sandbox import process, tour
from scenes import Scene, play
from worlds import Site

MAY_BE_EMPTY = (["list", "-n"], ["agent", "logs"])
# ends before there is a result
REFUSED = {2, 4, 5, 6}


def check(argv: list[str], outcome: Outcome, code: int, output: Format) -> None:
    line = f"podid {' '.join(argv)} -o {output}"
    assert outcome.code == code, (line, outcome)
    assert "ran into a bug" not in outcome.stderr, (line, outcome)
    if code in REFUSED:
        assert outcome.stdout == "", line
        assert not output.structured or outcome.error["exitCode"] == code, (line, outcome.stderr)
        return
    document = read(outcome.stdout, output)
    assert document or argv[:2] in MAY_BE_EMPTY, (line, outcome)


def read(text: str, output: Format) -> Any:
    """What a reader of the format makes of it; raises where it is not of the format."""
    assert text == "" or text.endswith("\n")
    match output:
        case Format.JSON | Format.YAML:
            document = json.loads(text) if output is Format.JSON else from_yaml(text)
            assert document["apiVersion"] == "podid/v1"
            return document
        case Format.JSONL:
            documents = [json.loads(line) for line in text.splitlines()]
            assert all(isinstance(document, dict) for document in documents)
            return documents
        case Format.CSV:
            header, *rows = csv.reader(io.StringIO(text))
            assert all(header)
            assert {len(row) for row in rows} <= {len(header)}
            return header
        case Format.NAME:
            assert "\t" not in text
            assert all(line == line.strip() != "" for line in text.splitlines())
            return text or "none"
        case _:
            return text


def test_every_result_in_every_format(story: list[Scene]) -> None:
    """What is written as JSON is written in every other format too; `test_every_command_in_every_format` runs each
    command anew for each."""
    for scene in story:
        check(scene.way.argv, scene.outcome, scene.way.code, Format.JSON)
        for view in scene.views:
            for output in Format:
                assert read(to_text(view, output, None), output) is not None
            for wide in (False, True):
                assert draw(view, Screen(80, color=True), wide=wide)
    assert sum(len(scene.views) for scene in story) > len(story) / 2


@pytest.mark.rare
@pytest.mark.parametrize("output", Format)
def test_every_command_in_every_format(site: Site, monkeypatch: pytest.MonkeyPatch, output: Format) -> None:
    monkeypatch.chdir(site.directory)
    for scene in play(site, output):
        check(scene.way.argv, scene.outcome, scene.way.code, output)


VERBS = ("start", "status", "env", "break --list")
MOVING = ("reset", "break sa-mismatch", "heal")


def test_the_sandbox_in_every_format(podid: Podid) -> None:
    """One that runs, as a process; without one its commands are in the story."""

    def document(*words: str) -> Any:
        kind = "SandboxEnvironment" if words == ("env",) else "Sandbox"
        return test_schemas.check(podid("sandbox", *words, "-o", "json"), kind)

    assert [document(verb)["state"] for verb in ("status", "stop")] == ["not running", "not running"]
    try:
        states = ["running", "already running", "running", "reset"]
        assert [document(verb)["state"] for verb in ("start", "start", "status", "reset")] == states
        assert "AWS_PROFILE" in document("env")["unset"]
        for output in Format:
            for verb in (*VERBS, *(MOVING if output is Format.JSON else ())):
                words = ["sandbox", *verb.split()]
                check(words, podid(*words, "-o", output), 0, output)
        assert document("stop")["state"] == "stopped"
    finally:
        podid("sandbox", "stop")


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
def test_a_demo_that_breaks_off_leaves_nothing_running(
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
def test_the_demo_is_told_and_is_no_document(more: tuple[str, str]) -> None:
    outcome = Podid()("demo", *more)
    assert (outcome.code, outcome.stdout) == (2, "")
    assert "cannot be used with podid demo" in outcome.stderr
