"""Role assumption: one role session from a role, a principal and what the call carries. Used by STS and EKS Auth."""

from collections.abc import Mapping
from dataclasses import dataclass

from podid.sandbox.aws.authorization import IamAuthorizer, as_principal, principal_context
from podid.sandbox.aws.policy import Principal, decide
from podid.sandbox.aws.service import Iam, RoleView
from podid.sandbox.credentials import Credential

Tags = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class AssumeRequest:
    """What an AssumeRole call carries besides the role."""

    session_name: str
    tags: Tags = ()
    transitive_tags: Tags = ()
    external_id: str = ""
    source: Mapping[str, str] | None = None


def refused_action(
    role: RoleView,
    principal: Principal,
    request: AssumeRequest,
    caller: Mapping[str, tuple[str, ...]],
    action: str = "sts:AssumeRole",
) -> str:
    """The first action that the trust policy does not allow, or "". sts:TagSession is asked for only with tags."""
    context = trust_context(role, request, caller)
    wanted = (action, "sts:TagSession") if request.tags or request.transitive_tags else (action,)
    for name in wanted:
        if not decide(role.trust, name, role.arn, context, principal=principal).passes:
            return name
    return ""


def trust_context(
    role: RoleView, request: AssumeRequest, caller: Mapping[str, tuple[str, ...]]
) -> dict[str, tuple[str, ...]]:
    """The condition keys of an AssumeRole call."""
    context = dict(caller)
    context["sts:RoleSessionName"] = (request.session_name,)
    for key, value in role.tags:
        context[f"aws:ResourceTag/{key}"] = context[f"iam:ResourceTag/{key}"] = (value,)
    tags = request.tags + request.transitive_tags
    if tags:
        context["aws:TagKeys"] = context["sts:TransitiveTagKeys"] = tuple(key for key, _ in tags)
        context.update({f"aws:RequestTag/{key}": (value,) for key, value in tags})
    if request.external_id:
        context["sts:ExternalId"] = (request.external_id,)
    context.update({key: (value,) for key, value in (request.source or {}).items()})
    return context


def refused_chained(
    role: RoleView, caller: Credential, request: AssumeRequest, iam: Iam, authorizer: IamAuthorizer
) -> str:
    """As `refused_action`, for a user or a role session: its own policies count unless the trust names it outright."""
    principal = as_principal(caller)
    caller_context = principal_context(caller, iam)
    refused = refused_action(role, principal, request, caller_context)
    if refused:
        return refused
    context = trust_context(role, request, caller_context)
    same_account = role.arn.split(":")[4] == caller.account
    for action in (
        ("sts:AssumeRole", "sts:TagSession") if request.tags or request.transitive_tags else ("sts:AssumeRole",)
    ):
        named = not decide(role.trust, action, role.arn, context, principal=principal).by_account
        if caller.administrator or (same_account and named):
            continue
        single = {key: values[0] for key, values in context.items() if len(values) == 1}
        if not authorizer.permits(caller, action, role.arn, single):
            return action
    return ""
