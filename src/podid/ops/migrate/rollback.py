"""Return service accounts to IRSA, from any stage, so that no pod is ever without credentials.

First IRSA is restored: the trust statement, then the annotation. Then the association goes, pods are
restarted, and last the statement of Pod Identity is removed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from podid.domain import trust
from podid.domain.aws import Association, Role
from podid.domain.errors import NotFound, Partial, PodidError
from podid.domain.names import ServiceAccountRef, role_name
from podid.domain.plan import Action, ChangeResult, Done, Plan, texts
from podid.domain.snapshot import Known, Snapshot, known_or
from podid.domain.text import count_of, short_list
from podid.domain.workloads import live, opted_out
from podid.facts.index import index, role_section
from podid.ops.association.disassociate import plan_disassociate
from podid.ops.change.kinds import ANNOTATIONS, ROLE_TRUST
from podid.ops.change.kinds.trusts import document_of
from podid.ops.migrate.candidates import counts_of, provider_arn
from podid.ops.migrate.items import Migration
from podid.ops.role.plan import check_editable, check_size, identity

if TYPE_CHECKING:
    from podid.ops.change.journal import Journal

_EVER = datetime(1970, 1, 1, tzinfo=UTC)
ROLE_ARN_ANNOTATION = "eks.amazonaws.com/role-arn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollback:
    """`before` restores the older way and deletes the associations of `refs`; `after` removes the statements of Pod
    Identity once pods are back."""

    refs: tuple[ServiceAccountRef, ...]
    before: Plan
    after: Plan

    @property
    def whole(self) -> Plan:
        """Both, as a person sees them before the answer."""
        return self.before.then(self.after).in_order()


def plan_rollback(migration: Migration, refs: Collection[ServiceAccountRef], journal: Journal) -> Rollback:
    """Read nothing but the journal. Raises NotFound where none of `refs` has an association, Conflict where one is
    owned by an add-on or a trust policy cannot be edited."""
    snapshot, place = migration.snapshot, migration.place
    associations = {
        ref: item for ref in sorted(refs) if isinstance(item := index(snapshot).associations.get(ref), Association)
    }
    if not associations:
        names = short_list(map(str, refs))
        raise NotFound(f"Nothing to roll back: {names} {'have' if len(refs) > 1 else 'has'} no association")
    annotations = [
        a for ref, item in associations.items() if (a := _annotation(snapshot, ref, item, journal, place.account))
    ]
    opened, closed = [], []
    for arn, members in _by_role(associations.values()).items():
        section = role_section(snapshot, arn)
        if not isinstance(section, Known) or section.value is None:
            raise NotFound(f"Role {role_name(arn)} could not be read, so IRSA cannot be restored", subject=arn)
        role = section.value
        check_editable(role)
        old = trust.parse_policy(role.trust)
        both = _with_issuer(old, role, members, migration, journal)
        check_size(both, role.name)
        back = _without_pods(both, role, members, migration)
        if both != old:
            opened.append(_trust(role, old, both, "so that it allows IRSA again"))
        if back != both:
            closed.append(_trust(role, both, back, "Pod Identity is no longer used"))
    deletion = plan_disassociate(tuple(associations), place.header, dict(associations))
    before = replace(deletion, actions=(*opened, *annotations, *deletion.actions), notes=(), separate=False)
    return Rollback(refs=tuple(associations), before=before, after=Plan(header=place.header, actions=tuple(closed)))


def _by_role(associations: Iterable[Association]) -> Mapping[str, list[Association]]:
    groups: dict[str, list[Association]] = {}
    for item in associations:
        groups.setdefault(item.role_arn, []).append(item)
    return groups


def _annotation(
    snapshot: Snapshot, ref: ServiceAccountRef, association: Association, journal: Journal, account: str
) -> Action | None:
    """Restore the annotations that the journal has, else the role's; None where the service account has them."""
    current = next((a for a in known_or(snapshot.service_accounts, ()) if a.ref == ref), None)
    if current is None or current.irsa_role_arn:
        return None
    recorded = _recorded(journal, account, ANNOTATIONS.name, {"namespace": ref.namespace, "name": ref.name})
    annotations = texts(recorded.before, "annotations") if recorded is not None else {}
    before = ANNOTATIONS.state_of(ref, current.irsa_annotations)
    wanted = annotations or {ROLE_ARN_ANNOTATION: association.role_arn}
    return ANNOTATIONS.action(before, ANNOTATIONS.state_of(ref, {**current.irsa_annotations, **wanted}))


