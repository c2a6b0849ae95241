"""kill -9 at every moment of every change: the next run of the same command finishes it, and undo takes it back."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from harness import Podid
from ops.change.dying import CUTS, Launcher
from ops.change.support import POLICY, account_state, killed_at_write, policy_file, runs, undo_everything
from podid.sandbox.baseline import add_cluster
from podid.sandbox.box import Sandbox

pytestmark = pytest.mark.sampled(5)

KILLED = -9


@dataclass(frozen=True, slots=True)
class Scenario:
    """`before` are the commands that lead up to the one that is killed; `RUN` in it is the newest run's id. One that
    deletes is done `once`: asked for again when it has come to its end it finds nothing."""

    name: str
    command: tuple[str, ...]
    before: tuple[tuple[str, ...], ...] = ()
    other_cluster: str = ""
    once: bool = False


CREATE = ("role", "create", "shop-orders", "--for", "shop/orders", "--policy-file", "POLICY")
ASSOCIATE = ("associate", "shop/orders", "--role", "orders-dynamodb", "--wait", "none")
PERMISSIONS = ("--policy-file", "POLICY")
SETTINGS = ("--description", "new", "--max-session-duration", "2h")
SCENARIOS = (
    Scenario("role create", (*CREATE, "--managed-policy", "AmazonS3ReadOnlyAccess")),
    Scenario("associate", ASSOCIATE),
    Scenario("associate many", ("associate", *(f"shop/{name}" for name in "abcd"), *ASSOCIATE[2:])),
    Scenario("replace", (*ASSOCIATE[:3], "storefront", *ASSOCIATE[4:], "--replace"), (ASSOCIATE,)),
    Scenario("update trust", (*ASSOCIATE[:3], "article-2023", *ASSOCIATE[4:], "--update-trust")),
    Scenario(
        "disassociate",
        ("disassociate", "shop/orders", "shop/a", "shop/b", "--yes", "--wait", "none"),
        (ASSOCIATE, ("associate", "shop/a", "shop/b", *ASSOCIATE[2:])),
        once=True,
    ),
    Scenario(
        "with its role",
        ("disassociate", "shop/orders", "--delete-role", "--yes", "--wait", "none"),
        (CREATE, (*ASSOCIATE[:3], "shop-orders", *ASSOCIATE[4:])),
        once=True,
    ),
    Scenario(
        "uninstall agent",
        ("uninstall-agent", "--yes", "--accept-unread", "--wait", "none"),
        (("install-agent", "--wait", "none"),),
    ),
    Scenario("install agent", ("install-agent", "--wait", "none")),
    Scenario("undo", ("undo", "RUN", "--yes"), (CREATE,)),
    Scenario("target", (*CREATE, "--target-role", "arn:aws:iam::111122223333:role/storefront", "--update-trust")),
    Scenario(
        "attach", ("role", "attach", *CREATE[2:3], "--preset", "sqs-send,queue=q", "--preset", "vpc-cni"), (CREATE,)
    ),
    Scenario(
        "detach",
        (
            *("role", "detach", *CREATE[2:3], "--inline-policy", "read-table", "--yes"),
            *("--managed-policy", "AmazonS3ReadOnlyAccess"),
        ),
        ((*CREATE, "--managed-policy", "AmazonS3ReadOnlyAccess"),),
        once=True,
    ),
    Scenario(
        "copy",
        ("copy", "--from-cluster", "demo", "--to-cluster", "blue", "--update-trust", "--wait", "none"),
        (ASSOCIATE, ("associate", "shop/cart", "--role", "storefront", "--wait", "none")),
        other_cluster="blue",
    ),
    Scenario(
        "move",
        (
            *("move", "shop/orders", "shop/cart", "--update-trust", "--remove-trust", "--yes"),
            *("--wait", "none"),
        ),
        (CREATE, (*ASSOCIATE[:3], "shop-orders", *ASSOCIATE[4:])),
    ),
    Scenario(
        "apply",
        ("apply", "-f", "FILE", "--prune", "--yes", "--wait", "none"),
        (("apply", "-f", "EARLIER", "--wait", "none"),),
    ),
    Scenario(
        "apply a little", ("apply", "-f", "EARLIER", "--wait", "none"), (("apply", "-f", "LESS", "--wait", "none"),)
    ),
    Scenario("delete", ("role", "delete", *CREATE[2:3], "--yes"), (CREATE,), once=True),
    Scenario("associate with a role", ("associate", "shop/orders", "--create-role", *PERMISSIONS, "--wait", "none")),
    Scenario("trust add", ("trust", "add", "--role", "shop-orders", "--for", "shop/cart", "--yes"), (CREATE,)),
    Scenario(
        "trust remove",
        ("trust", "remove", "--role", "shop-orders", "--for", "shop/cart", "--yes"),
        (CREATE, ("trust", "add", "--role", "shop-orders", "--for", "shop/cart", "--yes")),
    ),
)
# changes of several calls each: a process may die between two of them
HALVES = (
    Scenario(
        "settings",
        (*CREATE, *SETTINGS, "--tag", "team=new", "--tag", "more=2", "--adopt", "--replace"),
        ((*CREATE, "--tag", "team=old", "--tag", "gone=1"),),
    ),
    Scenario(
        "association",
        (*ASSOCIATE, "--no-session-tags", "--tag", "team=new", "--tag", "more=2", "--replace"),
        ((*ASSOCIATE, "--tag", "team=old", "--tag", "gone=1"),),
    ),
)
# a run of several writes, one of a single write, and one that takes back; with the ways to die, empty for all
TELLING: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("role create", "associate", "undo", "disassociate", "delete"), ()),
    "apply a little": ("after",),
}


def declared(directory: Path) -> dict[str, str]:
    """Write two versions of one file: between them, roles and associations are created, changed and deleted."""

    def role(name: str, **more: Any) -> dict[str, Any]:
        return {"name": name, "policies": [{"name": "read", "document": POLICY}], **more}

    def files(name: str, roles: list[dict[str, Any]], links: dict[str, str]) -> str:
        path = directory / f"{name}.json"
        head = {"apiVersion": "podid/v1", "kind": "PodIdentity", "metadata": {"name": "shop"}}
        associations = [{"serviceAccount": account, "role": to} for account, to in links.items()]
        path.write_text(json.dumps({**head, "roles": roles, "associations": associations}))
        return str(path)

    old = files("earlier", [role("kept"), role("gone")], {"shop/a": "kept", "shop/b": "gone"})
    wide = role("kept", scope="namespace", description="new")
    new = files("file", [wide, role("new")], {"shop/a": "new", "shop/c": "kept"})
    less = files("less", [role("kept")], {"shop/a": "kept"})
    return {"EARLIER": old, "FILE": new, "LESS": less}


def grid(telling: dict[str, Any], rare: dict[str, Any]) -> list[Any]:
    """Each scenario with each way to die, by name. Those of `rare`, and all of a scenario that tells nothing new, are
    for `make fuzz`."""
    return [
        pytest.param(
            scenario,
            way,
            id=f"{scenario.name}-{name}",
            marks=() if name in telling and _tried(scenario, name) else (pytest.mark.rare,),
        )
        for scenario in SCENARIOS
        for name, way in (telling | rare).items()
    ]


def _tried(scenario: Scenario, way: str) -> bool:
    return scenario.name in TELLING and way in (TELLING[scenario.name] or (way,))


@dataclass(slots=True)
class Stage:
    """A fresh account and a fresh journal for every moment at which a run is killed."""

    box: Sandbox
    podid: Podid
    directory: Path
    scenario: Scenario
    rounds: int = 0
    untouched: Any = None
    start: Any = None
    command: tuple[str, ...] = ()

    def set_up(self) -> None:
        self.box.reset()
        if self.scenario.other_cluster:
            add_cluster(self.box.world, self.scenario.other_cluster)
        self.box.world.clock.go_on()  # as it does for the process that is killed
        self.rounds += 1
        self.podid.env = {**os.environ, "PODID_JOURNAL_DIR": str(self.directory / f"journal-{self.rounds}")}
        policy = policy_file(self.directory)
        self.untouched = account_state(self.box)
        names = {"POLICY": policy, **declared(self.directory)}
        for argv in self.scenario.before:
            self.do(*(names.get(part, part) for part in argv))
        run_id = runs(self.podid)[0]["runId"] if self.scenario.before else ""
        self.command = tuple({**names, "RUN": run_id}.get(part, part) for part in self.scenario.command)
        self.start = account_state(self.box)

    def do(self, *argv: str) -> Any:
        outcome = self.podid(*argv)
        assert outcome.code == 0, outcome.stderr
        return outcome


@pytest.fixture
def stage(request: pytest.FixtureRequest, box: Sandbox, podid: Podid, tmp_path: Path) -> Stage:
    return Stage(box, podid, tmp_path, request.param)


def converges(stage: Stage, expected: Any, done: int, *, ended: bool, undone: bool) -> None:
    """The same command again: same state as without the interruption, a journal that tells all; undo of all of it.
    `ended` is whether the first one came to its end."""
    again = stage.podid(*stage.command)
    assert again.code == (5 if stage.scenario.once and ended else 0), again
    assert account_state(stage.box) == expected
    history = runs(stage.podid)
    assert {item["status"] for item in history} <= {"done", "empty", "interrupted", "written"}
    new = history[: len(history) - len(stage.scenario.before)]
    steps = [action for item in new for action in item["actions"]]
    assert sum(action["status"] == "done" for action in steps) == done  # nothing twice, nothing forgotten
    for action in steps:
        if action["status"] == "failed":
            assert action["reason"] == "settled: the change was not made"
    if not undone:
        return
    if not stage.scenario.once:
        actions = stage.do(*stage.command, "-o", "json").json["actions"]
        assert {action["status"] for action in actions} <= {"unchanged"}
    if stage.scenario.name != "undo":
        undo_everything(stage.podid)
        assert account_state(stage.box) == stage.untouched


def uninterrupted(stage: Stage) -> tuple[Any, int]:
    stage.set_up()
    result = stage.do(*stage.command, "-o", "json").json
    return account_state(stage.box), sum(action["status"] == "done" for action in result["actions"])


def telling_cuts(line: int) -> tuple[str, ...]:
    """A whole intent, or half an outcome, is as much as the death before or after the write, which has its own test."""
    return CUTS if line == 0 else ("half",) if line % 2 else ("whole",)


@pytest.mark.parametrize(
    ("stage", "cuts"), grid({"telling": telling_cuts}, {"all": lambda line: CUTS}), indirect=["stage"]
)
def test_killed_at_every_line_of_the_journal(
    stage: Stage, launcher: Launcher, cuts: Callable[[int], tuple[str, ...]]
) -> None:
    expected, done = uninterrupted(stage)
    lines = 0
    for number in count():
        codes = set()
        for cut in cuts(number):
            stage.set_up()
            launcher.start(stage.command, stage.podid.env, die=(number, cut))
            code = launcher.wait().code
            codes.add(code)
            ended = code == 0 or (cut == "whole" and number == 1 + 2 * done)
            # a whole intent and no more is the death before a write, which has its own test
            converges(stage, expected, done, ended=ended, undone=cut == "whole" and number % 2 == 0)
        if codes == {0}:
            break
        assert codes == {KILLED}
        lines += 1
    assert lines == 2 + 2 * done  # the head, an intent and an outcome for each change, and the end


def killed_in(stage: Stage, launcher: Launcher, argv: tuple[str, ...], number: int, when: str) -> int:
    """Run a command in a process that is killed at its write `number`, and return its exit code."""
    pid: list[int] = []

    def current() -> int:
        while not pid:
            time.sleep(0.001)
        return pid[0]

    with killed_at_write(stage.box, number, when, current):
        pid.append(launcher.start(argv, stage.podid.env))
        return launcher.wait().code


@pytest.mark.parametrize(
    ("stage", "when"),
    grid({"before": "before", "after": "after"}, {}),
    indirect=["stage"],
)
def test_killed_around_every_write(stage: Stage, launcher: Launcher, when: str) -> None:
    expected, done = uninterrupted(stage)
    killed = 0
    for number in count():
        stage.set_up()
        code = killed_in(stage, launcher, stage.command, number, when)
        converges(stage, expected, done, ended=code == 0, undone=when == "after")
        if code == 0:
            break
        assert code == KILLED
        killed += 1
    assert killed == done


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    "stage",
    [
        *(pytest.param(scenario, id=scenario.name) for scenario in HALVES),
        *(
            pytest.param(scenario, id=scenario.name, marks=() if scenario.name in TELLING else (pytest.mark.rare,))
            for scenario in SCENARIOS
            if scenario.name != "undo"
        ),
    ],
    indirect=["stage"],
)
def test_an_undo_killed_around_every_write(stage: Stage, launcher: Launcher, when: str) -> None:
    """The next undo goes on from its journal, also between two calls of one change."""
    killed = 0
    for number in count():
        stage.set_up()
        stage.do(*stage.command)
        changed, *others = (item["runId"] for item in runs(stage.podid)[: -len(stage.scenario.before) or None])
        undo = ("undo", "last", "--yes", "--accept-unread", "--wait", "none")
        code = killed_in(stage, launcher, undo, number, when)
        again = stage.podid(*undo)
        assert again.code == 0, (number, again)
        history = {item["runId"]: item for item in runs(stage.podid)}
        assert history[changed]["undoneBy"] in history
        undos = [item for item in history.values() if item["undoes"] == changed]
        assert {item["status"] for item in undos[1:]} <= {"interrupted"}
        assert {item["continuedBy"] for item in undos[1:]} <= {undos[0]["runId"]}
        third = stage.podid(*undo)
        assert (third.code, "is already undone" in third.stderr) == (0, True)
        for other in others:  # the move of two service accounts has two runs
            stage.do("undo", other, *undo[2:])
        assert account_state(stage.box) == stage.start
        if code == 0:
            break
        assert code == KILLED
        killed += 1
    assert killed > 0


@pytest.mark.parametrize("when", ["before", "after"])
def test_the_program_itself_killed(box: Sandbox, podid: Podid, journal: Path, when: str) -> None:
    """The same once more with `python -m podid` as users start it."""
    pid: list[int] = []

    def current() -> int:
        while not pid:
            time.sleep(0.001)
        return pid[0]

    with killed_at_write(box, 0, when, current):
        process = subprocess.Popen([sys.executable, "-m", "podid", *ASSOCIATE], stderr=subprocess.DEVNULL)
        pid.append(process.pid)
        assert process.wait(20) == KILLED
    (interrupted,) = runs(podid)
    assert (interrupted["status"], [action["status"] for action in interrupted["actions"]]) == ("interrupted", ["open"])

    outcome = podid(*ASSOCIATE)

    assert outcome.code == 0
    reason = "the change was made" if when == "after" else "the change was not made"
    assert f"run {interrupted['runId']} was interrupted; association shop/orders: settled: {reason}" in outcome.stderr
    assert [item[:3] for item in account_state(box)["associations"]] == [
        ("shop", "orders", "arn:aws:iam::111122223333:role/orders-dynamodb")
    ]
