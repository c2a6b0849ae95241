"""Readings that lag behind an answered change never become a verdict: every changing command, with each list and
description of EKS and IAM that it reads, ends as it does without a lag, and writes the same."""

from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from ops.change.support import account_state
from way_worlds import write_files
from ways import OWN, Way
from worlds import whole_site

READS = ("Describe", "Get", "List", "Simulate", "Validate", "Generate")
# what can lag: the lists and descriptions of what podid writes
OPERATIONS = (
    "ListPodIdentityAssociations",
    "DescribePodIdentityAssociation",
    "DescribeAddon",
    "ListAddons",
    "DescribeUpdate",
    "GetRole",
    "ListRoles",
    "ListRolePolicies",
    "GetRolePolicy",
    "ListAttachedRolePolicies",
    "GetAccountAuthorizationDetails",
    "GetOpenIDConnectProvider",
    "ListOpenIDConnectProviders",
    "[DGL]*",
)
CHANGED = tuple(way for way in OWN if way.code in (0, 3, 8) and not way.answers and "--dry-run" not in way.line)


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_files()


class Run:
    """One way with readings that lag: the outcome, the operations that it calls, and what exists afterwards."""

    def __init__(self, way: Way, directory: Path, lags: dict[str, float], *more: str) -> None:
        directory.mkdir()
        with whole_site(directory) as site:
            way.world(site)
            site.wait(200)
            line = way.line
            if "NEWEST" in line:
                line = line.replace("NEWEST", site.must("history", "-o", "json").json["items"][0]["runId"])
            site.box.world.delays.lags.update(lags)
            before, began = Counter(site.box.faults.calls), site.clock.now()
            self.outcome = site(*line.split(), *more)
            self.seconds = site.clock.now() - began
            called = Counter(site.box.faults.calls) - before
            calls = {name: count for (service, name), count in called.items() if service in ("eks", "iam")}
            self.reads = {name for name in calls if name.startswith(READS)}
            self.writes = {name: count for name, count in calls.items() if name not in self.reads}
            site.box.world.delays.lags.clear()
            self.state = account_state(site.box)


@cache
def without_lag(way: Way, directory: Path) -> Run:
    return Run(way, directory, {})


def name_of(way: Way) -> str:
    return f"{way.line}, {way.world.__name__}"


@pytest.mark.parametrize("lag", [5.0, 60.0])
@pytest.mark.parametrize("way", CHANGED, ids=name_of)
def test_nothing_depends_on_when_a_reading_shows_a_change(
    way: Way, lag: float, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    expected = without_lag(way, tmp_path / "0")
    if not expected.writes:
        return
    failures = []
    for number, operation in enumerate(OPERATIONS, 1):
        if operation.isalpha() and operation not in expected.reads:
            continue
        found = Run(way, tmp_path / str(number), {operation: lag})
        ends = (found.outcome.code, found.writes, found.state == expected.state)
        if ends != (expected.outcome.code, expected.writes, True):
            failures.append((operation, expected.outcome.code, expected.writes, ends, found.outcome))
    assert not failures, failures
