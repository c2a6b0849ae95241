"""Reading commands over the clusters of several accounts and regions."""

import csv
import json
import shlex
from io import StringIO
from pathlib import Path
from typing import NoReturn
from xml.etree import ElementTree as ET

import pytest

from accounts import ALL, OWN, ROLE, association_of, associations_in, ids, organization
from harness import Answers, Podid
from podid.aws.eks import Eks
from podid.domain.errors import Cancelled, Unavailable
from podid.sandbox.baseline import add_association, add_cluster
from podid.sandbox.box import Sandbox


@pytest.fixture
def four(box: Sandbox) -> Sandbox:
    """The own account with one association, and three others with two clusters each; one more is suspended."""
    add_association(box.world, "shop", "orders", "apps/orders-dynamodb")
    organization(box, ids(3), clusters=2)
    box.world.organization["999900000000"] = "SUSPENDED"
    return box


def test_all_accounts_of_the_organization(four: Sandbox, podid: Podid) -> None:
    expected = {
        association_of(OWN, "demo"),
        *(association_of(account, name) for account in ids(3) for name in ("c00", "c01")),
    }
    outcome = podid("list", *ALL, "-o", "jsonl")
    assert (outcome.code, associations_in(outcome.stdout), outcome.stderr) == (0, expected, "")
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
    assert associations_in(outcome.stdout) == {
        association_of(account, name) for account in (first, second) for name in ("c00", "c01")
    }


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
    runs = outcome.json["runs"]
    results = [result for run in runs for result in run["results"]]
    paths = [item["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].split("/")[:3] for item in results]
    expected = {
        (OWN, "us-west-2", "demo"),
        *((account, "us-west-2", name) for account in ids(3) for name in ("c00", "c01")),
    }
    assert set(map(tuple, paths)) == expected
    assert len({result["partialFingerprints"]["podid/v1"] for result in results}) == len(results)
    assert {tuple(run["automationDetails"]["id"].split("/")[2:5]) for run in runs} == expected
    (invocation,) = runs[0]["invocations"]
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
    assert len({line for line in texts["a.md"].splitlines() if line.startswith("# podid audit: ")}) == 7
    assert "# Clusters that could not be read\n\n- 333300000001 us-west-2: " in texts["a.md"]
    # a second run does not replace the files
    assert podid("audit", *ALL, "-o", "github", *files).code == 2
    outcome = podid("doctor", *ALL, "-o", "github")
    assert outcome.code == 8
    assert "::error title=333300000001 us-west-2 could not be read::" in outcome.stdout
    titles = {line.split("::")[1] for line in outcome.stdout.splitlines()}
    assert len([title for title in titles if title.startswith("notice title=podid doctor ")]) == 7
    assert len({title.rpartition(" in arn")[2] for title in titles if " in arn" in title}) > 1
    rows = csv.DictReader(StringIO(podid("doctor", *ALL, "-o", "csv").stdout))
    assert len({row["cluster"] for row in rows}) == 7


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


def test_hints_name_the_cluster_that_failed(box: Sandbox, podid: Podid, files: dict[str, str]) -> None:
    add_cluster(box.world, "blue")
    add_association(box.world, "shop", "orders", "storefront")
    both = ("--cluster", "demo", "--cluster", "blue", "--wait", "none", "--journal-dir", files["journal"])
    outcome = podid("associate", "shop/orders", "--role", "orders-dynamodb", *both, "-o", "json")
    assert outcome.code == 8, outcome
    words = shlex.split(outcome.error["hint"])
    assert (words.count("--cluster"), words[words.index("--cluster") + 1], words[-1]) == (1, "demo", "--replace")
    neither = podid("disassociate", "shop/nosuch", "--yes", *both, "-o", "json")
    hints = [json.loads(line)["error"]["hint"] for line in neither.stderr.splitlines() if '"error"' in line]
    assert sorted(hint.partition("--cluster ")[2].split()[0] for hint in hints) == ["blue", "demo"]
    assert all(hint.count("--cluster") == 1 for hint in hints)


def test_an_interruption_after_the_first_cluster(box: Sandbox, podid: Podid, files: dict[str, str]) -> None:
    """The result so far is printed, and no message says that nothing was changed."""
    add_cluster(box.world, "blue")
    for cluster in ("demo", "blue"):
        add_association(box.world, "shop", "orders", "storefront", cluster_name=cluster)
    podid.tty, podid.answers = True, Interrupted(True)
    both = ("--cluster", "demo", "--cluster", "blue", "--wait", "none", "--journal-dir", files["journal"])
    outcome = podid("disassociate", "shop/orders", *both)
    assert outcome.code == 130, outcome
    assert "association shop/orders: deleted" in outcome.stdout
    assert "podid history lists the earlier changes" in " ".join(outcome.stderr.split())
    assert "nothing was changed" not in outcome.stderr.lower()


def test_a_no_in_the_second_cluster_names_it(box: Sandbox, podid: Podid, files: dict[str, str]) -> None:
    add_cluster(box.world, "blue")
    for cluster in ("demo", "blue"):
        add_association(box.world, "shop", "orders", "storefront", cluster_name=cluster)
    podid.tty, podid.answers = True, Answers(True, False)
    both = ("--cluster", "demo", "--cluster", "blue", "--wait", "none", "--journal-dir", files["journal"])
    outcome = podid("disassociate", "shop/orders", *both)
    assert (outcome.code, "blue: Nothing was changed." in outcome.stderr) == (8, True), outcome


class Interrupted(Answers):
    """Presses Ctrl-C after the given answers."""

    def confirm(self, question: str, *, word: str = "") -> bool:
        if not self._answers:
            raise Cancelled("Interrupted at the question; nothing was changed")
        return super().confirm(question, word=word)


def test_hints_of_lists_name_the_cluster_that_failed(box: Sandbox, podid: Podid) -> None:
    add_cluster(box.world, "blue")
    outcome = podid("list", "--cluster", "blue", "--cluster", "dem", "-o", "json")
    assert outcome.code == 8, outcome
    words = shlex.split(outcome.error["hint"])
    assert (words.count("--cluster"), words[words.index("--cluster") + 1]) == (1, "demo"), words


def test_the_name_of_a_cluster_keeps_its_spelling(box: Sandbox, podid: Podid, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> NoReturn:
        raise Unavailable("EKS did not answer")

    def fail_in_region(*_: object) -> NoReturn:
        raise Unavailable("EKS did not answer in us-west-2")

    monkeypatch.setattr(Eks, "_iter_summaries", fail)
    outcome = podid("list", "--cluster", "demo", "--region", "us-west-2", "--region", "us-west-1")
    assert "demo, us-west-2: EKS did not answer." in outcome.stderr
    # a part of another word is not the name
    monkeypatch.setattr(Eks, "_iter_summaries", fail_in_region)
    add_cluster(box.world, "ans")
    refused = podid("list", "--cluster", "ans", "--cluster", "demo").stderr
    assert "ans, us-west-2: EKS did not answer in us-west-2." in refused
