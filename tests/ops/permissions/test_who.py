"""The service accounts whose pods may perform an action."""

import json
from types import SimpleNamespace

import pytest

from checks.builder import UNREAD
from ops.permissions.support import BUCKET, OWN, READ, TABLE, document, managed, put, rows, who_can
from podid.domain.errors import ExitCode
from podid.domain.policy.evaluate import AccessVerdict
from podid.ops.permissions.actions import action_table
from podid.ops.permissions.can import ActionQuery
from podid.ops.permissions.who import report
from podid.ops.permissions.who import who_can as find_identities
from worlds import TARGET, Site


def test_on_a_resource_or_a_part_of_a_pattern(healthy: Site) -> None:
    assert rows(who_can(healthy, READ, "--resource", TABLE)) == [OWN]
    assert rows(who_can(healthy, READ, "--resource", f"{TABLE}*")) == [OWN]
    assert rows(who_can(healthy, READ, "--resource", f"{TABLE[:-6]}carts")) == []
    put(healthy, "never", document(READ, effect="Deny", resource=f"{TABLE[:-1]}*"))
    put(healthy, "all", document(READ))
    assert rows(who_can(healthy, READ, "--resource", f"{TABLE}*")) == []


@pytest.mark.parametrize(
    "resource", ["arn:aws:sqs:us-west-2:444455556666:jobs", "arn:aws:sqs:us-west-2:444455556666:j*"]
)
@pytest.mark.parametrize("allowed", ["*", "arn:aws:sqs:us-west-2:444455556666:jobs"])
def test_a_resource_of_another_account_is_unknown(healthy: Site, resource: str, allowed: str) -> None:
    put(healthy, "queues", document("sqs:SendMessage", resource=allowed))
    report = who_can(healthy, "sqs:SendMessage", "--resource", resource, code=9)
    assert rows(report) == [("shop/orders", "unknown", [])]
    assert "a resource policy there must allow it too" in report["items"][0]["reason"]


def test_pods_that_may_have_no_session_are_unknown(healthy: Site) -> None:
    healthy.with_target()
    put(healthy, "read", document("s3:GetObject", resource=f"{BUCKET}/*"), TARGET)
    vpc = {"StringEquals": {"aws:SourceVpce": "vpce-1"}}
    put(healthy, "doubt", document("sts:AssumeRole", effect="Deny", Condition=vpc))
    for resource in ((), ("--resource", f"{BUCKET}/*"), ("--resource", "arn:aws:s3:::r*")):
        report = who_can(healthy, "s3:GetObject", *resource, code=9)
        (item,) = report["items"]
        assert (item["verdict"], item["reason"][:38]) == ("unknown", "not known whether role shop-orders can")


def test_a_pattern_of_actions(healthy: Site) -> None:
    (item,) = who_can(healthy, "dynamodb:*")["items"]
    assert item["actions"] == [READ, "dynamodb:Query"]


def test_session_tags_tell_service_accounts_with_one_role_apart(healthy: Site) -> None:
    healthy.aws("iam").update_assume_role_policy(RoleName="shop-orders", PolicyDocument=json.dumps(ANY))
    for name in ("cart", "reader"):
        healthy.associate("shop", name, "shop-orders")
    mine = {"StringEquals": {"aws:PrincipalTag/kubernetes-service-account": "cart"}}
    put(healthy, "abac", document("s3:GetObject", resource=f"{BUCKET}/*", Condition=mine))
    assert rows(who_can(healthy, "s3:GetObject")) == [("shop/cart", "allowed", [f"{BUCKET}/*"])]
    assert [name for name, _, _ in rows(who_can(healthy, READ))] == ["shop/cart", "shop/orders", "shop/reader"]


def test_a_condition_on_the_request_is_unknown(healthy: Site) -> None:
    vpc = {"StringEquals": {"aws:SourceVpce": "vpce-1"}}
    put(healthy, "vpc", document("s3:GetObject", Condition=vpc))
    report = who_can(healthy, "s3:GetObject", code=9)
    assert (rows(report)[0][:2], report["items"][0]["keys"]) == (("shop/orders", "unknown"), ["aws:SourceVpce"])
    assert who_can(healthy, "s3:GetObject", "--allow-unknown")["items"] == report["items"]
    assert rows(who_can(healthy, "s3:GetObject", "--context-key", "aws:SourceVpce=vpce-1"))[0][1] == "allowed"
    assert rows(who_can(healthy, "s3:GetObject", "--context-key", "aws:SourceVpce=vpce-2")) == []


