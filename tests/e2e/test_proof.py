"""Proof with patience: what may still settle is waited for and is unknown until then; what will not is told at once."""

import json
from pathlib import Path
from typing import Any

import pytest

from podid.domain.proof import NOT_FROM_OUTSIDE
from rights_support import without_eks_auth
from worlds import ACCOUNT, ORDERS, ROLE_ARN, TARGET, Site, target_arn, target_trust, trust_for

TRUST = trust_for(ORDERS)
VERIFY = ("verify", "shop/orders", "--yes", "-o", "json")
ASSOCIATE = ("associate", "shop/orders", "--role", "shop-orders", "-o", "json")


def without_tag_session() -> dict[str, object]:
    document = trust_for(ORDERS)
    document["Statement"][0]["Action"] = "sts:AssumeRole"
    return document


def another_role(site: Site, name: str = "orders-next") -> str:
    site.aws("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))
    site.wait(300)
    return name


def test_verify_right_after_an_update_waits_for_it(healthy: Site) -> None:
    role = another_role(healthy)
    healthy.box.world.delays.association = 6
    healthy.must("associate", "shop/orders", "--role", role, "--replace", "--wait", "api")
    began = healthy.slept
    report = healthy.must(*VERIFY).json
    assert (report["state"], report["roleArn"]) == ("proven", f"arn:aws:iam::{ACCOUNT}:role/{role}")
    assert 4 <= healthy.slept - began <= 20
    assert report["reason"].startswith("all 2 pods assumed ")
    assert report["reason"].endswith(" s)")
    began = healthy.slept
    assert healthy.must(*VERIFY).json["state"] == "proven"
    assert healthy.slept == began


def test_verify_is_unknown_while_it_may_still_settle(healthy: Site) -> None:
    role = another_role(healthy)
    healthy.box.world.delays.association = 100
    healthy.must("associate", "shop/orders", "--role", role, "--replace", "--wait", "none")
    began = healthy.slept
    outcome = healthy(*VERIFY, "--timeout", "5s")
    assert (outcome.code, outcome.json["state"], outcome.json["id"]) == (9, "unknown", None)
    assert "the association was changed " in outcome.json["reason"]
    assert healthy.slept - began == pytest.approx(5)
    settled = healthy(*VERIFY)
    assert (settled.code, settled.json["state"]) == (3, "failed")
    assert healthy.slept - began < 30
    assert healthy(*VERIFY, "--timeout", "3m").json["state"] == "proven"


def test_a_trust_that_podid_has_just_changed_settles(healthy: Site) -> None:
    """IAM keeps no time of that; the journal does."""
    healthy.trust("shop-orders", {**TRUST, "Statement": [{**TRUST["Statement"][0], "Action": "sts:AssumeRole"}]})
    healthy.wait(300)
    healthy.box.world.delays.role = 15
    healthy.must("associate", "shop/orders", "--role", "shop-orders", "--update-trust", "--wait", "none")
    outcome = healthy(*VERIFY, "--timeout", "2s")
    assert (outcome.code, outcome.json["state"]) == (9, "unknown")
    assert "role shop-orders was changed " in outcome.json["reason"]
    assert healthy.must(*VERIFY).json["state"] == "proven"


def test_what_the_trust_itself_refuses_is_not_waited_for(healthy: Site) -> None:
    healthy.must("associate", "shop/orders", "--role", "shop-orders", "--tag", "a=b", "--replace", "--wait", "none")
    healthy.trust("shop-orders", without_tag_session())
    began = healthy.slept
    outcome = healthy(*VERIFY)
    assert (outcome.code, outcome.json["state"], outcome.json["id"]) == (3, "failed", "trust-missing-tag-session")
    assert healthy.slept == began
    text = healthy("verify", "shop/orders", "--yes").stdout
    assert "  link 9 trust; podid explain trust-missing-tag-session\n" in text


@pytest.mark.parametrize(
    ("broken", "id"),
    [("rights", "base-role-cannot-assume-target"), ("trust", "target-role-trust-broken"), ("gone", "role-not-found")],
)
def test_the_hop_that_is_to_blame(healthy: Site, broken: str, id: str) -> None:
    healthy.with_target()
    iam = healthy.aws("iam")
    if broken == "rights":
        document = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "sts:*", "Resource": "*"}]}
        iam.put_role_policy(RoleName="shop-orders", PolicyName="deny", PolicyDocument=json.dumps(document))
    elif broken == "trust":
        healthy.trust(TARGET, target_trust(f"arn:aws:iam::{ACCOUNT}:role/storefront"))
    else:
        iam.delete_role(RoleName=TARGET)
    outcome = healthy(*VERIFY)
    assert (outcome.code, outcome.json["state"], outcome.json["id"], outcome.json["link"]) == (3, "failed", id, 9)
    assert TARGET in outcome.json["reason"]


