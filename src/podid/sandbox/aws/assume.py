"""Role assumption: one role session from a role, a principal and what the call carries. Used by STS and EKS Auth."""

from collections.abc import Mapping
from dataclasses import dataclass

from podid.sandbox.aws.authorization import IamAuthorizer, as_principal, principal_keys, tag_keys
from podid.sandbox.aws.moto_backend import IamStore, RoleView, Tags
from podid.sandbox.aws.policy import Keys, Principal, decide
from podid.sandbox.credentials import Credential


@dataclass(frozen=True, slots=True)
class AssumeRequest:
    """What an AssumeRole call carries besides the role."""

    session_name: str
    tags: Tags = ()
    transitive_tags: Tags = ()
    external_id: str = ""
    source: Mapping[str, str] | None = None

    @property
    def actions(self) -> tuple[str, ...]:
        """sts:TagSession is asked for only with tags."""
        return ("sts:AssumeRole", "sts:TagSession") if self.tags or self.transitive_tags else ("sts:AssumeRole",)


def refused_action(
    role: RoleView, principal: Principal, request: AssumeRequest, caller: Keys, actions: tuple[str, ...] = ()
) -> str:
    """The first action that the trust policy does not allow, or ""."""
    keys = trust_keys(role, request, caller)
    for name in actions or request.actions:
        if not decide(role.trust, name, role.arn, keys, principal=principal).passes:
            return name
    return ""


def trust_keys(role: RoleView, request: AssumeRequest, caller: Keys) -> Keys:
    """The condition keys of an AssumeRole call."""
    tags = request.tags + request.transitive_tags
    keys = {**caller, "sts:RoleSessionName": (request.session_name,), **tag_keys(role.tags, tags)}
    keys |= {f"iam:ResourceTag/{key}": (value,) for key, value in role.tags}
    if tags:
        keys["sts:TransitiveTagKeys"] = tuple(key for key, _ in tags)
    if request.external_id:
        keys["sts:ExternalId"] = (request.external_id,)
    return keys | {key: (value,) for key, value in (request.source or {}).items()}


def refused_chained(
    role: RoleView, caller: Credential, request: AssumeRequest, iam: IamStore, permissions: IamAuthorizer
) -> str:
    """As `refused_action`, for a user or a role session: its own policies have to allow it, unless the trust names it
    outright."""
    principal, caller_keys = as_principal(caller), principal_keys(caller, iam)
    if refused := refused_action(role, principal, request, caller_keys):
        return refused
    keys = trust_keys(role, request, caller_keys)
    same_account = role.arn.split(":")[4] == caller.account
    for action in request.actions:
        named = not decide(role.trust, action, role.arn, keys, principal=principal).by_account
        if permissions.refusal(caller, action, role.arn, keys, granted=same_account and named):
            return action
    return ""
