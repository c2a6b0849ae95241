"""Every command in every format, as a script runs it: the exit code is the known one, stdout is of the format, and
nothing ends as a bug."""

import csv
import io
import json
from typing import Any

import pytest

import test_schemas
from harness import Outcome, Podid, from_yaml
from podid.render.formats import DOCUMENTS, Drawing, Format, Report, to_text
from podid.render.screen import Screen, draw
from scenes import Scene, play
from worlds import Site

# no association in the namespace, no line in the logs, no service account with that access
MAY_BE_EMPTY = (["list", "-n"], ["agent", "logs"], ["who-can", "s3:*"])


DEFAULTS = tuple(dict.fromkeys((*Format, *Report, *Drawing)))

# ends before there is a result
REFUSED = {2, 4, 5, 6}


def check(argv: list[str], outcome: Outcome, code: int, output: Format) -> None:
    line = f"podid {' '.join(argv)} -o {output}"
    assert outcome.code == code, (line, outcome)
    assert "ran into a bug" not in outcome.stderr, (line, outcome)
    if code in REFUSED:
        assert outcome.stdout == "", line
        assert output not in DOCUMENTS or outcome.error["exitCode"] == code, (line, outcome.stderr)
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


@pytest.mark.parametrize(
    "output", [Report.SARIF, *(pytest.param(other, marks=pytest.mark.rare) for other in DEFAULTS if other != "sarif")]
)
def test_a_default_that_a_command_cannot_use_has_no_effect(
    site: Site, monkeypatch: pytest.MonkeyPatch, output: str
) -> None:
    monkeypatch.chdir(site.directory)
    for scene in play(site, None, PODID_OUTPUT=output):
        assert scene.outcome.code == scene.way.code, (scene.way.line, scene.outcome)


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