def _recorded(journal: Journal, account: str, kind: str, keys: Mapping[str, str]) -> Action | None:
    """Return the newest change of the resource that this journal has."""
    try:
        steps = journal.steps_since(account, (kind,), _EVER)
    except PodidError:
        return None
    about = [(moment, step.action) for _, step, moment in steps if step.action.keys == keys]
    return max(about, key=lambda item: item[0])[1] if about else None


def _with_issuer(
    policy: trust.Policy, role: Role, members: Sequence[Association], migration: Migration, journal: Journal
) -> trust.Policy:
    """The policy that allows the members by this cluster's issuer. Statements that podid removed come back as they were
    and where they were, else each member gets the statement of the EKS User Guide."""
    provider, account = provider_arn(migration.place), migration.place.account
    missing = [item.ref for item in members if not trust.allows_by_issuer(policy, provider, item.ref)]
    if not missing:
        return policy
    recorded = _recorded(journal, account, ROLE_TRUST.name, {"roleName": role.name})
    if recorded is not None and recorded.before is not None and recorded.after is not None:
        before, after = (trust.parse_policy(document_of(state)) for state in (recorded.before, recorded.after))
        restored = trust.merged(after, before, policy)
        if restored is not None and all(trust.allows_by_issuer(restored, provider, ref) for ref in missing):
            return restored
    document = policy.to_document()
    statements = document["Statement"] if isinstance(document["Statement"], list) else [document["Statement"]]
    statements = [*statements, *(trust.issuer_statement(provider, ref) for ref in missing)]
    return trust.parse_policy({**document, "Statement": statements})


def _without_pods(
    policy: trust.Policy, role: Role, members: Sequence[Association], migration: Migration
) -> trust.Policy:
    """The policy without the statements that podid writes for exactly these members; others stay."""
    for item in members:
        who = identity(migration.place.the_cluster, item.ref, session_tags=item.session_tags, role=role)
        edit = trust.remove(policy, who, trust.ScopeKind.SERVICE_ACCOUNT)
        if edit.changed:
            policy = edit.policy
    return policy


def _trust(role: Role, before: trust.Policy, after: trust.Policy, note: str) -> Action:
    states = ({"roleName": role.name, "policyDocument": policy.to_document()} for policy in (before, after))
    old, new = states
    return ROLE_TRUST.action(old, new, note=note)


def with_pods_back(result: ChangeResult, snapshot: Snapshot, refs: Collection[ServiceAccountRef]) -> ChangeResult:
    """The result, with an error where running pods do not use the older way. `snapshot` is read after the restarts."""
    left = {}
    for ref in refs:
        pods = [pod for pod in index(snapshot).pods.get(ref, ()) if live(pod) and not opted_out(pod)]
        counts = counts_of(snapshot, pods)
        if counts.irsa < counts.total:
            left[ref] = counts.total - counts.irsa
    if result.error is not None or not left:
        return result
    lines = tuple(f"{ref}: {count_of(number, 'running pod')} without IRSA" for ref, number in left.items())
    message = f"{count_of(len(left), 'service account')} not back on IRSA"
    return replace(result, error=Partial(message, lines=lines))


def joined(first: ChangeResult, second: ChangeResult) -> ChangeResult:
    """Both in one result, of one run."""
    done: tuple[Done, ...] = (*first.done, *second.done)
    return replace(first, done=done, notes=(*first.notes, *second.notes), error=first.error or second.error)