def test_pods_whose_service_account_was_deleted_have_not_gone_away(healthy: Site) -> None:
    healthy.cluster.delete("/api/v1/namespaces/shop/serviceaccounts/orders")
    outcome = healthy(*VERIFY)
    report = outcome.json
    assert (outcome.code, report["state"], report["id"]) == (3, "failed", "association-sa-not-found")
    assert "it gets no new token: service account shop/orders does not exist (2 of 2 pods)" in report["reason"]
    finding = next(item for item in healthy("doctor", "-o", "json").json["findings"] if item["id"] == report["id"])
    assert (finding["severity"], finding["link"]) == ("error", report["link"])


def test_a_second_hop_that_cannot_be_looked_at_is_not_guessed(healthy: Site) -> None:
    healthy.with_target("444455556666")
    healthy.aws("iam").delete_role_policy(RoleName="shop-orders", PolicyName=TARGET)
    healthy.aws("iam").put_role_policy(
        RoleName="shop-orders",
        PolicyName="x",
        PolicyDocument=json.dumps(
            {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}]}
        ),
    )
    outcome = healthy(*VERIFY)
    assert outcome.json["state"] == "failed"
    assert outcome.json["id"] in (None, "base-role-cannot-assume-target")


def hops(report: Any) -> list[tuple[int, str, list[str]]]:
    return [(hop["hop"], hop["verdict"], [item["id"] for item in hop["findings"]]) for hop in report["hops"]]


def test_each_hop_is_told(healthy: Site) -> None:
    assert hops(healthy.must(*VERIFY).json) == [(1, "match", [])]
    assert "second hop" not in healthy.must("verify", "shop/orders", "--yes").stdout
    healthy.with_target()
    report = healthy.must(*VERIFY).json
    assert (report["state"], hops(report)) == ("proven", [(1, "match", []), (2, "match", [])])
    text = healthy.must("verify", "shop/orders", "--yes").stdout
    assert f"\n  second hop  {target_arn()}: the policies of both roles admit it\n" in text


def test_a_target_role_of_another_account_is_proven_though_its_trust_is_not_read(healthy: Site) -> None:
    healthy.with_target("444455556666")
    report = healthy.must(*VERIFY).json
    assert (report["state"], hops(report)[1][:2]) == ("proven", (2, "unknown"))
    (unknown,) = report["hops"][1]["unknowns"]
    assert unknown["permission"] == "iam:GetRole in account 444455556666"
    text = healthy.must("verify", "shop/orders", "--yes").stdout
    assert f"  second hop  {target_arn('444455556666')}: unknown: role arn:aws:iam::444455556666:role/" in text


@pytest.mark.parametrize("hop", [1, 2])
def test_broken_roles_are_to_blame_where_no_token_can_be_redeemed(healthy: Site, tmp_path: Path, hop: int) -> None:
    """What cannot be redeemed is unknown; what IAM shows to be broken is broken all the same."""
    healthy.with_target()
    env = without_eks_auth(healthy.box, tmp_path)
    outcome = healthy(*VERIFY, env=env)
    assert (outcome.code, outcome.json["permission"]) == (9, "eks-auth:AssumeRoleForPodIdentity")
    if hop == 1:
        healthy.trust("shop-orders", without_tag_session())
    else:
        healthy.trust(TARGET, target_trust(f"arn:aws:iam::{ACCOUNT}:role/storefront"))
    mode = "trust-missing-tag-session" if hop == 1 else "target-role-trust-broken"
    outcome = healthy(*VERIFY, env=env)
    report = outcome.json
    assert (outcome.code, report["state"], report["id"], report["link"]) == (3, "failed", mode, 9)
    assert [number for number, verdict, _ in hops(report) if verdict == "no-match"] == [hop]
    assert {pod["state"] for pod in report["pods"]} == {"unknown"}


