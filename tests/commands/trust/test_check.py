"""`podid trust check`."""

import json
from pathlib import Path
from typing import Any

import pytest

from domain.trust.trust_helpers import CLUSTER, statement
from harness import Podid
from ops.trust.support import POLICY, ROLE
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
