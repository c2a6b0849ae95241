"""Which of EKS's refusals may pass by themselves: those that a change seconds ago explains, and no others.

AWS refuses a role that it does not know yet, or whose new trust it has not seen, for seconds up to about two minutes
(Terraform's provider retries likewise, hashicorp/terraform-provider-aws#34717). The very same texts are also its last
word on a role that does not exist and on a trust that does not admit it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from podid.domain import trust
from podid.domain.aws import Role
from podid.domain.errors import Again, AlreadyExists, NotFound, Other, PodidError, RoleUnknown, TimedOut, TrustRefused
from podid.domain.names import parse_role_arn
from podid.domain.plan import Action, text
from podid.ops.clients import Clients

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


def waits_for(
    error: PodidError, clients: Clients, cluster: str, action: Action, lately: Callable[[], Lately]
) -> PodidError:
    """The error to end with if it has not passed by itself in time. Raises `error`, explained, where waiting would be
    in vain."""
    if isinstance(error, AlreadyExists):
        if _exists(clients, cluster, error.existing_id):
            raise error
        what = f"EKS still remembers the association that was deleted ({error.what})"
        return TimedOut(what, hint=Again(), subject=error.subject, request_id=error.request_id)
    if not isinstance(error, RoleUnknown | TrustRefused):
        raise error
    name = parse_role_arn(text(action.after or {}, "roleArn")).resource_name
    try:
        role = clients.iam.find_role(name)
    except PodidError as unread:
        error.advise(f"Role {name} could not be looked at: {unread.what}.")
        return error  # how old it is cannot be told
    if role is None:
        error.id = "role-not-found"
        if name not in lately().roles:
            error.advice = f"IAM knows no role {name} in this account."
            raise error
        return error
    if isinstance(error, TrustRefused):
        _check_trust(error, clients, cluster, action, role)
    if not lately().touched(role):
        error.advice = _old(error, role)
        raise error
    error.id = "role-eventual-consistency"
    return error


def _check_trust(error: TrustRefused, clients: Clients, cluster: str, action: Action, role: Role) -> None:
    """Raises `error` with the reason where the trust policy, as IAM has it now, does not admit the association."""
    after = action.after or {}
    try:
        policy = trust.parse_policy(role.trust)
        who = trust.PodIdentity(
            cluster_arn=clients.eks.get_cluster(cluster).arn,
            namespace=action.keys["namespace"],
            service_account=action.keys["serviceAccount"],
            session_tags=not after.get("disableSessionTags"),
            role_tags=dict(role.tags),
        )
    except (trust.TrustPolicyError, PodidError):
        return
    found = trust.evaluate(policy, who)
    if found.verdict is trust.TrustVerdict.NO_MATCH:
        worst = next((item for item in found.findings if item.shuts_out), None)
        failed = next(x for x in (found.assume_role, found.tag_session) if x.verdict is trust.TrustVerdict.NO_MATCH)
        error.id = worst.id if worst is not None else ""
        error.advice = f"As IAM has it now, {failed.action} is refused: {failed.reason}."
        flags = ("--role", role.name, "--for", f"{who.namespace}/{who.service_account}")
        error.hint = Again(add=("--update-trust",), instead=Other(("trust", "add"), flags=flags))
        raise error


def _old(error: PodidError, role: Role) -> str:
    if isinstance(error, RoleUnknown):
        return "The role is not new in IAM, so waiting does not help: EKS may want another path or ARN."
    return (
        f"As IAM has it now, the trust policy of {role.name} admits the association, and podid has not changed it in "
        "the last minutes. If somebody else has just done so, run the command again in a minute."
    )


def _exists(clients: Clients, cluster: str, association_id: str) -> bool:
    if not association_id:
        return True
    try:
        clients.eks.get_association(cluster, association_id)
    except NotFound:
        return False  # deletion is eventually consistent, aws-controllers-k8s/community#2684
    return True
