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
from harness import Outcome, Podid, from_yaml
from podid.cli.terminal import Terminal
from podid.cli.tree import COMMANDS
from podid.render.formats import Format, to_text
from podid.render.screen import Screen, draw
from podid.render.view import View
from podid.sandbox import process, tour
from worlds import CLUSTER_ARN, ORDERS, Site, trust_for

# what comes first is the exit code
STORY = """
0 whoami
3 agent status
3 agent nodes
3 doctor
0 install-agent --dry-run
0 install-agent
0 install-agent
0 install-agent --addon-version latest
6 install-agent --addon-version default
5 install-agent --addon-version v1.0.0
2 install-agent --config agent.probePort=x
0 install-agent --config agent.probePort=2704
0 agent versions
0 agent status
0 agent nodes
0 agent logs
5 agent logs --node nosuch
0 agent logs --raw
5 role show orders
0 role create orders --for shop/orders --policy-file dynamodb-read.json --dry-run
0 role create orders --for shop/orders --policy-file dynamodb-read.json
0 role create orders --for shop/orders --policy-file dynamodb-read.json
6 role create orders --for shop/orders --policy-file dynamodb-read.json --tag a=b
0 role create orders --for shop/orders --print terraform
0 associate shop/orders --role orders --print terraform
0 role attach orders --managed-policy AmazonS3ReadOnlyAccess --preset dynamodb-read,table=orders
0 role attach orders --managed-policy AmazonS3ReadOnlyAccess
2 role detach orders --managed-policy AmazonS3ReadOnlyAccess
0 role detach orders --managed-policy AmazonS3ReadOnlyAccess --yes
5 role detach orders --managed-policy AmazonS3ReadOnlyAccess --yes
0 role create gone --for shop/gone
2 role delete gone
0 role delete gone --yes --dry-run
0 role delete gone --yes
5 role delete gone --yes
6 role delete demo-node-role --yes
0 role show orders
0 role show orders --all-clusters
0 role list
0 preset list
0 preset show s3-read,bucket=reports
5 preset show nosuch
0 role create reader --for shop/reader --preset s3-read,bucket=reports --preset vpc-cni
2 role create reader --for shop/reader --preset s3-read
0 role list --unused
0 show shop/orders
5 show shop/nosuch
5 status shop/orders
0 associate shop/orders --role orders --restart --dry-run
0 associate shop/orders --role orders --restart
0 associate shop/orders --role orders
0 associate shop/orders --role orders --wait verified
6 associate shop/orders --role storefront
0 associate shop/orders --tag a=b --replace
0 associate shop/orders --untag a --replace
2 associate shop/cart
8 associate shop/cart --role storefront --wait api --dry-run --cluster demo --cluster nosuch
0 associate -n shop --service-account o* --wait api --dry-run
2 associate -n shop --role storefront
5 associate shop/orders --role nosuch
0 associate shop/fresh --create-role --policy-file dynamodb-read.json --dry-run
0 show shop/orders
3 status
0 status shop/orders --require configured
2 status --require best
5 status -n nosuch
0 list
0 list --dangling --columns status,exists
5 list -n nosuch
5 list --cluster nosuch
0 trust check trust.json
0 trust check --role orders
0 trust check --role orders --for shop/orders
0 trust add trust.json --cluster-arn CLUSTER --for shop/cart
0 trust add --role orders --for shop/cart --dry-run
0 trust add --role orders --for shop/cart
0 trust add --role orders --for shop/cart
2 trust remove --role orders --for shop/cart
0 trust remove --role orders --for shop/cart --yes
0 trust remove trust.json --cluster-arn CLUSTER --for shop/cart
6 trust remove trust.json --cluster-arn CLUSTER --for shop/orders
0 trust tighten trust.json --cluster-arn CLUSTER --for shop/orders
0 trust tighten --role orders --yes
0 restart shop/orders
0 restart shop/orders --stale
0 restart shop/orders --evict
0 verify shop/orders --yes
0 verify -n shop --yes
5 verify -n nosuch --yes
0 verify shop/orders --yes --probe
5 verify shop/orders --yes --probe-node nosuch
3 verify shop/orders --yes --can s3:GetObject
2 verify shop/orders --yes --resource *
2 verify
2 verify shop/orders
3 doctor
0 doctor -n shop
0 doctor --all -n shop
0 doctor --list
2 bundle
0 bundle --yes
0 doctor --me --for associate
2 explain
0 explain --list
0 explain association-sa-not-found
5 explain nosuch
0 trust check trust.json --cluster-arn CLUSTER --for shop/orders
3 trust check trust.json --cluster-arn CLUSTER --for shop/orders --for shop/cart
0 history
0 history last
5 history nosuch
2 history 45
2 undo 45
2 undo last
5 copy --from-cluster demo --to-cluster nosuch
2 copy --from-cluster demo --to-cluster demo
2 move shop/orders shop/moved --update-trust
0 move shop/orders shop/moved --update-trust --yes --dry-run
0 disassociate shop/orders --delete-role --yes --dry-run
2 disassociate shop/orders
0 disassociate shop/orders --yes --dry-run
0 disassociate shop/orders --yes
5 disassociate shop/orders --yes
0 disassociate shop/orders --yes --ignore-not-found
2 undo last
0 undo last --yes --dry-run
0 addon list
0 addon list --all
0 addon associate aws-ebs-csi-driver ebs-csi-controller-sa --role storefront --dry-run
0 addon associate aws-ebs-csi-driver ebs-csi-controller-sa --role storefront
0 addon associate aws-ebs-csi-driver ebs-csi-controller-sa --role storefront
6 addon associate aws-ebs-csi-driver ebs-csi-controller-sa --role article-2023
5 addon associate nosuch sa --role storefront
2 addon disassociate aws-ebs-csi-driver ebs-csi-controller-sa
0 addon disassociate aws-ebs-csi-driver ebs-csi-controller-sa --yes
0 uninstall-agent --dry-run
2 uninstall-agent
0 uninstall-agent --yes
0 uninstall-agent --yes
0 undo last --yes
0 undo last --yes
0 associate --show-permissions
0 completion bash
3 sandbox status
0 sandbox stop
5 sandbox env
5 sandbox reset
2 sandbox break
0 sandbox break --list
5 sandbox break nosuch
0 sandbox break role-not-found
6 sandbox break role-not-found
0 sandbox heal role-not-found
5 sandbox heal role-not-found
"""
LINES = [(int(code), argv) for code, *argv in (line.split() for line in STORY.strip().splitlines())]
# by themselves, below
STARTED = {"sandbox start", "demo"}
MAY_BE_EMPTY = (["list", "-n"], ["agent", "logs"])
# ends before there is a result
REFUSED = {2, 4, 5, 6}