def test_broken_roles_are_to_blame_where_no_pod_runs(healthy: Site) -> None:
    healthy.cluster.delete("/apis/apps/v1/namespaces/shop/deployments/orders")
    healthy.wait(60)
    outcome = healthy(*VERIFY)
    assert (outcome.code, outcome.json["state"]) == (9, "unknown")
    iam = healthy.aws("iam")
    iam.delete_role_policy(RoleName="shop-orders", PolicyName="dynamodb-read")
    iam.delete_role(RoleName="shop-orders")
    outcome = healthy(*VERIFY)
    assert (outcome.code, outcome.json["state"], outcome.json["id"]) == (3, "failed", "role-not-found")
    iam.create_role(RoleName="shop-orders", Path="/apps/", AssumeRolePolicyDocument=json.dumps(TRUST))
    assert healthy(*VERIFY).json["id"] == "role-not-found"


@pytest.fixture
def ready(site: Site) -> Site:
    """The agent on every node, and a role for shop/orders that nothing uses yet."""
    site.with_agent().must("role", "create", "shop-orders", "--for", "shop/orders")
    return site


# --- --wait proof -----------------------------------------------------------------------------------------------------


def test_associate_ends_with_proof(ready: Site) -> None:
    outcome = ready.must(*ASSOCIATE, "--restart", "--wait", "proof")
    effect = outcome.json["effect"]
    assert (effect["state"], effect["how"], effect["id"]) == ("proven", f"all 2 pods assumed {ROLE_ARN}", None)
    assert effect["notSeen"] == NOT_FROM_OUTSIDE
    (proof,) = outcome.json["proof"]
    assert (proof["state"], [pod["state"] for pod in proof["pods"]]) == ("proven", ["proven"] * 2)
    assert ready.must(*ASSOCIATE).json["proof"] is None
    text = ready.must("associate", "shop/orders", "--role", "shop-orders", "--wait", "proof").stdout.splitlines()
    assert text[1] == f"effect: proven, all 2 pods assumed {ROLE_ARN}"
    assert [line.split()[0] for line in text[2:]] == ["ok", "ok", "not"]


def test_pods_from_before_are_not_waited_for(ready: Site) -> None:
    began = ready.slept
    outcome = ready(*ASSOCIATE, "--wait", "proof")
    assert (outcome.code, outcome.json["effect"]["state"]) == (7, "not-in-effect")
    assert outcome.json["effect"]["id"] == "pod-predates-association"
    assert ready.slept - began < 60


def test_a_proof_that_does_not_come_in_time(ready: Site) -> None:
    ready.must(*ASSOCIATE, "--restart")
    role = another_role(ready)
    ready.box.world.delays.association = 60
    began = ready.slept
    change = ("associate", "shop/orders", "--role", role, "--replace", "--wait", "proof", "--timeout", "15s")
    outcome = ready(*change, "-o", "json")
    assert (outcome.code, outcome.json["effect"]["state"]) == (7, "unknown")
    assert ready.slept - began < 40


def test_a_proof_that_cannot_be_looked_at(ready: Site) -> None:
    rules = [
        {"apiGroups": [group], "resources": ["*"], "verbs": ["get", "list", "patch"]} for group in ("", "apps", "batch")
    ]
    pods = {"apiGroups": [""], "resources": ["pods"], "verbs": ["create"]}
    env = ready.user("no-tokens", [*rules, pods])
    outcome = ready(*ASSOCIATE, "--restart", "--wait", "proof", env=env)
    assert (outcome.code, outcome.json["effect"]["state"]) == (9, "unknown")
    assert outcome.json["proof"][0]["permission"] == "create serviceaccounts/token in namespace shop"


def test_undo_and_install_agent_take_it_and_disassociate_does_not(ready: Site) -> None:
    ready.must(*ASSOCIATE, "--restart")
    ready.must("disassociate", "shop/orders", "--yes", "--wait", "none")
    ready.wait(60)
    undone = ready.must("undo", "last", "--yes", "--restart", "--wait", "proof", "-o", "json").json
    assert (undone["effect"]["state"], len(undone["proof"])) == ("proven", 1)
    again = ready.must("install-agent", "--wait", "proof", "-o", "json").json
    assert (again["effect"]["state"], len(again["proof"])) == ("proven", 1)
    refused = ready("disassociate", "shop/orders", "--yes", "--wait", "proof")
    assert (refused.code, "--wait effect" in refused.stderr) == (2, True)


def test_no_association_is_no_proof(ready: Site) -> None:
    outcome = ready("install-agent", "--wait", "proof", "-o", "json")
    assert (outcome.code, outcome.json["effect"]["state"]) == (9, "unknown")
