"""Sessions of pods: session policies, pod names, target roles, and resources of another account."""

import json
from typing import Any

import pytest

from ops.permissions.support import BUCKET, READ, answer, can_i, document, put, unread
from ops.role.support import profile
from worlds import ACCOUNT, TARGET, Site, target_arn


def test_the_session_policy(healthy: Site) -> None:
    eks = healthy.aws("eks")
    (item,) = eks.list_pod_identity_associations(clusterName="demo", namespace="shop")["associations"]
    only = json.dumps(document("dynamodb:Query"))
    eks.update_pod_identity_association(
        clusterName="demo", associationId=item["associationId"], disableSessionTags=True, policy=only
    )
    healthy.wait(30)
    first, second = can_i(healthy, "shop/orders", READ, "dynamodb:Query", code=3)["items"]
    assert (first["layer"], first["reason"]) == ("session", "no statement of the session policy allows it")
    assert (second["verdict"], second["simulated"]) == ("allowed", "allowed")


def test_the_target_role_decides(healthy: Site) -> None:
    healthy.with_target()
    put(healthy, "read", document("s3:GetObject", resource=f"{BUCKET}/*"), TARGET)
    report = can_i(healthy, "shop/orders", "s3:GetObject", READ, code=3)
    assert report["roleArn"] == target_arn(ACCOUNT)
    assert [item["verdict"] for item in report["items"]] == ["allowed", "denied"]
    # the trust policy of the target role names the role, which is sufficient in one account
    healthy.aws("iam").delete_role_policy(RoleName="shop-orders", PolicyName=TARGET)
    assert answer(healthy, "shop/orders", "s3:GetObject", code=0)["verdict"] == "allowed"
    # without the permission to assume it the pods have no credentials at all
    put(healthy, "never", document("sts:AssumeRole", effect="Deny"))
    item = answer(healthy, "shop/orders", "s3:GetObject", code=3)
    assert item["reason"].startswith("role shop-orders is not authorized to perform sts:AssumeRole and")
    assert item["reason"].endswith(f"{TARGET}: a policy denies it")


def test_a_target_role_of_another_account_is_unknown(healthy: Site) -> None:
    healthy.with_target("444455556666")
    report = can_i(healthy, "shop/orders", "s3:GetObject", code=9)
    (item,) = report["items"]
    assert item["missingPermission"] == "iam:GetRole in account 444455556666"
    assert ("service control policies", "iam:SimulatePrincipalPolicy in account 444455556666") in unread(report)


def test_a_profile_of_the_other_account_reads_the_target_role(
    healthy: Site, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = "444455556666"
    healthy.with_target(other)
    put(healthy, "read", document("s3:GetObject", resource=f"{BUCKET}/*"), TARGET, account=other)
    theirs = ("--target-profile", profile(healthy.box, tmp_path, other, monkeypatch))
    first, second = can_i(healthy, "shop/orders", "s3:GetObject", READ, *theirs, code=3)["items"]
    assert (first["verdict"], first["simulated"], second["verdict"]) == ("allowed", "allowed", "denied")
    assert healthy("privileges", "shop/orders", *theirs).stdout.startswith("s3\tread\t1 of ")
    assert healthy("who-can", "s3:GetObject", *theirs).stdout.startswith("shop/orders\tallowed\t")
    # a profile of a third account reads nothing
    third = tmp_path / "third"
    third.mkdir()
    key = healthy.box.world.credentials.add_user("auditor", account="777788889999")
    lines = f"aws_access_key_id = {key.access_key_id}\naws_secret_access_key = {key.secret_access_key}\n"
    (third / "credentials").write_text(f"[theirs]\n{lines}")
    with monkeypatch.context() as patch:
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(third / "credentials"))
        item = answer(healthy, "shop/orders", "s3:GetObject", *theirs, code=9)
    assert item["missingPermission"] == f"iam:GetRole in account {other}"
    # the association's role must be able to assume it: the trust policy is not sufficient in another account
    healthy.aws("iam").delete_role_policy(RoleName="shop-orders", PolicyName=TARGET)
    assert answer(healthy, "shop/orders", "s3:GetObject", *theirs, code=3)["reason"].endswith(
        "no policy of the role allows it"
    )


def test_a_pod_has_a_name_and_a_service_account_has_none(healthy: Site) -> None:
    (name, *_) = healthy.cluster.pod_names("shop", "orders")
    mine = {"StringEquals": {"aws:PrincipalTag/kubernetes-pod-name": name}}
    put(healthy, "one", document("s3:GetObject", Condition=mine))
    assert answer(healthy, "shop/orders", "s3:GetObject", code=9)["verdict"] == "unknown"
    assert answer(healthy, f"pod/shop/{name}", "s3:GetObject", code=0)["verdict"] == "allowed"


def test_a_resource_of_another_account_depends_on_its_policy(healthy: Site) -> None:
    put(healthy, "sqs", document("sqs:SendMessage"))
    theirs = "arn:aws:sqs:us-west-2:444455556666:orders"
    item = answer(healthy, "shop/orders", "sqs:SendMessage", "--resource", theirs, code=9)
    assert item["reason"] == "the resource is in account 444455556666: a resource policy there must allow it too"
    assert item["simulated"] == "allowed"
