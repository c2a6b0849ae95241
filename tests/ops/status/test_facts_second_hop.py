"""Role chaining in `podid show` and `podid doctor`: the association's role assumes the target role."""

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from worlds import ACCOUNT, ACTIONS, CLUSTER_ARN, TARGET, Site, target_arn, target_trust

OTHER = "444455556666"
STRANGER = f"arn:aws:iam::{ACCOUNT}:role/storefront"


@pytest.fixture
def chained(healthy: Site) -> Site:
    return healthy.with_target()


def restore(site: Site) -> None:
    """Create the target role again if it is gone, and restore the policies of both roles."""
    iam = site.aws("iam")
    with suppress(iam.exceptions.EntityAlreadyExistsException):
        iam.create_role(RoleName=TARGET, AssumeRolePolicyDocument=json.dumps(target_trust()))
    site.trust(TARGET, target_trust())
    with suppress(iam.exceptions.NoSuchEntityException):
        iam.delete_role_policy(RoleName="shop-orders", PolicyName="deny")
    document = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": ACTIONS, "Resource": target_arn()}],
    }
    iam.put_role_policy(RoleName="shop-orders", PolicyName=TARGET, PolicyDocument=json.dumps(document))


def shown(site: Site) -> dict[str, Any]:
    hop: dict[str, Any] = site.reading("show", "shop/orders", "-o", "json").json["secondHop"]
    return hop


def ids(hop: dict[str, Any]) -> list[tuple[str, str]]:
    return [(item["id"], item["severity"]) for item in hop["findings"]]


def break_permissions(site: Site) -> None:
    site.aws("iam").delete_role_policy(RoleName="shop-orders", PolicyName=TARGET)


def deny(site: Site) -> None:
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "sts:*", "Resource": "*"}]}
    site.aws("iam").put_role_policy(RoleName="shop-orders", PolicyName="deny", PolicyDocument=json.dumps(document))


def test_show_has_permission_trust_policy_and_verdict(chained: Site) -> None:
    hop = shown(chained)
    assert (hop["targetRoleArn"], hop["verdict"]) == (target_arn(), "match")
    assert hop["permissions"] == dict.fromkeys(ACTIONS, "allowed")
    assert {name: item["verdict"] for name, item in hop["trust"]["actions"].items()} == dict.fromkeys(ACTIONS, "match")
    assert (hop["findings"], hop["unknowns"]) == ([], [])
    text = chained.must("show", "shop/orders").stdout
    assert text.count(target_arn()) == 2  # as the target role, and in what the role's policy allows


@pytest.mark.parametrize("mode", ["target-role-trust-broken", "external-id-mismatch"])
def test_the_command_of_the_finding_fixes_it(healthy: Site, mode: str) -> None:
    healthy.box.failures.put(mode)
    (finding,) = healthy("doctor", "-o", "json").json["findings"]
    assert (finding["id"], finding["fix"]["class"]) == (mode, "PRINT")
    (command,) = finding["fix"]["commands"]
    healthy.must(*command[1:], "--wait", "none")
    assert healthy("doctor", "-o", "json").json["findings"] == []
    assert healthy("undo", "last", "--yes").code == 0
    assert [item["id"] for item in healthy("doctor", "-o", "json").json["findings"]] == [mode]


def test_without_a_target_role_there_is_no_role_chaining(healthy: Site) -> None:
    assert healthy.must("show", "shop/orders", "-o", "json").json["secondHop"] is None


def test_the_trust_policy_of_the_target_role(chained: Site) -> None:
    broken = [("target-role-trust-broken", "error")]
    for document, expected in (
        (target_trust(STRANGER), broken),
        (target_trust(actions=ACTIONS[:1]), broken),
        (target_trust(StringEquals={"aws:RequestTag/kubernetes-namespace": "payments"}), broken),
        (target_trust(StringEquals={"aws:PrincipalTag/kubernetes-namespace": "shop"}), []),
        (target_trust(f"arn:aws:iam::{ACCOUNT}:root"), []),
    ):
        chained.trust(TARGET, document)
        hop = shown(chained)
        assert (ids(hop), hop["verdict"]) == (expected, "no-match" if expected else "match"), document


def test_a_target_role_that_is_gone(chained: Site) -> None:
    chained.aws("iam").delete_role(RoleName=TARGET)
    hop = shown(chained)
    assert (ids(hop), hop["verdict"], hop["trust"]) == ([("role-not-found", "error")], "no-match", None)


def test_a_role_without_permission_to_assume_the_target_role(chained: Site) -> None:
    """A role that the trust policy of a role in its own account names requires no permission."""
    break_permissions(chained)
    assert ids(shown(chained)) == [("base-role-cannot-assume-target", "warn")]
    chained.trust(TARGET, target_trust(f"arn:aws:iam::{ACCOUNT}:root"))
    assert ids(shown(chained)) == [("base-role-cannot-assume-target", "error")]
    chained.trust(TARGET, target_trust())
    deny(chained)
    assert ids(shown(chained)) == [("base-role-cannot-assume-target", "error")]


