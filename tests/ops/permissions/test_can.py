"""Decisions about the actions of pods: statements, conditions, resources, unread policies, IAM's simulator."""

import json
from typing import Any

import pytest

from domain.policy.test_evaluate_others import ACTIONS, RESOURCES, policies
from ops.permissions.support import BUCKET, EVERYTHING, READ, TABLE, answer, can_i, document, managed, put, unread
from permissions_support import allow, limited
from podid.domain.errors import ExitCode
from podid.domain.policy.session import RoleSession
from podid.ops.permissions.actions import action_table
from podid.ops.permissions.can import AccessReport, ActionQuery, check_access
from podid.ops.permissions.session import of_files
from podid.sandbox.aws.iam_rules import IamRules
from worlds import POLICY, Site


def test_the_statement_that_decides(healthy: Site) -> None:
    report = can_i(healthy, "shop/orders", READ, "dynamodb:PutItem", code=3)
    first, second = report["items"]
    assert (first["verdict"], first["resources"], first["simulated"]) == ("allowed", [TABLE], "allowed")
    assert first["statement"] == {"policy": "dynamodb-read", "layer": "identity", "index": 0, "sid": None}
    assert (second["verdict"], second["statement"], second["layer"]) == ("denied", None, "identity")
    assert second["reason"] == "no policy of role shop-orders allows it"
    assert (report["namespace"], report["serviceAccount"], report["cluster"]) == ("shop", "orders", "demo")
    assert unread(report) == [
        ("resource policies", None),
        ("resource control policies", None),
        ("VPC endpoint policies", None),
    ]
    outcome = healthy("can-i", "shop/orders", READ)
    assert outcome.stdout == f"{READ}\tallowed\t{TABLE}\tdynamodb-read, Statement[0]\t-\n"
    assert outcome.stderr == (
        "Not checked: resource policies, resource control policies, VPC endpoint policies. "
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
    # --context accepts condition keys too, beside the kube context
    assert answer(healthy, "shop/orders", "s3:GetObject", f"--context={outside}", code=3)["verdict"] == "denied"


def checked(policy: dict[str, Any], *actions: str, resources: tuple[str, ...] = ()) -> AccessReport:
    access = of_files({"p": policy}, RoleSession(region="us-west-2"))
    return check_access(access, ActionQuery(actions, resources), action_table())


def test_a_pattern_lists_the_allowed_actions() -> None:
    report = checked(POLICY, "dynamodb:*")
    assert [item.ruling.action for item in report.items] == [READ, "dynamodb:Query"]
    (pattern,) = report.patterns
    assert (pattern.pattern, pattern.allowed, pattern.unknown, pattern.denied > 40) == ("dynamodb:*", 2, 0, True)
    assert report.exit_code is ExitCode.ATTENTION
    everything = checked(document("dynamodb:*"), "dynamodb:*")
    assert (everything.patterns[0].allowed, everything.exit_code) == (pattern.actions, ExitCode.OK)
    nothing = checked(POLICY, "s3:*")
    assert (nothing.items, nothing.exit_code) == ((), ExitCode.ATTENTION)


def test_only_actions_that_apply_to_the_resource_are_listed() -> None:
    policy = document("s3:*", resource=f"{BUCKET}*")
    on_bucket, on_object = (
        [item.ruling.action for item in checked(policy, "s3:*", resources=(arn,)).items]
        for arn in (BUCKET, f"{BUCKET}/a")
    )
    assert ("s3:ListBucket" in on_bucket, "s3:GetObject" in on_bucket) == (True, False)
    assert ("s3:ListBucket" in on_object, "s3:GetObject" in on_object) == (False, True)


def test_an_action_on_the_wrong_resource_is_never_allowed() -> None:
    policy = document("s3:GetObject", "s3:ListAllMyBuckets", resource=BUCKET)
    first, second = (item.ruling for item in checked(policy, "s3:GetObject", "s3:ListAllMyBuckets").items)
    assert first.reason.startswith(f"allowed only on {BUCKET}, and it applies to arn:")
    assert (second.resource, second.reason) == ("*", "no policy in the files allows it")
    (note,) = checked(policy, "s3:GetObject", resources=(BUCKET,)).notes
    assert note.startswith(f"s3:GetObject does not apply to {BUCKET}, but to arn:")


@pytest.mark.parametrize("missing", ["iam:GetRole", "iam:ListRolePolicies", "iam:GetRolePolicy"])
def test_a_removed_permission_leaves_it_unknown(healthy: Site, missing: str) -> None:
    healthy.box.world.credentials.deny(missing)
    item = answer(healthy, "shop/orders", READ, code=9)
    assert (item["verdict"], item["missingPermission"]) == ("unknown", missing)


def test_without_the_simulator_podid_evaluates_alone(healthy: Site, tmp_path: Any) -> None:
    env = limited(healthy.box, tmp_path, allow(*EVERYTHING), [])
    report = can_i(healthy, "shop/orders", READ, code=0, env=env)
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
    first, second = can_i(healthy, "shop/orders", READ, "s3:GetObject", code=9)["items"]
    assert (first["verdict"], first["simulated"]) == ("unknown", "denied")
    assert first["reason"] == (
        "podid's evaluation and IAM's simulator differ: dynamodb-read, Statement[0] allows it; "
        "the simulator denies it, because no policy of role shop-orders allows it"
    )
    assert (second["verdict"], second["simulated"]) == ("unknown", "allowed")


def test_each_policy_is_read_once_and_each_resource_simulated_once(healthy: Site) -> None:
    healthy.box.faults.calls.clear()
    can_i(healthy, "shop/orders", READ, "dynamodb:Query", "s3:GetObject", code=3)
    iam = {operation: number for (service, operation), number in healthy.box.faults.calls.items() if service == "iam"}
    assert iam == {
        "GetRole": 1,
        "GetRolePolicy": 1,
        "ListAttachedRolePolicies": 1,
        "ListRolePolicies": 1,
        "SimulatePrincipalPolicy": 2,
    }


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