def test_every_command_is_in_the_story() -> None:
    told = {" ".join(argv) for _, argv in LINES}
    missing = {row.name for row in COMMANDS if not any(f"{line} ".startswith(f"{row.name} ") for line in told)}
    assert missing - STARTED == set(), "each wants a line of STORY"
    assert STARTED - missing == set()


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


def play(site: Site, monkeypatch: pytest.MonkeyPatch, output: Format) -> None:
    site.with_samples()
    monkeypatch.chdir(site.directory)
    site.policy_file()
    Path("trust.json").write_text(json.dumps(trust_for(ORDERS)))
    for code, argv in LINES:
        outcome = site(*(CLUSTER_ARN if word == "CLUSTER" else word for word in argv), "-o", output)
        check(argv, outcome, code, output)


def test_every_result_in_every_format(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is written as JSON is written in every other format too; `test_every_command_in_every_format` runs each
    command anew for each."""
    write, written = Terminal._write, 0

    def writing(self: Terminal, view: View) -> None:
        nonlocal written
        for output in Format:
            assert read(to_text(view, output, None), output) is not None
        for wide in (False, True):
            assert draw(view, Screen(80, color=True), wide=wide)
        written += 1
        write(self, view)

    monkeypatch.setattr(Terminal, "_write", writing)
    play(site, monkeypatch, Format.JSON)
    assert written > len(LINES) / 2


@pytest.mark.rare
@pytest.mark.parametrize("output", Format)
def test_every_command_in_every_format(site: Site, monkeypatch: pytest.MonkeyPatch, output: Format) -> None:
    play(site, monkeypatch, output)


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


@pytest.mark.parametrize("more", [("-o", output) for output in Format if output != "table"] + [("--query", "x")])
def test_the_demo_is_told_and_is_no_document(more: tuple[str, str]) -> None:
    outcome = Podid()("demo", *more)
    assert (outcome.code, outcome.stdout) == (2, "")
    assert "podid demo narrates" in outcome.stderr
