"""can-i: what the pods of a service account may do, which statement decides, and what is not known."""

import json
from typing import Any

import pytest

from domain.policy.test_evaluate_others import ACTIONS, RESOURCES, policies
from ops.role.test_target import profile
from permissions_support import allow, limited
from podid.sandbox.aws.iam_rules import IamRules
from worlds import ACCOUNT, TARGET, Site, target_arn

pytestmark = pytest.mark.sampled(3)

TABLE = f"arn:aws:dynamodb:us-west-2:{ACCOUNT}:table/orders"  # what POLICY of worlds.py is about
READ = "dynamodb:GetItem"
BUCKET = "arn:aws:s3:::reports"


def asked(site: Site, *words: str, code: int, **how: Any) -> Any:
    outcome = site("can-i", *words, "-o", "json", **how)
    assert outcome.code == code, outcome
    return outcome.json


def answer(site: Site, *words: str, code: int, **how: Any) -> Any:
    (item,) = asked(site, *words, code=code, **how)["items"]
    return item


def document(*actions: str, effect: str = "Allow", resource: str = "*", **more: Any) -> dict[str, Any]:
    statement = {"Effect": effect, "Action": actions, "Resource": resource, **more}
    return {"Version": "2012-10-17", "Statement": [statement]}


def put(site: Site, name: str, policy: dict[str, Any], role: str = "shop-orders", *, account: str = ACCOUNT) -> None:
    key = None if account == ACCOUNT else site.box.world.credentials.add_user(f"of-{name}", account=account)
    site.aws("iam", key=key).put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(policy))


def managed(site: Site, name: str, policy: dict[str, Any]) -> str:
    made = site.aws("iam").create_policy(PolicyName=name, PolicyDocument=json.dumps(policy))
    return str(made["Policy"]["Arn"])


def unread(report: Any) -> list[tuple[str, str | None]]:
    return [(item["what"], item["permission"]) for item in report["notChecked"]]


# --- what decides -----------------------------------------------------------------------------------------------------


def test_the_statement_that_decides(healthy: Site) -> None:
    report = asked(healthy, "shop/orders", READ, "dynamodb:PutItem", code=3)
    first, second = report["items"]
    assert (first["verdict"], first["resources"], first["simulated"]) == ("allowed", [TABLE], "allowed")
    assert first["statement"] == {"policy": "dynamodb-read", "layer": "identity", "index": 0, "sid": None}
    assert (second["verdict"], second["statement"], second["layer"]) == ("denied", None, "identity")
    assert second["reason"] == "no policy of role shop-orders allows it"
    assert (report["namespace"], report["serviceAccount"], report["cluster"]) == ("shop", "orders", "demo")
    assert unread(report) == [("resource policies", None), ("resource control policies", None)]
    outcome = healthy("can-i", "shop/orders", READ)
    assert outcome.stdout == f"{READ}\tallowed\t{TABLE}\tdynamodb-read, Statement[0]\t-\n"
    assert outcome.stderr == (
        "Not checked: resource policies, resource control policies. "
        "Assumed: requests to region us-west-2, requests over HTTPS\n"
    )


def test_a_deny_of_any_policy_decides(healthy: Site) -> None:
    put(healthy, "never", document("dynamodb:*", effect="Deny", Sid="Never"))
    item = answer(healthy, "shop/orders", READ, "--resource", TABLE, code=3)
    assert (item["statement"]["sid"], item["reason"]) == ("Never", "never, Never denies it")
    assert item["simulated"] == "denied"


def test_the_boundary(healthy: Site) -> None:
    arn = managed(healthy, "ceiling", document("s3:*"))
    healthy.aws("iam").put_role_permissions_boundary(RoleName="shop-orders", PermissionsBoundary=arn)
    item = answer(healthy, "shop/orders", READ, code=3)
    assert item["layer"] == "boundary"
    assert item["reason"] == "no statement of the permissions boundary ceiling allows it"


def test_the_session_policy(healthy: Site) -> None:
    eks = healthy.aws("eks")
    (item,) = eks.list_pod_identity_associations(clusterName="demo", namespace="shop")["associations"]
    only = json.dumps(document("dynamodb:Query"))
    eks.update_pod_identity_association(
        clusterName="demo", associationId=item["associationId"], disableSessionTags=True, policy=only
    )
    healthy.wait(30)
    first, second = asked(healthy, "shop/orders", READ, "dynamodb:Query", code=3)["items"]
    assert (first["layer"], first["reason"]) == ("session", "no statement of the session policy allows it")
    assert (second["verdict"], second["simulated"]) == ("allowed", "allowed")


