"""What a role's policies lose when EKS sends no session tags: what they tell service accounts apart by.

Source: EKS User Guide, "Grant Pods access to AWS resources based on tags" (the six tags that EKS sends).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from podid.domain.errors import AccessDenied, CredentialsError, PodidError
from podid.domain.model import Role
from podid.domain.plan import Plan
from podid.domain.words import short_list
from podid.ops.change.kinds import ASSOCIATION

if TYPE_CHECKING:
    from podid.aws.iam import Iam

SESSION_POLICY_QUOTA = 2048
_TAGS = (
    *("eks-cluster-arn", "eks-cluster-name", "kubernetes-namespace"),
    *("kubernetes-service-account", "kubernetes-pod-name", "kubernetes-pod-uid"),
)
_KEY = re.compile(rf"aws:PrincipalTag/({'|'.join(_TAGS)})", re.IGNORECASE)


def session_notes(plan: Plan, iam: Iam, role: Role | None) -> tuple[str, ...]:
    """What to know of the associations that the plan would have without session tags, or with a session policy."""
    after = [action for action in plan.actions if action.kind == ASSOCIATION.name and action.after is not None]
    untagged = [
        action
        for action in after
        if (action.after or {}).get("disableSessionTags") and not (action.before or {}).get("disableSessionTags")
    ]
    notes: list[str] = []
    if untagged and role is not None:
        notes += _losses(iam, role)
    for action in after:
        policy = (action.after or {}).get("policy")
        if isinstance(policy, str) and policy != (action.before or {}).get("policy"):
            notes.append(
                f"the session policy of {action.target} only narrows: its pods may do what both it and the role allow "
                f"({len(policy):,} of {SESSION_POLICY_QUOTA:,} characters; AWS packs it as well, and says only in "
                "CloudTrail how much of that room it takes)"
            )
    return tuple(notes)


def _losses(iam: Iam, role: Role) -> Iterator[str]:
    try:
        documents = dict(iam.list_inline_policies(role.name))
        managed = {policy.arn: policy.name for policy in iam.list_attached_policies(role.name)}
        for arn, document in iam.get_managed_documents(list(managed)):
            if isinstance(document, PodidError):
                raise document
            documents[managed[arn]] = document
    except CredentialsError:
        raise
    except AccessDenied as error:
        yield f"whether role {role.name}'s policies rely on session tags was not looked at: needs {error.permission}"
        return
    for name, document in sorted(documents.items()):
        tags = relied_on(document)
        if tags:
            yield (
                f"policy {name} of role {role.name} relies on {short_list(tags)}, which EKS no longer sends: what it "
                "allows by them is denied, and what it denies by them may be allowed"
            )


def relied_on(document: Mapping[str, object]) -> tuple[str, ...]:
    """The `aws:PrincipalTag/…` keys of EKS's session tags that the policy names, in conditions or as variables."""
    return tuple(
        sorted({f"aws:PrincipalTag/{found.lower()}" for text in _texts(document) for found in _KEY.findall(text)})
    )


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield str(key)
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
