"""Reading commands over the clusters of several accounts and regions."""

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from accounts import ROLE, ids, organization
from harness import Podid
from podid.sandbox.baseline import add_association
from podid.sandbox.box import Sandbox

OWN = "111122223333"
ALL = ("--assume-role", ROLE, "--organization")


@pytest.fixture
def four(box: Sandbox) -> Sandbox:
    """The own account with one association, and three others with two clusters each; one more is suspended."""
    add_association(box.world, "shop", "orders", "apps/orders-dynamodb")
    organization(box, ids(3), clusters=2)
    box.world.organization["999900000000"] = "SUSPENDED"
    return box


def lines(text: str) -> set[str]:
    return {json.loads(line)["associationArn"].rpartition("/")[0] for line in text.splitlines()}


def of(account: str, cluster: str, region: str = "us-west-2") -> str:
    return f"arn:aws:eks:{region}:{account}:podidentityassociation/{cluster}"


def test_all_accounts_of_the_organization(four: Sandbox, podid: Podid) -> None:
    expected = {of(OWN, "demo"), *(of(account, name) for account in ids(3) for name in ("c00", "c01"))}
    outcome = podid("list", *ALL, "-o", "jsonl")
    assert (outcome.code, lines(outcome.stdout), outcome.stderr) == (0, expected, "")
    document = podid("list", *ALL, "-o", "json").json
    assert ({item["associationArn"].rpartition("/")[0] for item in document["items"]}) == expected
    rows = podid("list", *ALL).stdout.splitlines()
    assert rows[0].split("\t")[0] == f"c00 ({ids(3)[0]} us-west-2)"
    assert rows[-1].split("\t")[0] == "demo"
    # the own account's role is not needed, and the suspended account not asked
    assert four.faults.calls["sts", "AssumeRole"] == 3 * 3


def test_some_accounts(four: Sandbox, podid: Podid) -> None:
    first, second, _ = ids(3)
    outcome = podid("list", "--assume-role", ROLE, "--accounts", f"{first},{second}", "-o", "jsonl")
    assert lines(outcome.stdout) == {of(account, name) for account in (first, second) for name in ("c00", "c01")}


def test_every_region(box: Sandbox, podid: Podid) -> None:
    regions = ("us-west-2", "af-south-1", "us-east-1")
    organization(box, ids(2), regions=regions)
    everywhere = {of(account, "c00", region) for account in ids(2) for region in regions}
    outcome = podid("list", "--all-regions", *ALL, "-o", "jsonl")
    assert (outcome.code, lines(outcome.stdout)) == (0, everywhere), outcome
    (one,) = {of(ids(2)[0], "c00", "us-east-1")}
    outcome = podid("list", "--assume-role", ROLE, "--accounts", ids(2)[0], "--region", "us-east-1", "-o", "jsonl")
    assert (outcome.code, lines(outcome.stdout)) == (0, {one}), outcome
    # in the own account, without a role: only demo's region has a cluster
    add_association(box.world, "shop", "orders", "apps/orders-dynamodb")
    assert lines(podid("list", "--all-regions", "-o", "jsonl").stdout) == {of(OWN, "demo")}


def test_regions_by_either_permission(box: Sandbox, podid: Podid) -> None:
    regions = ("us-west-2", "af-south-1")
    organization(box, ids(1), regions=regions)
    line = ("list", "--all-regions", "--assume-role", ROLE, "--accounts", ids(1)[0], "-o", "jsonl")
    box.world.credentials.deny("ec2:DescribeRegions")
    outcome = podid(*line)
    assert (outcome.code, lines(outcome.stdout)) == (0, {of(ids(1)[0], "c00", region) for region in regions}), outcome
    box.world.credentials.deny("account:ListRegions")
    outcome = podid(*line)
    assert (outcome.code, outcome.error["permission"]) == (4, "ec2:DescribeRegions")
    box.world.credentials.allow_again("ec2:DescribeRegions")
    assert podid(*line).code == 0