@pytest.mark.parametrize("missing", ["iam:GetRole", "iam:GetRolePolicy", "eks:DescribePodIdentityAssociation"])
def test_a_removed_permission_leaves_it_unknown(healthy: Site, missing: str) -> None:
    healthy.box.world.credentials.deny(missing)
    outcome = healthy("who-can", READ, "-o", "json")
    if missing.startswith("eks:"):
        assert (outcome.code, missing in outcome.error["message"]) == (4, True)
        return
    assert outcome.code == 9, outcome
    assert rows(outcome.json) == [("shop/orders", "unknown", [])]
    assert outcome.json["items"][0]["missingPermission"] == missing


def test_each_role_and_each_managed_policy_is_read_once(healthy: Site) -> None:
    shared = managed(healthy, "shared", document("s3:GetObject"))
    iam = healthy.aws("iam")
    for number in range(12):
        iam.create_role(RoleName=f"r{number}", AssumeRolePolicyDocument=json.dumps(ANY))
        iam.attach_role_policy(RoleName=f"r{number}", PolicyArn=shared)
        for name in ("a", "b"):
            healthy.associate("shop", f"{name}{number}", f"r{number}")
    healthy.box.faults.calls.clear()
    assert len(who_can(healthy, "s3:GetObject")["items"]) == 24
    calls = {operation: n for (service, operation), n in healthy.box.faults.calls.items() if service == "iam"}
    assert calls == {
        "GetRole": 13,
        "ListAttachedRolePolicies": 13,
        "ListRolePolicies": 13,
        "GetRolePolicy": 1,
        "GetPolicy": 1,
        "GetPolicyVersion": 1,
    }


def test_roles_of_one_name_under_two_paths(healthy: Site) -> None:
    """An association can have the ARN of a deleted role: a new one of the same name has another path."""
    iam = healthy.aws("iam")
    iam.create_role(RoleName="old", Path="/team/", AssumeRolePolicyDocument=json.dumps(ANY))
    healthy.associate("shop", "cart", "team/old")
    iam.delete_role(RoleName="old")
    iam.create_role(RoleName="old", AssumeRolePolicyDocument=json.dumps(ANY))
    put(healthy, "s3", document("s3:GetObject"), "old")
    healthy.associate("shop", "reader", "old")
    assert [name for name, _, _ in rows(who_can(healthy, "s3:GetObject"))] == ["shop/reader"]
    report = healthy("can-i", "shop/cart", "s3:GetObject", "-o", "json").json
    assert report["items"][0]["reason"].endswith("role/team/old does not exist")


def test_all_actions_are_those_of_administrators(healthy: Site) -> None:
    assert who_can(healthy, "*")["items"] == []
    attached = {"RoleName": "shop-orders", "PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}
    healthy.aws("iam").attach_role_policy(**attached)
    report = who_can(healthy, "*")
    assert rows(report) == [("shop/orders", "allowed", ["*"])]
    assert report["items"][0]["actions"] == ["*"]
    put(healthy, "none", document("*", effect="Deny"))
    assert who_can(healthy, "*")["items"] == []


ANY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "pods.eks.amazonaws.com"},
            "Action": ["sts:AssumeRole", "sts:TagSession"],
        }
    ],
}


def test_an_association_that_cannot_be_read_is_unknown() -> None:
    eks = SimpleNamespace(iter_associations=lambda cluster, namespace: iter([UNREAD]))
    clients = SimpleNamespace(eks=eks, kube=SimpleNamespace(reader=SimpleNamespace(list_pods=lambda namespace: ())))
    reader = SimpleNamespace(read=lambda place, associations: [])
    query = ActionQuery(("s3:GetObject",))
    place = SimpleNamespace(cluster_name="demo")
    identities = find_identities(clients, reader, place, None, query, action_table())  # type: ignore[arg-type]
    (item,) = identities.items
    assert (item.ref, item.verdict, item.missing_permission) == (UNREAD.ref, AccessVerdict.UNKNOWN, UNREAD.permission)
    assert item.reason == "the association could not be read: not allowed"
    assert report(query, action_table(), [identities]).exit_code is ExitCode.UNDETERMINED
