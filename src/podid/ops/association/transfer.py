"""Associations that are made again somewhere else: in another cluster, or for another service account."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from podid.domain import trust
from podid.domain.aws import Association, Cluster, Role
from podid.domain.errors import Again, Conflict, ExitCode, InvalidInput, PodidError, Unavailable, Undetermined
from podid.domain.names import ServiceAccountRef, check_role, role_name
from podid.domain.plan import Action, Plan, Verb, code_after
from podid.ops.association.aftermath import Waiting, reach
from podid.ops.association.files import FileItem
from podid.ops.association.request import Settings
from podid.ops.change.kinds import ASSOCIATION, ROLE_TRUST
from podid.ops.change.kinds.role_trust import document_of
from podid.ops.role.plan import identity
from podid.ops.status.look import Diagnosis
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
class OnceReady:
    """Lets an association go only once new pods of `target`, which gets the same, are in the state that is waited for,
    as far as the cluster can be checked. `found` is what was seen."""

    how: Waiting
    target: ServiceAccountRef
    found: Diagnosis | None = None

    def __call__(self, action: Action) -> PodidError | None:
        """What stands in the way of the action."""
        how, target = self.how, self.target
        if action.kind != ASSOCIATION.name or action.verb is not Verb.DELETE or not how.checks_cluster:
            return None
        self.found = reach(how, (target,))
        (status,) = self.found.report.identities
        named = ExitCode.UNDETERMINED if how.wait is not None else ExitCode.OK
        code = code_after(status, how.state, running=False, unjudged=named)
        if code is ExitCode.OK:
            return None
        cause = status.new_pod.cause
        why = "" if cause is None else f", {cause.check}: {cause.reason or cause.message}"
        state = status.new_pod.state or "not checked"
        what = f"{target} has the association, and {action.target} keeps its own: new pods are {state}{why}"
        kind: type[PodidError] = {
            ExitCode.ATTENTION: Conflict,
            ExitCode.UNAVAILABLE: Unavailable,
        }.get(code, Undetermined)
        return kind(what, hint=Again(), subject=str(target))


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
