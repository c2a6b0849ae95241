"""What AWS learns of late: which of EKS's refusals may pass by themselves, those that a change seconds ago explains and
no others; and external ids, which EKS generates with an association and a target role's trust demands.

AWS refuses a role that it does not know yet, or whose new trust it has not seen, for seconds up to about two minutes
(Terraform's provider retries likewise, hashicorp/terraform-provider-aws#34717). The very same texts are also its last
word on a role that does not exist and on a trust that does not admit it. An external id is read, never made up: EKS API
Reference, "PodIdentityAssociation" (externalId)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from podid.calls.patience import Patience
from podid.domain import trust
from podid.domain.aws import Role
from podid.domain.errors import Again, AlreadyExists, NotFound, Other, PodidError, RoleUnknown, TimedOut, TrustRefused
from podid.domain.names import ServiceAccountRef, parse_role_arn
from podid.domain.plan import Action, text
from podid.ops.clients import Site

if TYPE_CHECKING:
    from podid.aws.eks import Eks

PROPAGATION_SECONDS = 120.0
# far longer than that, so that a clock that is wrong by minutes cuts no wait short
LATELY = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Lately:
    """What podid changed in the last minutes: `roles` are names of roles, made or with another trust."""

    now: datetime
    roles: frozenset[str] = frozenset()

    def touched(self, role: Role) -> bool:
        """Whether the role was made, or its trust changed, so lately that AWS may not know everywhere. IAM keeps no
        time of change of a trust policy: what others changed is not known."""
        young = role.created_at is not None and self.now - role.created_at <= LATELY
        return young or role.name in self.roles


def waits_for(site: Site, action: Action, error: PodidError, lately: Callable[[], Lately]) -> PodidError:
    """The error to end with if it has not passed by itself in time. Raises `error`, explained, where waiting would be
    in vain."""
    if isinstance(error, AlreadyExists):
        with suppress(NotFound):  # deletion is eventually consistent, aws-controllers-k8s/community#2684
            if error.existing_id:
                site.eks.get_association(site.cluster, error.existing_id)
            raise error
        message = f"EKS still remembers the association that was deleted ({error.message})"
        return TimedOut(message, hint=Again(), subject=error.subject, request_id=error.request_id)
    if not isinstance(error, RoleUnknown | TrustRefused):
        raise error
    name = parse_role_arn(text(action.after or {}, "roleArn")).resource_name
    try:
        role = site.iam.find_role(name)
    except PodidError as unread:
        error.advise(f"Role {name} could not be looked at: {unread.message}.")
        return error  # how old it is cannot be told
    if role is None:
        error.id = "role-not-found"
        if name not in lately().roles:
            error.advice = f"IAM knows no role {name} in this account."
            raise error
        return error
    if isinstance(error, TrustRefused):
        _check_trust(site, action, error, role)
    if not lately().touched(role):
        if isinstance(error, RoleUnknown):
            error.advice = "The role is not new in IAM, so waiting does not help: EKS may want another path or ARN."
        else:
            error.advice = (
                f"As IAM has it now, the trust policy of {role.name} admits the association, and podid has not changed "
                "it in the last minutes. If somebody else has just done so, run the command again in a minute."
            )
        raise error
    error.id = "role-eventual-consistency"
    return error


def _check_trust(site: Site, action: Action, error: TrustRefused, role: Role) -> None:
    """Raises `error` with the reason where the trust policy, as IAM has it now, does not admit the association."""
    after = action.after or {}
    try:
        policy = trust.parse_policy(role.trust)
        who = trust.PodIdentity(
            cluster_arn=site.eks.get_cluster(site.cluster).arn,
            namespace=action.keys["namespace"],
            service_account=action.keys["serviceAccount"],
            session_tags=not after.get("disableSessionTags"),
            role_tags=dict(role.tags),
        )
    except (trust.TrustPolicyError, PodidError):
        return
    evaluation = trust.evaluate(policy, who)
    if evaluation.verdict is trust.TrustVerdict.NO_MATCH:
        worst = next((item for item in evaluation.findings if item.shuts_out), None)
        actions = (evaluation.assume_role, evaluation.tag_session)
        failed = next(action for action in actions if action.verdict is trust.TrustVerdict.NO_MATCH)
        error.id = worst.id if worst is not None else ""
        error.advice = f"As IAM has it now, {failed.action} is refused: {failed.reason}."
        flags = ("--role", role.name, "--for", f"{who.namespace}/{who.service_account}")
        error.hint = Again(add=("--update-trust",), instead=Other(("trust", "add"), flags=flags))
        raise error


_AWAITED = re.compile(r"\(externalId of ([^/()\s]+)/([^/()\s]+)\)")
# EKS lists an association some seconds after it has made it
_SETTLES_SECONDS = 20.0


def awaited(ref: ServiceAccountRef) -> str:
    """What stands in a policy for the external id of an association that is not there yet. It lets in nobody."""
    return f"(externalId of {ref})"


def awaited_in(value: object) -> frozenset[ServiceAccountRef]:
    """Whose external ids the policy, or a part of it, waits for."""
    return frozenset(_refs_awaited(value))


def _refs_awaited(value: object) -> Iterator[ServiceAccountRef]:
    if isinstance(value, str) and (match := _AWAITED.fullmatch(value)):
        yield ServiceAccountRef(*match.groups())
    elif isinstance(value, Mapping):
        for member in value.values():
            yield from _refs_awaited(member)
    elif isinstance(value, list | tuple):
        for member in value:
            yield from _refs_awaited(member)


def with_external_ids(value: object, ids: Mapping[ServiceAccountRef, str]) -> object:
    """The policy, or the part of it, with the external ids that are known by now."""
    if isinstance(value, str) and (match := _AWAITED.fullmatch(value)):
        return ids.get(ServiceAccountRef(*match.groups()), value)
    if isinstance(value, Mapping):
        return {key: with_external_ids(member, ids) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return [with_external_ids(member, ids) for member in value]
    return value


def find_external_id(eks: Eks, cluster: str, ref: ServiceAccountRef, target_role_arn: str) -> str:
    """That of its association with the target role; empty where it has none. Raises as EKS does."""
    association = eks.find_association(cluster, ref)
    if association is None or association.target_role_arn != target_role_arn:
        return ""
    return association.external_id or ""


def get_external_id(eks: Eks, cluster: str, ref: ServiceAccountRef, target_role_arn: str, patience: Patience) -> str:
    """The same of an association that was just made. Raises NotFound where EKS does not have it in time."""
    for _ in patience.within(_SETTLES_SECONDS).rounds(1.0):
        if external_id := find_external_id(eks, cluster, ref, target_role_arn):
            return external_id
    raise no_external_id(ref, target_role_arn)


def no_external_id(ref: ServiceAccountRef, target_role_arn: str) -> NotFound:
    return NotFound(f"{ref} has no association with target role {target_role_arn}", subject=str(ref))
