"""`podid trust check`."""

import json
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from domain.trust.statements import ADMIN, EC2, IRSA, OWN
from domain.trust.trust_helpers import ACCOUNT, CLUSTER, PODS, statement
from harness import Outcome, Podid, table
from ops.trust.edit_rows import TABLE
from ops.trust.support import POLICY, ROLE
from podid.domain.trust import PodIdentity, TrustVerdict, evaluate, parse_policy
from podid.sandbox.box import Sandbox
from worlds import Site


def test_associations_that_cannot_be_read(healthy: Site) -> None:
    """A right that is missing is a denial, and there is a way without it."""
    healthy.box.world.credentials.deny("eks:ListPodIdentityAssociations")
    outcome = healthy("trust", "check", "--role", "shop-orders", "-o", "json")
    assert (outcome.code, outcome.stdout, outcome.error["permission"]) == (4, "", "eks:ListPodIdentityAssociations")
    assert healthy("trust", "check", "--role", "shop-orders", "--for", "shop/orders").code == 0


def _check(*argv: str, **named: Any) -> Any:
    return Podid()("trust", "check", *argv, "--for", "shop/orders", "--cluster-arn", CLUSTER, **named)


def test_the_output_of_get_role_is_read(tmp_path: Path) -> None:
    tagged = {"StringEquals": {"aws:ResourceTag/team": "shop"}}
    role: dict[str, Any] = {"Role": {**ROLE, "AssumeRolePolicyDocument": {**POLICY, "Statement": [statement(tagged)]}}}
    assert _check("-", stdin=json.dumps(role)).code == 0
    assert _check("-", stdin=json.dumps(role["Role"]["AssumeRolePolicyDocument"])).code == 9
    file = tmp_path / "role.json"
    file.write_text(json.dumps(role))
    assert _check(str(file), "--role-tag", "team=web").code == 3


@pytest.mark.parametrize(
    ("statements", "code", "verdict"),
    [
        ([statement(Principal="*", Action="sts:*")], 3, "? it is not known whether stdin allows"),
        ([statement(), statement(Principal="*", Action="sts:*")], 3, "✓ stdin allows"),
        ([statement(Principal={"AWS": "*"})], 3, "? it is not known whether stdin allows"),
    ],
)
def test_a_role_that_everybody_can_assume_is_an_error(statements: list[Any], code: int, verdict: str) -> None:
    text = json.dumps({"Version": "2012-10-17", "Statement": statements})
    outcome = _check("-", stdin=text)
    assert (outcome.code, outcome.stderr) == (code, "")
    first, second = outcome.stdout.splitlines()[:2]
    assert first == f"{verdict} shop/orders in cluster demo"
    assert second.startswith("  error trust-too-broad: Statement[")
    assert outcome.stdout.count("trust-too-broad") == 1
    report = _check("-", "-o", "json", stdin=text).json
    assert [(f["id"], f["severity"]) for f in report["findings"]] == [("trust-too-broad", "error")]


def test_a_role_without_associations_is_checked_for_all_pods(box: Sandbox, podid: Podid, wide: str) -> None:
    outcome = podid("trust", "check", "--role", wide, "-o", "json")
    assert (outcome.code, outcome.json["kind"], outcome.json["verdict"]) == (0, "TrustAccess", "match")
    assert f"no association of cluster demo uses role {wide}" in podid("trust", "check", "--role", wide).stderr


# --- without a service account: what a policy says whoever asks -------------------------------------------------------


BY_ACCOUNT = {"StringEquals": {"aws:SourceAccount": ACCOUNT}}
ANY = f"any pod of any cluster in account {ACCOUNT}"
NS = "aws:RequestTag/kubernetes-namespace"


def check(statements: Sequence[Mapping[str, Any]], *flags: str) -> Outcome:
    document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    return Podid()("trust", "check", "-", *flags, "-o", "json", stdin=document)


# statements, exit code, verdict, scopes, ids of findings
CASES: dict[str, tuple[list[Any], int, str, list[str], list[str]]] = {
    "one service account": ([OWN], 0, "match", ["only shop/orders in cluster demo"], []),
    "beside others": ([EC2, ADMIN, IRSA, OWN], 0, "match", ["only shop/orders in cluster demo"], []),
    "an account": ([statement(BY_ACCOUNT)], 0, "match", [ANY], []),
    "no account": (
        [statement({"StringEquals": {NS: "shop"}})],
        0,
        "match",
        ["any pod in namespace shop in any cluster in the role's account"],
        [],
    ),
    "no condition": ([statement()], 0, "match", ["any pod of any cluster in the role's account"], ["trust-too-broad"]),
    "one action": (
        [statement(Action="sts:AssumeRole")],
        3,
        "no-match",
        [],
        ["trust-missing-tag-session", "trust-too-broad"],
    ),
    "another service": ([EC2], 3, "no-match", [], ["trust-wrong-principal"]),
    "IRSA alone": ([IRSA], 3, "no-match", [], ["trust-wrong-principal"]),
    "no statement": ([], 3, "no-match", [], ["trust-wrong-principal"]),
    "an organisation": ([statement({"StringEquals": {"aws:SourceOrgID": "o-1"}})], 9, "unknown", [], []),
    "everybody": ([OWN, statement(Principal="*")], 3, "match", [ANY], ["trust-too-broad"]),
}


