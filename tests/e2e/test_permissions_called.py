"""The rights that a command prints carry it through, and they are all that it asks for and no more."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from cluster_api import Json
from harness import Answers, Podid
from permissions_support import allow, checked_permissions, limited
from podid.checks.all import ALL
from podid.cli import permissions
from podid.cli.tree import COMMANDS
from podid.domain.permissions import Permissions
from podid.ops.reading import sections
from way_worlds import write_files
from ways import OWN, Way
from worlds import ACCOUNT, Site, whole_site

pytestmark = pytest.mark.sampled(3)

SHOWING = {row.name: row.load() for row in COMMANDS if "show_permissions" in row.load().shared}


AHEAD = sections.permissions(ALL)
# asked for only where the command line does not name the cluster, or names an account
CHOOSING = {"eks:DescribeCluster", "eks:ListClusters", "sts:GetCallerIdentity"}
# only for many roles, for many accounts and regions (test_many_accounts.py), and for a long trust policy
OF_MANY = {
    "iam:GetAccountSummary",
    "iam:GetAccountAuthorizationDetails",
    "sts:AssumeRole",
    "organizations:ListAccounts",
    "ec2:DescribeRegions",
    "account:ListRegions",
}


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the current directory, where the bundle is written too."""
    monkeypatch.chdir(tmp_path)
    write_files()


def granted(permissions: Any, reasons: tuple[str, ...], namespace: str = "shop") -> tuple[Json, list[Json]]:
    """The policy and the manifests that --show-permissions printed, with those of the optional ones; Roles for one
    namespace."""
    chosen = [item for item in permissions["optional"] if item["for"].startswith(reasons)] if reasons else []
    assert len(chosen) == len(reasons)
    statements = [s for each in (permissions, *chosen) if each["iamPolicy"] for s in each["iamPolicy"]["Statement"]]
    manifests = [manifest for each in (permissions, *chosen) for manifest in each["kubernetes"]["items"]]
    for manifest in manifests:
        if manifest["kind"] == "Role":
            manifest["metadata"]["namespace"] = namespace
    return {"Version": "2012-10-17", "Statement": statements}, manifests


@cache
def printed_by(command: str) -> str:
    """Nobody is asked for it, so it is the same everywhere."""
    outcome = Podid()(*command.split(), "--show-permissions", "-o", "json")
    assert outcome.code == 0, outcome
    return outcome.stdout


def carried_through(way: Way, directory: Path) -> Permissions:
    """What the way asks for, as a caller with just the rights that are printed for it."""
    directory.mkdir()
    with whole_site(directory) as site:
        way.world(site)
        lines = f"{way.line} {way.world.__name__}"
        namespace = next((name for name in ("apps", "kube-system") if name in lines), "shop")
        policy, manifests = granted(json.loads(printed_by(way.command)), way.permissions, namespace)
        caller = limited(site.box, directory, policy, manifests)
        for run in (directory / "state").rglob("*.jsonl"):  # a run is undone by who made it
            run.write_text(run.read_text().replace("user/podid-admin", "user/limited"))
        line = way.line
        if "NEWEST" in line:
            line = line.replace("NEWEST", site.must("history", "-o", "json").json["items"][0]["runId"])
        site.podid.tty, site.podid.answers = bool(way.answers), Answers(*way.answers)
        with checked_permissions() as asked:
            outcome = site(*line.split(), env=caller)
        assert outcome.code == way.code, (way, outcome)
        return Permissions(tuple(asked.iam), tuple(asked.kubernetes))


@pytest.mark.rare
@pytest.mark.parametrize("way", [way for way in OWN if way.rare], ids=lambda way: f"{way.line}, {way.world.__name__}")
def test_the_printed_permissions_suffice_for_the_other_ways(way: Way, tmp_path: Path) -> None:
    permissions = SHOWING[way.command].all_permissions()
    printed = permissions.always
    for item in permissions.optional:
        printed |= item.permissions
    found = carried_through(way, tmp_path / "site")
    assert set(found.iam) <= set(printed.iam)
    assert set(found.kubernetes) <= set(printed.kubernetes)


# each way is a world and up to four commands: of most commands every fourth way is run, of these every eighth; all of
# them, and that nothing is printed beyond them, under `make fuzz`
MANY = ("associate", "doctor", "install-agent", "role create", "undo")


def ways_of(command: str) -> list[Way]:
    return [way for way in OWN if way.command == command and not way.rare]


EVERY = {command: 8 if command in MANY else 4 if len(ways_of(command)) > 2 else 1 for command in SHOWING}


@pytest.mark.parametrize(
    ("command", "every"),
    [*EVERY.items(), *(pytest.param(command, 1, marks=pytest.mark.rare) for command in EVERY if EVERY[command] > 1)],
)
def test_the_printed_permissions_suffice_and_are_checked(command: str, every: int, tmp_path: Path) -> None:
    needed = SHOWING[command].all_permissions()
    printed = needed.always
    for item in needed.optional:
        printed |= item.permissions
    asked = Permissions()
    ways = ways_of(command)[::every]
    assert ways, f"OWN of ways.py needs a line of podid {command}"
    for number, way in enumerate(ways):
        found = carried_through(way, tmp_path / str(number))
        assert set(found.iam) <= set(printed.iam), way
        assert set(found.kubernetes) <= set(printed.kubernetes), way
        asked |= found
    if every > 1:
        return
    # what a change is judged by before and after it is what the doctor reads; associate's ways ask for all of that
    judging = (
        AHEAD | permissions.DRY_RUNS.permissions | permissions.TOKENS.permissions | permissions.SESSIONS.permissions
    )
    judging |= permissions.OWNERS.permissions | permissions.STACKS.permissions
    assert set(printed.iam) - set(asked.iam) <= CHOOSING | OF_MANY | set(judging.iam)
    assert set(printed.kubernetes) - set(asked.kubernetes) <= set(judging.kubernetes)


def test_choosing_a_cluster_is_among_the_permissions_of_all(site: Site, tmp_path: Path) -> None:
    caller = limited(site.box, tmp_path, allow(*CHOOSING, "eks:ListPodIdentityAssociations"))
    with checked_permissions() as asked:
        outcome = site("list", "--expect-account", ACCOUNT, env=caller, without=("PODID_CLUSTER", "KUBECONFIG"))
    assert outcome.code == 0, outcome
    assert asked.iam == {*CHOOSING, "eks:ListPodIdentityAssociations"}


@pytest.mark.parametrize(
    "chosen", ["--check agent-not-installed", "--link trust", "--link trust deploy/orders -n shop"]
)
def test_a_part_of_the_checks_requires_a_part_of_the_permissions(healthy: Site, tmp_path: Path, chosen: str) -> None:
    """Fewer than all of them take, and they suffice."""
    line = ("doctor", *chosen.split())
    everything, _ = granted(json.loads(printed_by("doctor")), ())
    policy, manifests = granted(healthy.must(*line, "--show-permissions", "-o", "json").json, ())
    assert len(str(policy)) < len(str(everything)) / 2
    outcome = healthy(*line, env=limited(healthy.box, tmp_path, policy, manifests))
    assert outcome.code == 0, outcome