@pytest.mark.parametrize("output", ["json", "jsonl", "table"])
def test_forbidden_accounts_and_clusters_are_named(four: Sandbox, podid: Podid, output: str) -> None:
    """Two accounts have no such role, one cluster may not be read: all others are printed."""
    absent = ("333300000001", "333300000002")
    for account in absent:
        four.world.organization[account] = "ACTIVE"
    cluster = f"arn:aws:eks:us-west-2:{ids(3)[1]}:cluster/c01"
    four.world.credentials.deny("eks:ListPodIdentityAssociations", resource=cluster)
    outcome = podid("list", *ALL, "-o", output)
    assert outcome.code == 8, outcome
    assert len([line for line in outcome.stdout.splitlines() if "shop" in line]) == 6
    for account in absent:
        assert f"is not authorized to perform sts:AssumeRole on arn:aws:iam::{account}:role/{ROLE}" in outcome.stderr
    assert cluster in outcome.stderr


def test_one_report_of_all_clusters(four: Sandbox, podid: Podid, tmp_path: Path) -> None:
    """A cluster that cannot be read is in each file. The names of clusters recur in the accounts."""
    four.world.organization["333300000001"] = "ACTIVE"
    names = ("a.sarif", "a.xml", "a.md", "a.json")
    files = [part for name in names for part in ("--report", str(tmp_path / name))]
    outcome = podid("audit", *ALL, "--fail-on", "never", "-o", "sarif", *files)
    assert outcome.code == 8, outcome
    (run,) = outcome.json["runs"]
    paths = [
        result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].split("/")[:3]
        for result in run["results"]
    ]
    expected = {
        (OWN, "us-west-2", "demo"),
        *((account, "us-west-2", name) for account in ids(3) for name in ("c00", "c01")),
    }
    assert set(map(tuple, paths)) == expected
    assert len({result["partialFingerprints"]["podid/v1"] for result in run["results"]}) == len(run["results"])
    (invocation,) = run["invocations"]
    assert not invocation["executionSuccessful"]
    assert ["333300000001" in item["message"]["text"] for item in invocation["toolExecutionNotifications"]] == [True]
    texts = {name: (tmp_path / name).read_text() for name in names}
    assert json.loads(texts["a.sarif"]) == outcome.json
    assert [item["cluster"] for item in json.loads(texts["a.json"])["failures"]] == ["333300000001 us-west-2"]
    assert len(json.loads(texts["a.json"])["items"]) == 7
    suites = ET.fromstring(texts["a.xml"])
    assert {suite.get("name", "").partition(" ")[0].rpartition("/")[0] for suite in suites} == {
        "",
        *(f"arn:aws:eks:us-west-2:{account}:cluster" for account in (OWN, *ids(3))),
    }
    assert suites.get("errors") == str(len(suites.findall("testsuite/testcase/error")))
    assert texts["a.md"].count("# podid audit: ") == 7
    assert "# Clusters that could not be read\n\n- 333300000001 us-west-2: " in texts["a.md"]
    # a second run does not replace the files
    assert podid("audit", *ALL, "-o", "github", *files).code == 2
    outcome = podid("doctor", *ALL, "-o", "github")
    assert outcome.code == 8
    assert "::error title=333300000001 us-west-2 could not be read::" in outcome.stdout


def test_no_account_can_be_read(box: Sandbox, podid: Podid) -> None:
    outcome = podid("list", "--assume-role", ROLE, "--accounts", "333300000001,333300000002")
    assert (outcome.code, outcome.stdout) == (4, "")
    assert all(account in outcome.stderr for account in ("333300000001", "333300000002"))


def test_the_organization_cannot_be_listed(four: Sandbox, podid: Podid) -> None:
    four.world.credentials.deny("organizations:ListAccounts")
    outcome = podid("list", *ALL, "-o", "json")
    assert (outcome.code, outcome.stdout, outcome.error["permission"]) == (4, "", "organizations:ListAccounts")
    four.world.organization.clear()
    four.world.credentials.allow_again()
    outcome = podid("list", *ALL, "-o", "json")
    assert (outcome.code, outcome.stdout) == (5, ""), outcome
    assert "in no organization" in outcome.error["message"]


