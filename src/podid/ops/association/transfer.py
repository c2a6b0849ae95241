"""Associations that are made again somewhere else: in another cluster, or for another service account."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from podid.domain import trust
from podid.domain.errors import Again, InvalidInput, PodidError, Unavailable, Undetermined
from podid.domain.model import Association, Cluster, Role
from podid.domain.names import ServiceAccountRef, check_role, role_name
from podid.domain.patience import Patience
from podid.domain.plan import Action, Effect, EffectState, Plan, Verb, Wait
from podid.ops.association.effect import wait_for_effect
from podid.ops.association.files import FileItem
from podid.ops.association.request import Settings
from podid.ops.change.kinds import ASSOCIATION, ROLE_TRUST
from podid.ops.change.kinds.role_trust import document_of
from podid.ops.change.look import look
from podid.ops.clients import Clients
from podid.ops.role.plan import identity
from podid.ops.trust.edit import Whom, plan_edit, removing


def all_settings(association: Association) -> Settings:
    """Everything that it has and has not, so that another becomes like it."""
    return Settings(
        target_role_arn=association.target_role_arn or "",
        disable_session_tags=not association.session_tags,
        policy=association.policy or "",
        tags=association.tags,
    )


def copies(associations: Iterable[Association], roles: Mapping[str, str]) -> tuple[FileItem, ...]:
    """What another cluster needs to have the same; `roles` maps roles, by name or ARN, to others. Those that an add-on
    owns say so: the add-on makes them there."""
    return tuple(
        FileItem(item.ref, _mapped(item.role_arn, roles), all_settings(item), owner=item.owner_arn or "")
        for item in associations
    )


def _mapped(arn: str, roles: Mapping[str, str]) -> str:
    return roles.get(arn) or roles.get(role_name(arn)) or arn


def role_map(texts: Sequence[str]) -> dict[str, str]:
    """OLD=NEW pairs, each side a role's name or ARN. Raises InvalidInput."""
    found: dict[str, str] = {}
    for text in texts:
        old, equals, new = text.partition("=")
        if not equals:
            raise InvalidInput(f"--map-role {text!r} is not OLD=NEW", subject=text)
        if found.setdefault(check_role(old), check_role(new)) != new:
            raise InvalidInput(f"--map-role names {old} twice", subject=old)
    return found


@dataclass(slots=True)
class OnceInEffect:
    """Lets an association go only once new pods of `target`, which gets the same, are seen to be given credentials, as
    far as the cluster can be looked at. `effect` is what was seen."""

    clients: Clients
    target: ServiceAccountRef
    patience: Patience
    wait: Wait | None
    effect: Effect | None = None

    def __call__(self, action: Action) -> PodidError | None:
        """What stands in the way of the action."""
        if action.kind != ASSOCIATION.name or action.verb is not Verb.DELETE:
            return None
        clock, target = self.patience.clock, self.target
        began = clock.monotonic()
        self.effect = look(
            self.clients, self.wait, lambda kube: wait_for_effect(kube, (target,), self.patience)[target]
        )
        if self.effect is None or self.effect.state not in (EffectState.UNKNOWN, EffectState.NOT_IN_EFFECT):
            return None
        what = f"{target} has the association, and {action.target} keeps its own: {self.effect.how}"
        if self.effect.state is EffectState.NOT_IN_EFFECT or clock.monotonic() - began >= self.patience.seconds:
            return Unavailable(what, hint=Again(), subject=str(target))
        if self.wait in (Wait.EFFECT, Wait.PROOF):
            return Undetermined(what, hint=Again(), subject=str(target))
        return None


def left_in_trust(
    plan: Plan, role: Role, cluster: Cluster, ref: ServiceAccountRef, *, session_tags: bool
) -> Plan | None:
    """What takes `ref` out of the role's trust once the plan is carried out; None where the trust does not let it in,
    or does so by what lets in others too."""
    changes = (action.after for action in plan.actions if action.kind == ROLE_TRUST.name)
    document = next((document_of(after) for after in changes if after is not None), role.trust)
    then = replace(role, trust=document)
    policy = trust.parse_policy(document)
    if trust.evaluate(policy, identity(cluster, ref, session_tags=session_tags, role=role)).verdict is (
        trust.TrustVerdict.NO_MATCH
    ):
        return None
    edit = removing(Whom(refs=(ref,), cluster_arn=cluster.arn, session_tags=session_tags))
    if not edit(policy, dict(role.tags)).changed:
        return None
    return plan_edit(then, edit, plan.header, why=f"without {ref}")