def test_a_recreated_role_is_not_the_one_that_the_trust_policy_names(chained: Site) -> None:
    """IAM shows the unique id of the deleted role in the trust policy."""
    iam = chained.aws("iam")
    trust = iam.get_role(RoleName="shop-orders")["Role"]["AssumeRolePolicyDocument"]
    for name in ("dynamodb-read", TARGET):
        iam.delete_role_policy(RoleName="shop-orders", PolicyName=name)
    iam.delete_role(RoleName="shop-orders")
    iam.create_role(RoleName="shop-orders", AssumeRolePolicyDocument=json.dumps(trust))
    result = ids(shown(chained))
    assert ("role-recreated", "error") in result
    assert ("target-role-trust-broken", "error") in result


def test_the_external_id_of_the_association(chained: Site) -> None:
    eks = chained.aws("eks")
    (item,) = eks.list_pod_identity_associations(clusterName="demo", namespace="shop")["associations"]
    who = {"clusterName": "demo", "associationId": item["associationId"]}
    wrong = {"sts:ExternalId": "another"}
    chained.trust(TARGET, target_trust(StringEquals=wrong))
    hop = shown(chained)
    # whether it is sent while session tags are on, AWS does not say; that this one is not, is certain
    assert ids(hop) == [("external-id-mismatch", "error")]
    eks.update_pod_identity_association(**who, disableSessionTags=True)
    assert ids(shown(chained)) == [("external-id-mismatch", "error")]
    permission = eks.describe_pod_identity_association(**who)["association"]["externalId"]
    chained.trust(TARGET, target_trust(StringEquals={"sts:ExternalId": permission}))
    assert (ids(shown(chained)), shown(chained)["verdict"]) == ([], "match")
    eks.update_pod_identity_association(**who, disableSessionTags=False)
    hop = shown(chained)
    assert (ids(hop), hop["verdict"]) == ([], "unknown")
    assert "sts:ExternalId is sent while session tags are enabled" in hop["unknowns"][0]["reason"]


def test_a_target_role_of_another_account_is_left_unknown(healthy: Site) -> None:
    healthy.with_target(OTHER)
    hop = shown(healthy)
    assert (hop["verdict"], hop["trust"], ids(hop)) == ("unknown", None, [])
    assert hop["permissions"] == dict.fromkeys(ACTIONS, "allowed")
    assert [item["permission"] for item in hop["unknowns"]] == [f"iam:GetRole in account {OTHER}"]
    break_permissions(healthy)
    assert ids(shown(healthy)) == [("base-role-cannot-assume-target", "error")]


def test_a_role_of_the_same_name_in_the_own_account_is_not_the_target_role(healthy: Site) -> None:
    healthy.with_target(OTHER)
    healthy.aws("iam").create_role(RoleName=TARGET, AssumeRolePolicyDocument=json.dumps(target_trust(STRANGER)))
    assert (shown(healthy)["trust"], ids(shown(healthy))) == (None, [])


def test_missing_permissions_are_named(chained: Site, tmp_path: Any) -> None:
    from permissions_support import allow, limited

    permissions = allow("eks:ListPodIdentityAssociations", "eks:DescribePodIdentityAssociation", "eks:DescribeCluster")
    outcome = chained("show", "shop/orders", "-o", "json", env=limited(chained.box, tmp_path, permissions))
    hop = outcome.json["secondHop"]
    assert (outcome.code, hop["verdict"], hop["trust"], hop["permissions"]) == (9, "unknown", None, None)
    assert {item["permission"] for item in hop["unknowns"]} == {"iam:GetRole", "iam:SimulatePrincipalPolicy"}


def test_eks_auth_refuses_what_is_reported_as_broken(chained: Site) -> None:

    def verified() -> int:
        return chained("verify", "shop/orders", "--yes").code

    assert verified() == 0
    break_permissions(chained)
    assert verified() == 0  # its trust names the role, in one account
    chained.trust(TARGET, target_trust(f"arn:aws:iam::{ACCOUNT}:root"))
    assert verified() == 3


# --- the doctor -------------------------------------------------------------------------------------------------------


def reported(site: Site, *more: str) -> tuple[int, list[tuple[str, str]], set[tuple[str, str]]]:
    """Return the exit code, (id, severity) of unmasked findings, and (id, permission) of unknown verdicts."""
    outcome = site("doctor", "-o", "json", *more)
    report = outcome.json
    named = [(item["id"], item["severity"]) for item in report["findings"] if item["maskedBy"] is None]
    return outcome.code, named, {(item["id"], item["permission"]) for item in report["unknowns"]}


def no_target(site: Site) -> None:
    site.aws("iam").delete_role(RoleName=TARGET)


