"""Failure modes of roles: the trust policy does not allow the pods, or the role has no permissions: links 9 and 10."""

import json
from typing import Any

from podid.sandbox.breaks.scenario import BrokenIdentity, Json, Scenario

_PODS = {"Service": "pods.eks.amazonaws.com"}
_ACTIONS = ["sts:AssumeRole", "sts:TagSession"]


def role_not_found(scenario: Scenario) -> str:
    identity = scenario.create_working_identity()
    scenario.delete_role(identity.role)
    return identity.role


def trust_wrong_principal(scenario: Scenario) -> str:
    return _trusting(scenario, Principal={"Service": "ec2.amazonaws.com"}, Action="sts:AssumeRole")


def trust_missing_tag_session(scenario: Scenario) -> str:
    return _trusting(scenario, Action="sts:AssumeRole")


def trust_condition_never_matches(scenario: Scenario) -> str:
    """Restrict the trust policy to another cluster."""
    return _trusting(scenario, Condition={"ArnEquals": {"aws:SourceArn": f"{scenario.world.cluster_arn}-old"}})


def trust_request_tag_with_tags_disabled(scenario: Scenario) -> str:
    scenario.install_agent()
    tag = {"StringEquals": {"aws:RequestTag/kubernetes-namespace": "broken"}}
    identity = scenario.create_identity(associated=False, trust=_trust(Condition=tag))
    scenario.associate(identity.name, identity.role, disable_session_tags=True)
    scenario.create_workload()
    return identity.role


def trust_too_broad(scenario: Scenario) -> str:
    """Allow every cluster of the account in the trust policy, as the console's default does."""
    identity = scenario.create_working_identity()
    scenario.set_trust(identity.role, _trust())
    return identity.role


def role_no_permissions(scenario: Scenario) -> str:
    scenario.install_agent()
    identity = scenario.create_identity(allows=None)
    scenario.create_workload()
    return identity.role


def role_recreated(scenario: Scenario) -> str:
    identity = scenario.create_working_identity()
    scenario.delete_role(identity.role)
    arn = scenario.create_role(identity.role)
    role = scenario.iam.role_named(scenario.world.account, identity.role)
    role.create_date = scenario.world.clock.datetime().replace(tzinfo=None, microsecond=0)
    assert arn == identity.role_arn
    return identity.role


def session_policy_misconfig(scenario: Scenario) -> str:
    """Set a session policy that denies the actions that the role allows."""
    scenario.install_agent()
    identity = scenario.create_identity(associated=False)
    statement = {"Effect": "Deny", "Action": "s3:*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    scenario.associate(identity.name, identity.role, disable_session_tags=True, policy=policy)
    scenario.create_workload()
    return str(identity)


# --- target roles -----------------------------------------------------------------------------------------------------


def base_role_cannot_assume_target(scenario: Scenario) -> str:
    identity = _chained(scenario, may=False, root=True)
    return identity.role


def permissions_boundary_denies(scenario: Scenario) -> str:
    identity = _chained(scenario, root=True)
    statement = {"Effect": "Allow", "Action": "dynamodb:*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam = scenario.aws("iam")
    arn = iam.create_policy(PolicyName=scenario.mode, PolicyDocument=document)["Policy"]["Arn"]
    scenario.on_undo(lambda: iam.delete_policy(PolicyArn=arn))
    iam.put_role_permissions_boundary(RoleName=identity.role, PermissionsBoundary=arn)
    scenario.on_undo(lambda: iam.delete_role_permissions_boundary(RoleName=identity.role))
    return identity.role


def target_role_trust_broken(scenario: Scenario) -> str:
    """Let the target role's trust policy allow another role only."""
    identity = _chained(scenario)
    stranger = f"arn:{scenario.world.partition}:iam::{scenario.world.account}:role/storefront"
    scenario.set_trust(f"{identity.role}-target", _trust(Principal={"AWS": stranger}))
    return f"{identity.role}-target"


def external_id_mismatch(scenario: Scenario) -> str:
    identity = _chained(scenario)
    wrong = {"StringEquals": {"sts:ExternalId": "another"}}
    scenario.set_trust(f"{identity.role}-target", _trust(Principal={"AWS": identity.role_arn}, Condition=wrong))
    return f"{identity.role}-target"


# --- helpers ----------------------------------------------------------------------------------------------------------


def _trust(**more: Any) -> Json:
    statement = {"Effect": "Allow", "Principal": _PODS, "Action": _ACTIONS, **more}
    return {"Version": "2012-10-17", "Statement": [statement]}


def _trusting(scenario: Scenario, **more: Any) -> str:
    """Change members of the trust policy's statement for the cluster's pods."""
    from podid.sandbox.baseline import pods_trust

    identity = scenario.create_working_identity()
    (statement,) = pods_trust(scenario.record)["Statement"]
    scenario.set_trust(identity.role, {"Version": "2012-10-17", "Statement": [{**statement, **more}]})
    return identity.role


def _chained(scenario: Scenario, *, may: bool = True, root: bool = False) -> BrokenIdentity:
    """Create an identity whose role assumes a target role. With `root`, the target role's trust policy allows the whole
    account. Without `may`, the role lacks the permission."""
    scenario.install_agent()
    account = f"arn:{scenario.world.partition}:iam::{scenario.world.account}"
    target = f"{account}:role/{scenario.mode}-target"
    allows = {"Effect": "Allow", "Action": _ACTIONS if may else "s3:GetObject", "Resource": target if may else "*"}
    identity = scenario.create_identity(associated=False, allows=allows)
    scenario.create_role(
        f"{scenario.mode}-target", _trust(Principal={"AWS": f"{account}:root" if root else identity.role_arn})
    )
    scenario.associate(identity.name, identity.role, target_role_arn=target)
    scenario.create_workload()
    return identity
