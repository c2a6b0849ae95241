"""Readings that lag behind an answered change never become a verdict: every changing command, with each list and
description of EKS and IAM that it reads, ends as it does without a lag, and makes the same calls and changes."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from harness import one_in
from ops.change.support import account_state
from podid.cli.tree import COMMANDS
from way_worlds import write_files
from ways import OWN, Way
from worlds import Site, whole_site

READS = ("Describe", "Get", "List", "Simulate", "Validate", "Generate")
LIST, DESCRIBE, EVERY = "ListPodIdentityAssociations", "DescribePodIdentityAssociation", "[DGL]*"
# the readings of what podid changes
OPERATIONS = (
    *(LIST, DESCRIBE, "DescribeAddon", "ListAddons", "DescribeUpdate"),
    *("GetRole", "ListRoles", "ListRolePolicies", "GetRolePolicy", "ListAttachedRolePolicies"),
    *("GetAccountAuthorizationDetails", "GetOpenIDConnectProvider", "ListOpenIDConnectProviders"),
)
CHANGING = {row.name for row in COMMANDS if "dry_run" in row.load().shared}
WAYS = tuple(way for way in OWN if way.command in CHANGING and way.code in (0, 3, 8) and not way.answers)


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_files()


class Run:
    """One way with readings that lag: the outcome, the operations that it calls, and what exists afterwards."""

    def __init__(self, way: Way, directory: Path, lags: dict[str, float]) -> None:
        directory.mkdir()
        with whole_site(directory) as site:
            way.world(site)
            site.wait(200)
            line = way.line
            if "NEWEST" in line:
                line = line.replace("NEWEST", site.must("history", "-o", "json").json["items"][0]["runId"])
            site.box.world.delays.lags.update(lags)
            before = Counter(site.box.faults.calls)
            self.outcome = site(*line.split())
            called = Counter(site.box.faults.calls) - before
            calls = {name: count for (service, name), count in called.items() if service in ("eks", "iam")}
            self.reads = {name for name in calls if name.startswith(READS)}
            self.writes = {name: count for name, count in calls.items() if name not in self.reads}
            site.box.world.delays.lags.clear()
            self.state = account_state(site.box)


def name_of(way: Way) -> str:
    return f"{way.line}, {way.world.__name__}"


def check(way: Way, directory: Path, operations: Iterable[str], lag: float) -> None:
    expected, failures = Run(way, directory / "0", {}), []
    for number, operation in enumerate(operations, 1):
        if operation != EVERY and operation not in expected.reads:
            continue
        found = Run(way, directory / str(number), {operation: lag})
        ends = (found.outcome.code, found.writes, found.state == expected.state)
        if ends != (expected.outcome.code, expected.writes, True):
            failures.append((operation, expected.outcome.code, expected.writes, ends, found.outcome))
    assert not failures, failures


@pytest.mark.parametrize("way", one_in(10, WAYS), ids=name_of)
def test_nothing_depends_on_when_all_readings_show_a_change(way: Way, tmp_path: Path) -> None:
    check(way, tmp_path, (EVERY,), 60.0)


@pytest.mark.rare
@pytest.mark.parametrize("lag", [5.0, 60.0])
@pytest.mark.parametrize("way", WAYS, ids=name_of)
def test_nothing_depends_on_when_one_reading_shows_a_change(way: Way, lag: float, tmp_path: Path) -> None:
    check(way, tmp_path, (*OPERATIONS, *((EVERY,) if lag == 5.0 else ())), lag)


@pytest.mark.rare
@pytest.mark.parametrize("way", WAYS, ids=name_of)
def test_a_wait_that_is_too_short_undoes_nothing(way: Way, tmp_path: Path) -> None:
    short = replace(way, line=f"{way.line} --timeout 20s")
    expected, found = Run(short, tmp_path / "0", {}), Run(short, tmp_path / "1", {EVERY: 60.0})
    # 8: the time is over before the last action
    assert found.outcome.code in (expected.outcome.code, 7, 8), found.outcome
    assert Counter(found.writes) <= Counter(expected.writes), found.outcome


UNLISTED = "EKS has not listed the association of"
# waits that end before EKS shows the change: the operation that lags, and the sentence
SHORT = (
    ("associate shop/orders --role storefront --restart", LIST, f"{UNLISTED} shop/orders yet"),
    (
        *("associate shop/orders --role article-2023 --replace --update-trust", DESCRIBE),
        "EKS has not shown the change of the association of shop/orders yet",
    ),
    ("disassociate shop/orders --yes", LIST, "EKS still lists the deleted association of shop/orders"),
    (
        *("addon associate aws-ebs-csi-driver ebs-csi-controller-sa --role storefront", LIST),
        f"{UNLISTED} kube-system/ebs-csi-controller-sa yet",
    ),
    (
        "trust add --role article-2023 --for shop/orders",
        "GetRole",
        "IAM has accepted the change of the trust policy of",
    ),
    ("uninstall-agent --yes", "DescribeAddon", "The add-on eks-pod-identity-agent still exists after 20 s"),
)


@pytest.mark.parametrize(("line", "operation", "sentence"), SHORT)
def test_a_wait_that_is_too_short_names_what_is_late(site: Site, line: str, operation: str, sentence: str) -> None:
    site.with_agent()
    if "--restart" not in line:
        site.associate("shop", "orders")
    site.wait(200)
    site.box.world.delays.lags[operation] = 60.0
    before = Counter(site.box.faults.calls)
    outcome = site(*line.split(), "--timeout", "20s")
    assert (outcome.code, sentence in outcome.stdout + outcome.stderr) == (7, True), outcome
    made = Counter(site.box.faults.calls) - before
    assert {
        count for (service, name), count in made.items() if service != "kubernetes" and not name.startswith(READS)
    } == {1}


ASSOCIATE = "associate shop/orders --role storefront --wait none"
NEXT = (
    "undo last --yes --wait none",
    "disassociate shop/orders --yes --wait none",
    ASSOCIATE,
    "associate shop/orders --role orders-dynamodb --replace --wait none",
    "restart shop/orders",
    "move shop/orders shop/cart --yes --wait none",
    "list",
    "show shop/orders",
    "status shop/orders",
)


@pytest.mark.parametrize("line", NEXT)
def test_the_next_command_knows_the_association_by_its_id(line: str, tmp_path: Path) -> None:
    """The list lags for a minute, and the first command does not wait for it."""
    ends = []
    for number, lags in enumerate(({}, {LIST: 60.0})):
        directory = tmp_path / str(number)
        directory.mkdir()
        with whole_site(directory) as site:
            site.with_agent().wait(200)
            site.box.world.delays.lags.update(lags)
            site.must(*ASSOCIATE.split())
            site.wait(3)
            ends.append((site(*line.split()).code, account_state(site.box)))
    assert ends[1] == ends[0]


@pytest.mark.parametrize(
    ("line", "operation", "write"),
    [
        (ASSOCIATE, LIST, "CreatePodIdentityAssociation"),
        (ASSOCIATE, EVERY, "CreatePodIdentityAssociation"),
        ("disassociate shop/orders --yes --wait none", EVERY, "DeletePodIdentityAssociation"),
        ("role create r --for shop/orders", "GetRole", "CreateRole"),
        ("addon install coredns", "DescribeAddon", "CreateAddon"),
        ("trust add --role article-2023 --for shop/orders", "GetRole", "UpdateAssumeRolePolicy"),
    ],
)
def test_a_lost_answer_is_found_although_readings_lag(site: Site, line: str, operation: str, write: str) -> None:
    """The service has made the change, its answer is lost, and readings show it a minute later."""
    if line.startswith("disassociate"):
        site.associate("shop", "orders")
    site.wait(200)
    before = account_state(site.box)
    site.box.world.delays.lags[operation] = 60.0
    site.box.faults.lose_answer("*", write, times=1)
    outcome = site(*line.split())
    assert outcome.code == 0, outcome
    site.box.faults.clear()
    site.wait(120)
    site.must("undo", "last", "--yes", "--wait", "none")
    assert account_state(site.box) == before


def test_an_association_that_someone_else_has_deleted_is_gone_at_once(site: Site) -> None:
    site.must(*ASSOCIATE.split())
    site.aws("eks").delete_pod_identity_association(
        clusterName="demo", associationId=site.must("list", "-o", "json").json["items"][0]["associationId"]
    )
    assert site.must("list", "-o", "json").json["items"] == []
    assert site("restart", "shop/orders").code == 5
    assert site.must(*ASSOCIATE.split(), "-o", "json").json["actions"][0]["status"] == "done"