def test_the_target_role_is_the_one_that_counts(healthy: Site) -> None:
    healthy.with_target()
    put(healthy, "read", document("s3:GetObject", resource=f"{BUCKET}/*"), TARGET)
    report = asked(healthy, "shop/orders", "s3:GetObject", READ, code=3)
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
    report = asked(healthy, "shop/orders", "s3:GetObject", code=9)
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
    first, second = asked(healthy, "shop/orders", "s3:GetObject", READ, *theirs, code=3)["items"]
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


def test_the_organization_denies_what_the_role_allows(healthy: Site) -> None:
    healthy.box.iam.control_policies = [json.dumps(document("s3:*"))]
    item = answer(healthy, "shop/orders", READ, code=3)
    assert (item["layer"], item["simulated"]) == ("organization", "denied")
    assert item["reason"] == "a service control policy of the organization does not allow it"


def test_a_role_that_does_not_exist_allows_nothing(healthy: Site) -> None:
    healthy.aws("iam").delete_role_policy(RoleName="shop-orders", PolicyName="dynamodb-read")
    healthy.aws("iam").delete_role(RoleName="shop-orders")
    assert answer(healthy, "shop/orders", READ, code=3)["reason"].endswith("role/shop-orders does not exist")


def test_the_identity_of_the_caller_needs_no_permission(healthy: Site) -> None:
    item = answer(healthy, "shop/orders", "sts:GetCallerIdentity", code=0)
    assert item["reason"] == "AWS requires no permission for it"


# --- conditions -------------------------------------------------------------------------------------------------------


def test_session_tags_are_known_and_other_keys_can_be_specified(healthy: Site) -> None:
    mine = {"StringEquals": {"aws:PrincipalTag/kubernetes-namespace": "shop"}}
    put(healthy, "abac", document("s3:GetObject", Condition=mine))
    assert answer(healthy, "shop/orders", "s3:GetObject", code=0)["simulated"] == "allowed"
    office = {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}
    put(healthy, "abac", document("s3:GetObject", Condition=office))
    item = answer(healthy, "shop/orders", "s3:GetObject", code=9)
    assert (item["verdict"], item["keys"], item["simulated"]) == ("unknown", ["aws:SourceIp"], None)
    inside, outside = "aws:SourceIp=203.0.113.9", "aws:sourceip=198.51.100.1"
    assert answer(healthy, "shop/orders", "s3:GetObject", "--context-key", inside, code=0)["verdict"] == "allowed"
    assert answer(healthy, "shop/orders", "s3:GetObject", "--context-key", outside, code=3)["verdict"] == "denied"
    # --context accepts condition keys too, beside the kube context
    assert answer(healthy, "shop/orders", "s3:GetObject", "--context", inside, code=0)["verdict"] == "allowed"
    assert answer(healthy, "shop/orders", "s3:GetObject", f"--context={outside}", code=3)["verdict"] == "denied"


def test_a_pod_has_a_name_and_a_service_account_has_not(healthy: Site) -> None:
    (name, *_) = healthy.cluster.pod_names("shop", "orders")
    mine = {"StringEquals": {"aws:PrincipalTag/kubernetes-pod-name": name}}
    put(healthy, "one", document("s3:GetObject", Condition=mine))
    assert answer(healthy, "shop/orders", "s3:GetObject", code=9)["verdict"] == "unknown"
    assert answer(healthy, f"pod/shop/{name}", "s3:GetObject", code=0)["verdict"] == "allowed"


# --- resources and patterns -------------------------------------------------------------------------------------------


def test_a_pattern_lists_what_is_allowed(healthy: Site) -> None:
    report = asked(healthy, "shop/orders", "dynamodb:*", code=3)
    assert [item["action"] for item in report["items"]] == [READ, "dynamodb:Query"]
    (pattern,) = report["patterns"]
    assert (pattern["pattern"], pattern["allowed"], pattern["unknown"]) == ("dynamodb:*", 2, 0)
    assert pattern["actions"] > 40
    everything = managed(healthy, "all", document("dynamodb:*"))
    healthy.aws("iam").attach_role_policy(RoleName="shop-orders", PolicyArn=everything)
    assert asked(healthy, "shop/orders", "dynamodb:*", code=0)["patterns"][0]["allowed"] == pattern["actions"]
    assert asked(healthy, "shop/orders", "s3:*", code=3)["items"] == []