def test_an_external_id(box: Sandbox, podid: Podid) -> None:
    organization(box, ids(1), external_id="s3cret")
    line = ("list", "--assume-role", ROLE, "--accounts", ids(1)[0])
    assert podid(*line).code == 4
    assert podid(*line, "--external-id", "s3cret").stdout.startswith("shop")


def test_credentials_are_renewed(four: Sandbox, podid: Podid, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of a minute are renewed for each call: botocore renews in the last ten minutes."""
    add = four.world.credentials.add_session

    def short(*args: object, **named: object) -> object:
        return add(*args, **{**named, "seconds": 60})  # type: ignore[arg-type]

    monkeypatch.setattr(four.world.credentials, "add_session", short)
    assert podid("list", *ALL).code == 0
    assert four.faults.calls["sts", "AssumeRole"] > 6


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--accounts 222200000000", "--accounts and --organization require --assume-role"),
        ("--organization", "--accounts and --organization require --assume-role"),
        (f"--assume-role {ROLE}", "--assume-role requires --accounts or --organization"),
        (f"--assume-role {ROLE} --accounts 1", "--accounts '1' is not a 12-digit account ID"),
        (f"--assume-role {ROLE} --accounts 222200000000 --organization", "cannot be used together"),
        ("--assume-role a:b --organization", "--assume-role 'a:b' is not the name of a role"),
        ("--all-regions --region us-east-1", "--region and --all-regions cannot be used together"),
        ("--all-regions --cluster demo", "--cluster and --all-regions cannot be used together"),
        (f"--assume-role {ROLE} --organization -c demo", "--cluster and --organization cannot be used together"),
        (f"--assume-role {ROLE} --organization --profile a --profile b", "several --profile cannot be used together"),
        ("--external-id x", "--external-id requires --assume-role"),
        ("--shard 2/2", "--shard '2/2' is not INDEX/COUNT"),
    ],
)
def test_options_that_cannot_be_combined(box: Sandbox, podid: Podid, line: str, message: str) -> None:
    outcome = podid("list", *line.split(), "-o", "json")
    assert (outcome.code, outcome.stdout) == (2, "")
    assert message in outcome.error["message"]


def test_shards_are_disjoint_and_complete(box: Sandbox, podid: Podid) -> None:
    organization(box, ids(3), clusters=4)
    parts = [lines(podid("list", *ALL, "--shard", f"{number}/3", "-o", "jsonl").stdout) for number in range(3)]
    assert sum(map(len, parts)) == len(set.union(*parts)) == 12
    empty = podid("list", "--all-clusters", "--shard", "0/7", "-o", "json")
    other = podid("list", "--all-clusters", "--shard", "1/7", "-o", "json")
    assert (empty.code, empty.json["items"], other.code, other.json["items"]) == (0, [], 0, [])


def test_the_expected_account_is_the_callers(four: Sandbox, podid: Podid) -> None:
    assert podid("list", *ALL, "--expect-account", OWN).code == 0
    assert podid("list", *ALL, "--expect-account", ids(1)[0]).code == 6


def test_hints_name_the_one_cluster(four: Sandbox, podid: Podid) -> None:
    """By its ARN, which is bound to account and region: the same name elsewhere cannot be hit by mistake."""
    line = ("agent", "status", *ALL, "-o", "json")
    document = podid(*line).json
    statuses = {item["clusterArn"]: item for item in document["items"]}
    assert len(statuses) == 7
    assert document["failures"] == []
    doctor = podid("doctor", *ALL, "--check", "agent-not-installed", "-o", "jsonl")
    for text in doctor.stdout.splitlines():
        report = json.loads(text)
        for finding in report["findings"]:
            for command in finding["fix"]["commands"]:
                assert command[command.index("--cluster") + 1] == report["clusterArn"]
