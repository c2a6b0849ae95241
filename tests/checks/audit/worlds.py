"""Clusters with the roles, trust policies and grants that the checks of `podid audit` judge."""

from dataclasses import replace
from typing import Any

from checks.builder import (
    ACCOUNT,
    DENIED,
    ISSUER,
    ROLE_ARN,
    cluster,
    healthy,
    role,
    trust,
)
from podid.domain.declaration import Guard, Position
from podid.domain.exposure import AccessKey, IdentityGrant
from podid.domain.findings import Subject
from podid.domain.iam import PolicyDocument, Principal
from podid.domain.snapshot import Known, Snapshot

KEY = AccessKey(Subject("ConfigMap", "settings", "shop"), "entry credentials", "WXYZ", account=ACCOUNT)
GRANT = IdentityGrant(
    Subject("Group", "developers"), "shop", ("create pods",), "Role deployer", "RoleBinding shop/deployer"
)


def allowing(*statements: dict[str, Any], **statement: Any) -> Snapshot:
    """Return the healthy cluster, whose role has only these statements."""
    document = {"Version": "2012-10-17", "Statement": [*statements, {"Effect": "Allow", **statement}]}
    return healthy(permission_policies={ROLE_ARN: Known({"p": Known(document)})})


def trusting(*statements: Any, **condition: Any) -> Snapshot:
    """Return the healthy cluster, whose role's trust policy has these further statements, or this condition."""
    document = trust(**condition)
    listed = [*document["Statement"], *statements]  # type: ignore[misc]
    return healthy(
        cluster=cluster(oidc_issuer=f"https://{ISSUER}"),
        roles={ROLE_ARN: Known(role(document=document | {"Statement": listed}))},
    )


def other_account(**condition: Any) -> dict[str, object]:
    principal = {"AWS": "arn:aws:iam::444455556666:root"}
    return {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole", "Condition": condition}


def guarded(**rules: Any) -> Snapshot:
    """Return the healthy cluster, with a guard of these rules, which are on line 7 of its file."""
    return replace(healthy(), guards=(Guard(at=Position("guard.yaml", 7), **rules),))


UNREAD_POLICIES = healthy(permission_policies={ROLE_ARN: DENIED})
UNREAD_ROLE = healthy(roles={ROLE_ARN: DENIED})
PASSES = {"Effect": "Allow", "Action": ["eks:*PodIdentity*", "iam:PassRole"], "Resource": "*"}
PIPELINE = Principal(
    f"arn:aws:iam::{ACCOUNT}:role/pipeline", (PolicyDocument("p", {"Version": "2012-10-17", "Statement": [PASSES]}),)
)