def test_only_actions_that_apply_to_the_resource_are_listed(healthy: Site) -> None:
    put(healthy, "s3", document("s3:*", resource=f"{BUCKET}*"))
    names = [
        [item["action"] for item in asked(healthy, "shop/orders", "s3:*", "--resource", arn, code=0)["items"]]
        for arn in (BUCKET, f"{BUCKET}/a")
    ]
    assert "s3:ListBucket" in names[0]
    assert "s3:GetObject" not in names[0]
    assert "s3:GetObject" in names[1]
    assert "s3:ListBucket" not in names[1]


def test_an_action_on_the_wrong_resource_is_never_allowed(healthy: Site) -> None:
    put(healthy, "s3", document("s3:GetObject", "s3:ListAllMyBuckets", resource=BUCKET))
    first, second = asked(healthy, "shop/orders", "s3:GetObject", "s3:ListAllMyBuckets", code=3)["items"]
    assert first["reason"].startswith(f"allowed only on {BUCKET}, and it applies to arn:")
    assert (second["resource"], second["reason"]) == ("*", "no policy of role shop-orders allows it")
    stderr = healthy("can-i", "shop/orders", "s3:GetObject", "--resource", BUCKET).stderr
    assert f"s3:GetObject does not apply to {BUCKET}, but to arn:" in stderr


def test_a_resource_of_another_account_depends_on_its_policy(healthy: Site) -> None:
    put(healthy, "sqs", document("sqs:SendMessage"))
    theirs = "arn:aws:sqs:us-west-2:444455556666:orders"
    item = answer(healthy, "shop/orders", "sqs:SendMessage", "--resource", theirs, code=9)
    assert item["reason"] == "the resource is in account 444455556666: a resource policy there must allow it too"
    assert item["simulated"] == "allowed"


# --- what podid cannot read, and the simulator ------------------------------------------------------------------------

EVERYTHING = ("eks:*", "iam:GetRole", "iam:ListRolePolicies", "iam:ListAttachedRolePolicies", "iam:GetRolePolicy")


@pytest.mark.parametrize("missing", ["iam:GetRole", "iam:ListRolePolicies", "iam:GetRolePolicy"])
def test_a_removed_permission_leaves_it_unknown(healthy: Site, tmp_path: Any, missing: str) -> None:
    granted = [*(item for item in EVERYTHING if item != missing), "iam:SimulatePrincipalPolicy"]
    env = limited(healthy.box, tmp_path, allow(*granted), [])
    item = answer(healthy, "shop/orders", READ, code=9, env=env)
    assert (item["verdict"], item["missingPermission"]) == ("unknown", missing)
    text = healthy("can-i", "shop/orders", READ, env=env).stdout
    assert f"(needs {missing})" in text or missing in text


def test_without_the_simulator_podid_evaluates_alone(healthy: Site, tmp_path: Any) -> None:
    env = limited(healthy.box, tmp_path, allow(*EVERYTHING), [])
    report = asked(healthy, "shop/orders", READ, code=0, env=env)
    assert report["items"][0]["simulated"] is None
    assert ("service control policies", "iam:SimulatePrincipalPolicy") in unread(report)