@table(("statements", "code", "verdict", "scopes", "ids"), CASES.values())
def test_identities_that_a_policy_allows(
    statements: list[Any], code: int, verdict: str, scopes: list[str], ids: list[str]
) -> None:
    found = check(statements)
    body = found.json
    assert (found.code, body["kind"], body["verdict"], body["scopes"]) == (code, "TrustAccess", verdict, scopes)
    assert [finding["id"] for finding in body["findings"]] == ids
    assert body["reasons"] or verdict == "match"
    assert [each["statement"] for each in body["statements"]] == list(range(len(statements)))
    assert not {"000000000000", "zq7x0v3k9"} & set(found.stdout.replace("/", " ").replace(":", " ").split())


def test_principals_that_a_policy_allows() -> None:
    [pods, people] = check([OWN, ADMIN | {"Condition": {"Bool": {"aws:SecureTransport": True}}}]).json["statements"]
    assert (pods["principals"], pods["actions"]) == ([PODS], ["sts:AssumeRole", "sts:TagSession"])
    assert f"StringEquals aws:SourceAccount {ACCOUNT}" in pods["conditions"]
    assert (people["sid"], people["effect"], people["principals"]) == ("Admin", "Allow", [ACCOUNT])
    assert people["conditions"] == ["Bool aws:SecureTransport true"]


WHO = [PodIdentity(CLUSTER, namespace, name) for namespace, name in product(("shop", "web"), ("orders", "cart"))]


@table("name", TABLE)
def test_every_service_account_agrees(name: str) -> None:
    policy = parse_policy({"Version": "2012-10-17", "Statement": list(TABLE[name].before)})
    verdicts = {evaluate(policy, who).verdict for who in WHO}
    said = check(TABLE[name].before).json["verdict"]
    assert said == "match" or TrustVerdict.MATCH not in verdicts
    assert said != "no-match" or verdicts == {TrustVerdict.NO_MATCH}


def test_several_policies(tmp_path: Any) -> None:
    for name, statements in (("a.json", [OWN]), ("b.json", [EC2])):
        (tmp_path / name).write_text(json.dumps({"Statement": statements}))
    line = ("trust", "check", str(tmp_path / "a.json"), str(tmp_path / "b.json"))
    found = Podid()(*line, "-o", "json")
    assert (found.code, found.json["kind"], [item["verdict"] for item in found.json["items"]]) == (
        3,
        "TrustAccessList",
        ["match", "no-match"],
    )
    assert "no pod can assume the role" in Podid()(*line).stdout


@pytest.mark.parametrize("flags", [("--cluster-arn", CLUSTER), ("--pod", "x"), ("--no-session-tags",)])
def test_options_that_require_a_service_account(flags: tuple[str, ...]) -> None:
    found = check([OWN], *flags)
    assert (found.code, found.error["message"]) == (2, "Specify the service account: --for NS/SA")


def test_tags_of_the_role_are_used() -> None:
    by_tag = [statement({"StringEquals": {"aws:ResourceTag/team": "shop"}})]
    assert [check(by_tag).code, check(by_tag, "--role-tag", "team=shop").code] == [9, 0]
    assert check(by_tag, "--role-tag", "team=web").code == 3


def test_the_settings_of_the_association_apply(healthy: Site) -> None:
    """Without session tags EKS sends no aws:RequestTag, and the trust policy requires some."""
    line = ("trust", "check", "--role", "shop-orders", "--for", "shop/orders")
    assert healthy(*line).code == 0
    healthy.without_session_tags()
    for more, code in (((), 3), (("--session-tags",), 0), (("--no-session-tags",), 3)):
        assert healthy(*line, *more).code == code, more
    outcome = healthy(*line)
    assert "session tags are disabled, so EKS sends no aws:RequestTag" in outcome.stdout
    file = healthy.directory / "trust.json"
    file.write_text(healthy("role", "show", "shop-orders", "-o", "json").stdout)
    for_file = ("trust", "check", str(file), "--for", "shop/orders")
    assert healthy(*for_file).code == 3
    assert healthy(*for_file, "--cluster-arn", healthy.box.world.clusters["demo"].arn).code == 0
    healthy.box.world.credentials.deny("eks:ListPodIdentityAssociations")
    outcome = healthy(*line)
    assert (outcome.code, "✓ shop-orders allows shop/orders" in outcome.stdout) == (0, True)
    note = "note: podid assumes that the associations send session tags: "
    assert outcome.stderr.startswith(note)
    assert "eks:ListPodIdentityAssociations" in outcome.stderr


def test_the_role_is_the_target_role_of_the_association(site: Site) -> None:
    """The association's own role assumes it, not EKS."""
    site.with_agent().with_identity().with_target()
    (target,) = {item["targetRoleArn"] for item in site("list", "-o", "json").json["items"]}
    outcome = site("trust", "check", "--role", target, "--for", "shop/orders", "-o", "json")
    assert (outcome.code, outcome.json["verdict"], outcome.json["hop"]) == (0, "match", 2)