def strange_trust(site: Site) -> None:
    site.trust(TARGET, target_trust(STRANGER))


def no_tag_session(site: Site) -> None:
    site.trust(TARGET, target_trust(actions=ACTIONS[:1]))


def wrong_external_id(site: Site) -> None:
    site.trust(TARGET, target_trust(StringEquals={"sts:ExternalId": "another"}))


def no_permission(site: Site) -> None:
    site.trust(TARGET, target_trust(f"arn:aws:iam::{ACCOUNT}:root"))
    break_permissions(site)


def recreate(site: Site) -> None:
    iam = site.aws("iam")
    trust = iam.get_role(RoleName="shop-orders")["Role"]["AssumeRolePolicyDocument"]
    policy = iam.get_role_policy(RoleName="shop-orders", PolicyName=TARGET)["PolicyDocument"]
    for name in ("dynamodb-read", TARGET):
        iam.delete_role_policy(RoleName="shop-orders", PolicyName=name)
    iam.delete_role(RoleName="shop-orders")
    iam.create_role(RoleName="shop-orders", AssumeRolePolicyDocument=json.dumps(trust))
    iam.put_role_policy(RoleName="shop-orders", PolicyName=TARGET, PolicyDocument=json.dumps(policy))


FAILURES: tuple[tuple[Callable[[Site], None], str, str], ...] = (
    (no_target, "role-not-found", "error"),
    (strange_trust, "target-role-trust-broken", "error"),
    (no_tag_session, "target-role-trust-broken", "error"),
    (wrong_external_id, "external-id-mismatch", "error"),
    (no_permission, "base-role-cannot-assume-target", "error"),
    (break_permissions, "base-role-cannot-assume-target", "warn"),
    (deny, "base-role-cannot-assume-target", "error"),
)


def test_doctor_reports_the_failure_and_nothing_else(chained: Site) -> None:
    for provoke, check, severity in FAILURES:
        provoke(chained)
        assert reported(chained) == (3 if severity == "error" else 0, [(check, severity)], set()), provoke
        restore(chained)
    assert reported(chained) == (0, [], set())


def test_doctor_reports_a_recreated_role(chained: Site) -> None:
    recreate(chained)
    # the role is also younger than the association
    assert reported(chained) == (3, [("role-recreated", "error"), ("role-recreated", "info")], set())


def test_doctor_leaves_a_target_role_of_another_account_unknown(healthy: Site) -> None:
    healthy.with_target(OTHER)
    permission = f"iam:GetRole in account {OTHER}"
    checks = ("role-not-found", "role-recreated", "external-id-mismatch", "target-role-trust-broken")
    assert reported(healthy) == (9, [], {(check, permission) for check in checks})
    break_permissions(healthy)
    assert reported(healthy)[:2] == (3, [("base-role-cannot-assume-target", "error")])


def test_doctor_names_the_missing_permission(chained: Site) -> None:
    chained.box.world.credentials.deny("iam:SimulatePrincipalPolicy")
    code, named, unknowns = reported(chained, "--check", "base-role-cannot-assume-target")
    assert (code, named) == (9, [])
    assert unknowns == {("base-role-cannot-assume-target", "iam:SimulatePrincipalPolicy")}


def test_doctor_notes_a_recreated_role(healthy: Site) -> None:
    iam = healthy.aws("iam")
    trust = iam.get_role(RoleName="shop-orders")["Role"]["AssumeRolePolicyDocument"]
    iam.delete_role_policy(RoleName="shop-orders", PolicyName="dynamodb-read")
    iam.delete_role(RoleName="shop-orders")
    healthy.wait(120)
    iam.create_role(RoleName="shop-orders", AssumeRolePolicyDocument=json.dumps(trust))
    assert reported(healthy) == (0, [("role-no-permissions", "warn"), ("role-recreated", "info")], set())


def test_doctor_on_session_policies(healthy: Site) -> None:
    eks = healthy.aws("eks")
    (item,) = eks.list_pod_identity_associations(clusterName="demo", namespace="shop")["associations"]
    who = {"clusterName": "demo", "associationId": item["associationId"]}
    healthy.trust("shop-orders", {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "pods.eks.amazonaws.com"}, "Action": ACTIONS,
         "Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}, "ArnEquals": {"aws:SourceArn": CLUSTER_ARN}}},
    ]})  # fmt: skip

    def policy(effect: str, action: str = "dynamodb:*") -> None:
        statement = {"Effect": effect, "Action": action, "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        eks.update_pod_identity_association(**who, disableSessionTags=True, policy=document)
        healthy.wait(30)
        healthy.with_new_pods()

    policy("Allow")
    assert reported(healthy) == (0, [], set())
    policy("Allow", "s3:*")
    assert reported(healthy) == (0, [("session-policy-misconfig", "warn")], set())
    policy("Deny")
    assert reported(healthy) == (3, [("session-policy-misconfig", "error")], set())
