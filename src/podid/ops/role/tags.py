"""Describe the effect of session settings: the policies of a role that require session tags, actions that a session
policy allows but the role does not, and the size of the session policy.

Sources: EKS User Guide, "Grant Pods access to AWS resources based on tags" (the six tags that EKS sends) and "EKS Pod
Identity session policies"; STS API Reference, "AssumeRole" (a session may do what its role and its policy both allow;
policy and tags are packed into a binary form with a limit of its own).
"""

import json
import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from functools import cache

from podid.domain import trust
from podid.domain.aws import Role
from podid.domain.errors import AccessDenied, CredentialsError, NotFound, PodidError
from podid.domain.iam import SESSION_POLICY_QUOTA, not_granted, strings_in
from podid.domain.names import Arn, role_name
from podid.domain.plan import Plan
from podid.domain.text import short_list
from podid.ops.change.kinds import ASSOCIATION
from podid.ops.clients import Clients

Documents = Callable[[str], Mapping[str, Mapping[str, object]]]
_KEY = re.compile(rf"aws:PrincipalTag/({'|'.join(trust.TAG_KEYS)})", re.IGNORECASE)


def session_notes(plan: Plan, clients: Clients, role: Role | None) -> tuple[str, ...]:
    """Return notes about the planned associations of one role that have no session tags or have a session policy.
    `role` is None if the plan creates it, or if it could not be read."""
    after = [action for action in plan.actions if action.kind == ASSOCIATION.name and action.after is not None]
    untagged = [
        action
        for action in after
        if (action.after or {}).get("disableSessionTags") and not (action.before or {}).get("disableSessionTags")
    ]
    iam = clients.iam

    @cache
    def documents(name: str) -> Mapping[str, Mapping[str, object]]:
        """Return a role's policies, inline and attached, by name. Raise as IAM does."""
        policies = dict(iam.list_inline_policies(name))
        managed = {policy.arn: policy.name for policy in iam.list_attached_policies(name)}
        for arn, content in iam.get_managed_documents(list(managed)):
            if isinstance(content, PodidError):
                raise content
            policies[managed[arn]] = content
        return policies

    notes: list[str] = []
    if untagged and role is not None:
        notes += _losses(documents, role.name)
    narrowed: dict[tuple[str, str], None] = {}
    for action in after:
        new, old = action.after or {}, action.before or {}
        policy = new.get("policy")
        if not isinstance(policy, str) or not policy:
            continue
        if policy != old.get("policy"):
            notes.append(
                f"the session policy of {action.target} only restricts: pods may do what both the policy and the role "
                f"allow ({room_words(policy)})"
            )
        if any(new.get(key) != old.get(key) for key in ("policy", "roleArn", "targetRoleArn")):
            # a session policy restricts the sessions of the target role, if there is one
            narrowed[policy, str(new.get("targetRoleArn") or "")] = None
    for policy, target in narrowed:
        notes += _narrowed(documents, policy, target, role, plan.header.account)
    return tuple(notes)


def _narrowed(documents: Documents, policy: str, target: str, role: Role | None, account: str) -> Iterator[str]:
    """Yield a note about actions that the session policy allows and the role does not."""
    arn = target or (role.arn if role is not None else "")
    if not arn:
        return
    name = role_name(arn)
    if Arn.parse(arn).account != account:
        yield f"whether role {arn} allows the session policy's actions was not checked: it is in another account"
        return
    try:
        granted = documents(name).values()
    except CredentialsError:
        raise
    except NotFound:
        return  # reported with the target role
    except AccessDenied as error:
        yield f"whether role {name} allows the session policy's actions was not checked: requires {error.permission}"
        return
    actions = not_granted(json.loads(policy), granted)
    if actions:
        yield (
            f"the session policy allows {short_list(actions, _MOST_SHOWN)}, but no policy of role {name} does: a "
            "session policy adds no permissions, so these actions stay denied"
        )


def _losses(documents: Documents, name: str) -> Iterator[str]:
    try:
        policies = documents(name)
    except CredentialsError:
        raise
    except AccessDenied as error:
        yield f"whether the policies of role {name} rely on session tags was not checked: requires {error.permission}"
        return
    for policy, document in sorted(policies.items()):
        tags = relied_on(document)
        if tags:
            yield (
                f"policy {policy} of role {name} relies on {short_list(tags)}, which EKS no longer sends: permissions "
                "that depend on these tags are denied, and denials that depend on them may no longer apply"
            )


def relied_on(document: Mapping[str, object]) -> tuple[str, ...]:
    """Return the `aws:PrincipalTag/…` keys of EKS's session tags in conditions or variables of the policy."""
    return tuple(
        sorted({f"aws:PrincipalTag/{key.lower()}" for text in strings_in(document) for key in _KEY.findall(text)})
    )


_MOST_SHOWN = 5
# random text of the allowed length has about 80
_NEARLY_FULL = 60


def packed_percent(policy: str) -> int:
    """Estimate the packed size. AWS publishes neither the algorithm nor the limit: zlib and the limit of the plain text
    are used."""
    return -(-len(zlib.compress(policy.encode(), 9)) * 100 // SESSION_POLICY_QUOTA)


def room_words(policy: str) -> str:
    """Describe the size of a session policy, and the estimate of its packed size."""
    percent = packed_percent(policy)
    nearly = ", so PackedPolicyTooLarge is possible" if percent >= _NEARLY_FULL else ""
    return (
        f"{len(policy):,} of {SESSION_POLICY_QUOTA:,} characters; packed size about {percent}% of the limit (estimated)"
        f"{nearly}; AWS reports the packed size only in CloudTrail (packedPolicySize)"
    )
