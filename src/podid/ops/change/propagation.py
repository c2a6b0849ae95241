"""Eventual consistency: which of EKS's refusals a change made seconds ago explains, so that a retry may succeed; and
external ids, which EKS generates with an association and a target role's trust policy requires.

AWS refuses a role that it does not know yet, or whose new trust policy it has not seen, for seconds up to about two
minutes (Terraform's provider retries likewise, hashicorp/terraform-provider-aws#34717). The same error texts are final
for a role that does not exist or whose trust policy does not match. An external id is always read, never composed: EKS
API Reference, "PodIdentityAssociation" (externalId).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from podid.calls.patience import Patience
from podid.domain import trust
from podid.domain.aws import Role
from podid.domain.errors import (
    Again,
    AlreadyExists,
    NotFound,
    Other,
    PodidError,
    RoleUnknown,
    TimedOut,
    TrustRefused,
)
from podid.domain.names import ServiceAccountRef, parse_role_arn
from podid.domain.plan import Action, text
from podid.ops.clients import Site

if TYPE_CHECKING:
    from podid.aws.eks import Eks

PROPAGATION_SECONDS = 120.0
# much longer, so that a clock that is off by minutes does not cut a wait short
LATELY = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Lately:
    """podid's own recent changes: `roles` are the names of roles that were created or got another trust policy."""

    now: datetime
    roles: frozenset[str] = frozenset()

    def touched(self, role: Role) -> bool:
        """Return whether the role was created, or its trust policy changed, within the last minutes. IAM does not
        report when a trust policy changed, so changes by others are not known."""
        young = role.created_at is not None and self.now - role.created_at <= LATELY
        return young or role.name in self.roles


def waits_for(site: Site, action: Action, error: PodidError, lately: Callable[[], Lately]) -> PodidError:
    """Return the error to end with if retrying does not help in time. Raise `error`, explained, if retrying is
    useless."""
    if isinstance(error, AlreadyExists):
        with suppress(NotFound):  # deletion is eventually consistent, aws-controllers-k8s/community#2684
            if error.existing_id:
                site.eks.get_reported(site.cluster, error.existing_id)
            raise error
        message = f"EKS does not show the association that it reports ({error.message})"
        return TimedOut(message, hint=Again(), subject=error.subject, request_id=error.request_id)
    if not isinstance(error, RoleUnknown | TrustRefused):
        raise error
    name = parse_role_arn(text(action.after, "roleArn")).resource_name
    try:
        role = site.iam.find_role(name)
    except PodidError as unread:
        error.advise(f"Role {name} could not be read: {unread.message}.")
        return error  # its age is not known
    if role is None:
        error.id = "role-not-found"
        if name not in lately().roles:
            error.advice = f"Role {name} does not exist in this account."
            raise error
        return error
    if isinstance(error, TrustRefused):
        _check_trust(site, action, error, role)
    if not lately().touched(role):
        if isinstance(error, RoleUnknown):
            error.advice = "The role is not new in IAM, so waiting does not help: check its ARN, including the path."
        else:
            error.advice = (
                f"The current trust policy of role {role.name} allows the association, and podid has not changed it in "
                "the last minutes. If someone else has just changed it, run the command again in a minute."
            )
        raise error
    error.id = "role-eventual-consistency"
    return error


def _check_trust(site: Site, action: Action, error: TrustRefused, role: Role) -> None:
    """Raise `error` with the reason if the current trust policy in IAM does not allow the association."""
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
        worst = next((item for item in evaluation.findings if item.denies_access), None)
        failed = next(action for action in evaluation.actions if action.verdict is trust.TrustVerdict.NO_MATCH)
        error.id = worst.id if worst is not None else ""
        error.advice = f"The current trust policy does not allow {failed.action}: {failed.reason}."
        flags = ("--role", role.name, "--for", f"{who.namespace}/{who.service_account}")
        error.hint = Again(add=("--update-trust",), instead=Other(("trust", "add"), flags=flags))
        raise error


_AWAITED = re.compile(r"\(externalId of ([^/()\s]+)/([^/()\s]+)\)")
# EKS lists a new association after some seconds
_SETTLES_SECONDS = 20.0


def awaited(ref: ServiceAccountRef) -> str:
    """Return the placeholder in a policy for the external id of an association that does not exist yet. It matches no
    request."""
    return f"(externalId of {ref})"


def awaited_in(value: object) -> frozenset[ServiceAccountRef]:
    """Return the service accounts whose external ids the policy, or a part of it, contains as placeholders."""
    if isinstance(value, str):
        match = _AWAITED.fullmatch(value)
        return frozenset((ServiceAccountRef(*match.groups()),) if match else ())
    members = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ()
    return frozenset[ServiceAccountRef]().union(*map(awaited_in, members))


def with_external_ids(value: object, ids: Mapping[ServiceAccountRef, str]) -> object:
    """Replace the placeholders of the external ids that are known."""
    if isinstance(value, str) and (match := _AWAITED.fullmatch(value)):
        return ids.get(ServiceAccountRef(*match.groups()), value)
    if isinstance(value, Mapping):
        return {key: with_external_ids(member, ids) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return [with_external_ids(member, ids) for member in value]
    return value


def find_external_id(eks: Eks, cluster: str, ref: ServiceAccountRef, target_role_arn: str) -> str:
    """Return the external id of the association with the target role; empty if there is none."""
    association = eks.find_association(cluster, ref)
    if association is None or association.target_role_arn != target_role_arn:
        return ""
    return association.external_id or ""


def get_external_id(eks: Eks, cluster: str, ref: ServiceAccountRef, target_role_arn: str, patience: Patience) -> str:
    """Wait for the external id of a new association. Raise NotFound if EKS does not return it in time."""
    for _ in patience.within(_SETTLES_SECONDS).rounds(1.0):
        if external_id := find_external_id(eks, cluster, ref, target_role_arn):
            return external_id
    raise no_external_id(ref, target_role_arn)


def no_external_id(ref: ServiceAccountRef, target_role_arn: str) -> NotFound:
    return NotFound(f"{ref} has no association with target role {target_role_arn}", subject=str(ref))
