"""Roles that do not let the pods in, or let them do nothing: links 9 and 10."""

import json
from typing import Any

from podid.sandbox.breaks.hands import BrokenIdentity, Hands, Json

_PODS = {"Service": "pods.eks.amazonaws.com"}
_ACTIONS = ["sts:AssumeRole", "sts:TagSession"]


def role_not_found(hands: Hands) -> str:
    found = hands.working()
    hands.drop_role(found.role)
    return found.role


def trust_wrong_principal(hands: Hands) -> str:
    return _trusting(hands, Principal={"Service": "ec2.amazonaws.com"}, Action="sts:AssumeRole")


def trust_missing_tag_session(hands: Hands) -> str:
    return _trusting(hands, Action="sts:AssumeRole")


def trust_condition_never_matches(hands: Hands) -> str:
    """Another cluster's."""
    return _trusting(hands, Condition={"ArnEquals": {"aws:SourceArn": f"{hands.world.cluster_arn}-old"}})


def trust_request_tag_with_tags_disabled(hands: Hands) -> str:
    hands.agent()
    tag = {"StringEquals": {"aws:RequestTag/kubernetes-namespace": "broken"}}
    found = hands.identity(associated=False, trust=_trust(Condition=tag))
    hands.associate(found.name, found.role, disable_session_tags=True)
    hands.workload()
    return found.role


def trust_too_broad(hands: Hands) -> str:
    """As the console and much else writes it: every cluster of the account may use it."""
    found = hands.working()
    hands.trust(found.role, _trust())
    return found.role


def role_no_permissions(hands: Hands) -> str:
    hands.agent()
    found = hands.identity(allows=None)
    hands.workload()
    return found.role


def role_recreated(hands: Hands) -> str:
    found = hands.working()
    hands.drop_role(found.role)
    arn = hands.role(found.role)
    made = hands.iam.role_named(hands.world.account, found.role)
    made.create_date = hands.world.clock.datetime().replace(tzinfo=None, microsecond=0)
    assert arn == found.role_arn
    return found.role


def session_policy_misconfig(hands: Hands) -> str:
    """A session policy that denies what the role allows."""
    hands.agent()
    found = hands.identity(associated=False)
    statement = {"Effect": "Deny", "Action": "s3:*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    hands.associate(found.name, found.role, disable_session_tags=True, policy=policy)
    hands.workload()
    return str(found)


# --- the second hop ---------------------------------------------------------------------------------------------------


def base_role_cannot_assume_target(hands: Hands) -> str:
    found = _chained(hands, may=False, root=True)
    return found.role


def permissions_boundary_denies(hands: Hands) -> str:
    found = _chained(hands, root=True)
    statement = {"Effect": "Allow", "Action": "dynamodb:*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam = hands.aws("iam")
    arn = iam.create_policy(PolicyName=hands.mode, PolicyDocument=document)["Policy"]["Arn"]
    hands.later(lambda: iam.delete_policy(PolicyArn=arn))
    iam.put_role_permissions_boundary(RoleName=found.role, PermissionsBoundary=arn)
    hands.later(lambda: iam.delete_role_permissions_boundary(RoleName=found.role))
    return found.role


def target_role_trust_broken(hands: Hands) -> str:
    """The target role lets in somebody else."""
    found = _chained(hands)
    stranger = f"arn:{hands.world.partition}:iam::{hands.world.account}:role/storefront"
    hands.trust(f"{found.role}-target", _trust(Principal={"AWS": stranger}))
    return f"{found.role}-target"


def external_id_mismatch(hands: Hands) -> str:
    found = _chained(hands)
    wrong = {"StringEquals": {"sts:ExternalId": "another"}}
    hands.trust(f"{found.role}-target", _trust(Principal={"AWS": found.role_arn}, Condition=wrong))
    return f"{found.role}-target"


# --- how it is done ---------------------------------------------------------------------------------------------------


def _trust(**more: Any) -> Json:
    statement = {"Effect": "Allow", "Principal": _PODS, "Action": _ACTIONS, **more}
    return {"Version": "2012-10-17", "Statement": [statement]}


def _trusting(hands: Hands, **more: Any) -> str:
    """The statement that lets the cluster's pods in, with other members."""
    from podid.sandbox.baseline import pods_trust

    found = hands.working()
    (statement,) = pods_trust(hands.record)["Statement"]
    hands.trust(found.role, {"Version": "2012-10-17", "Statement": [{**statement, **more}]})
    return found.role


def _chained(hands: Hands, *, may: bool = True, root: bool = False) -> BrokenIdentity:
    """An identity that goes on to a role of its own name; with `root` that role leaves it to the account who may."""
    hands.agent()
    account = f"arn:{hands.world.partition}:iam::{hands.world.account}"
    target = f"{account}:role/{hands.mode}-target"
    allows = {"Effect": "Allow", "Action": _ACTIONS if may else "s3:GetObject", "Resource": target if may else "*"}
    found = hands.identity(associated=False, allows=allows)
    hands.role(f"{hands.mode}-target", _trust(Principal={"AWS": f"{account}:root" if root else found.role_arn}))
    hands.associate(found.name, found.role, target_role_arn=target)
    hands.workload()
    return found