def test_a_difference_between_podid_and_the_simulator_is_reported(
    healthy: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = IamRules.simulate

    def contrary(self: IamRules, form: Any) -> Any:
        result: Any = real(self, form)
        for item in result["EvaluationResults"]:
            item["EvalDecision"] = "implicitDeny" if item["EvalDecision"] == "allowed" else "allowed"
        return result

    monkeypatch.setattr(IamRules, "simulate", contrary)
    first, second = asked(healthy, "shop/orders", READ, "s3:GetObject", code=9)["items"]
    assert (first["verdict"], first["simulated"]) == ("unknown", "denied")
    assert first["reason"] == (
        "podid's evaluation and IAM's simulator differ: dynamodb-read, Statement[0] allows it; "
        "the simulator denies it, because no policy of role shop-orders allows it"
    )
    assert (second["verdict"], second["simulated"]) == ("unknown", "allowed")


def test_each_policy_is_read_once_and_each_resource_simulated_once(healthy: Site) -> None:
    healthy.box.faults.calls.clear()
    asked(healthy, "shop/orders", READ, "dynamodb:Query", "s3:GetObject", code=3)
    iam = {operation: number for (service, operation), number in healthy.box.faults.calls.items() if service == "iam"}
    assert iam == {
        "GetRole": 1,
        "GetRolePolicy": 1,
        "ListAttachedRolePolicies": 1,
        "ListRolePolicies": 1,
        "SimulatePrincipalPolicy": 2,
    }


# --- roles, files, mistakes -------------------------------------------------------------------------------------------


def test_a_role_by_name(healthy: Site) -> None:
    report = asked(healthy, "--role", "shop-orders", READ, code=0)
    assert (report["serviceAccount"], report["roleArn"]) == (None, f"arn:aws:iam::{ACCOUNT}:role/shop-orders")
    outcome = healthy("can-i", "--role", "shop-order", READ)
    assert (outcome.code, "did you mean shop-orders?" in outcome.stderr) == (5, True)


def test_files_need_no_access(healthy: Site, tmp_path: Any) -> None:
    file = tmp_path / "p.json"
    file.write_text(json.dumps(document("s3:GetObject", resource=f"{BUCKET}/*")))
    healthy.box.faults.calls.clear()
    report = asked(healthy, "--policy-file", str(file), "s3:GetObject", code=0)
    assert (report["roleArn"], report["items"][0]["resources"]) == (None, [f"{BUCKET}/*"])
    assert not healthy.box.faults.calls
    mine = {"StringEquals": {"aws:PrincipalArn": "arn:aws:iam::111122223333:role/x"}}
    file.write_text(json.dumps(document("s3:GetObject", Condition=mine)))
    assert answer(healthy, "--policy-file", str(file), "s3:GetObject", code=9)["keys"] == ["aws:PrincipalArn"]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("shop/orders",), "Specify an action"),
        ((READ,), "Specify a service account as NAMESPACE/NAME"),
        (("shop/orders", "GetItem"), "is not an action"),
        (("shop/orders", "dynamodb:Nosuch*"), "matches 'dynamodb:Nosuch*'"),
        (("shop/orders", READ, "--resource", "orders"), "is not an ARN"),
        (("shop/orders", READ, "--context-key", "x"), "is not KEY=VALUE"),
        (("shop/orders", READ, "--role", "shop-orders"), "cannot be used together"),
        (("deploy/shop/orders", READ), "'deploy/shop/orders'"),
    ],
)
def test_what_cannot_be_asked(healthy: Site, words: tuple[str, ...], why: str) -> None:
    outcome = healthy("can-i", *words)
    assert (outcome.code, outcome.stdout) == (2, ""), outcome
    assert why in outcome.stderr


def test_names_that_do_not_exist(healthy: Site) -> None:
    outcome = healthy("can-i", "shop/order", READ)
    assert (outcome.code, "did you mean shop/orders?" in outcome.stderr) == (5, True)
    outcome = healthy("can-i", "pod/shop/nosuch", READ)
    assert (outcome.code, "Pod shop/nosuch does not exist" in outcome.stderr) == (5, True)
    stderr = healthy("can-i", "shop/orders", "dynamodb:GetItm").stderr
    assert "dynamodb:GetItm is not in the action table of 2026-" in stderr
    assert "did you mean dynamodb:GetItem" in stderr


def test_podid_and_the_simulator_decide_alike(healthy: Site) -> None:
    """For the whole chain: random policies of the role, with a boundary; a difference would be reported as unknown."""
    documents = list(policies(16, 28, plain=True))
    arn = managed(healthy, "ceiling", documents.pop())
    decided = 0
    for number, policy in enumerate(documents):
        put(healthy, "random", policy)
        if number == 8:
            healthy.aws("iam").put_role_permissions_boundary(RoleName="shop-orders", PermissionsBoundary=arn)
        words = [word for resource in RESOURCES for word in ("--resource", resource)]
        outcome = healthy("can-i", "shop/orders", *ACTIONS, *words, "-o", "json")
        items = [item for item in outcome.json["items"] if item["resource"] != "*" or item["simulated"]]
        assert [item for item in items if item["verdict"] != item["simulated"]] == [], policy
        decided += len(items)
    assert decided >= 600
