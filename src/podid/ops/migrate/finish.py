"""Remove IRSA from service accounts whose pods all use Pod Identity: annotations and trust statements."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from podid.domain import trust
from podid.domain.cluster import ServiceAccount
from podid.domain.errors import NotYet, Partial, PodidError
from podid.domain.migration import MigrationItem, Stage
from podid.domain.names import ServiceAccountRef, role_name
from podid.domain.plan import Action, Plan, Skipped
from podid.domain.snapshot import Known, known_or
from podid.domain.text import count_of
from podid.facts.index import index, role_section
from podid.facts.restarts import lifetime_words
from podid.ops.change.kinds import ANNOTATIONS, ROLE_TRUST
from podid.ops.migrate.candidates import provider_arn
from podid.ops.migrate.items import Migration
from podid.ops.role.plan import check_editable

SOAK = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish:
    """The plan that removes IRSA from the service accounts `refs`. `waiting` are items that are not old enough or not
    moved, with the reason; `owned` those whose annotation another tool keeps, with the edit to make there."""

    plan: Plan
    refs: frozenset[ServiceAccountRef]
    waiting: Mapping[ServiceAccountRef, str]
    owned: Mapping[ServiceAccountRef, str]


def plan_finish(
    migration: Migration,
    items: Sequence[MigrationItem],
    *,
    now: datetime,
    soak: timedelta = SOAK,
    narrow: bool = False,
) -> Finish:
    """Pure. `items` are those to finish, of a migration that was read for the whole cluster. Annotations go first, then
    the trust statements, so that no new pod is given a role that refuses it. A statement stays while the annotation
    does."""
    accounts = {account.ref: account for account in known_or(migration.snapshot.service_accounts, ())}
    waiting: dict[ServiceAccountRef, str] = {}
    owned: dict[ServiceAccountRef, str] = {}
    leaving: list[MigrationItem] = []
    annotations: list[Action] = []
    for item in items:
        account = accounts.get(item.ref)
        if reason := _not_yet(migration, item, now, soak):
            waiting[item.ref] = reason
        elif account is not None and account.owner and account.irsa_annotations:
            owned[item.ref] = edit_words(account)
        else:
            leaving.append(item)
            if account is not None and account.irsa_annotations:
                annotations.append(_without_annotations(account))
    notes: list[str] = []
    trusts = _trust_actions(migration, leaving, narrow=narrow, notes=notes)
    skipped = tuple(Skipped(_untouched(ref), reason) for ref, reason in sorted({**waiting, **owned}.items()))
    actions = (*annotations, *trusts)
    plan = Plan(header=migration.place.header, actions=actions, skipped=skipped, notes=tuple(notes))
    return Finish(plan=plan, refs=frozenset(item.ref for item in leaving), waiting=waiting, owned=owned)


def unfinished(finish: Finish) -> PodidError | None:
    """What is left: attention if nothing was finished, partial if something was. None if everything was."""
    left = {**finish.waiting, **finish.owned}
    if not left:
        return None
    message = f"{count_of(len(left), 'service account')} not finished"
    lines = tuple(f"{ref}: {reason}" for ref, reason in sorted(left.items()))
    return Partial(message, lines=lines) if finish.plan.actions else NotYet(message, lines=lines)


def _untouched(ref: ServiceAccountRef) -> Action:
    state = {"namespace": ref.namespace, "name": ref.name}
    return ANNOTATIONS.action(state, state)


def _not_yet(migration: Migration, item: MigrationItem, now: datetime, soak: timedelta) -> str:
    """Why the item is not finished in this run, empty where it is."""
    if item.stage.rank < Stage.MOVED.rank:
        left = item.pods.total - item.pods.pod_identity
        if item.stage is Stage.ASSOCIATED:
            return f"{count_of(left, 'running pod')} {'do' if left > 1 else 'does'} not use Pod Identity yet"
        return "it has no association with its role yet: run podid migrate apply"
    association = index(migration.snapshot).associations[item.ref]
    created = getattr(association, "created_at", None)
    if soak and (created is None or now - created < soak):
        since = f"{lifetime_words(now - created)} ago" if created is not None else "at an unknown time"
        return f"its association was created {since}; --soak requires {lifetime_words(soak)}"
    return ""


def _without_annotations(account: ServiceAccount) -> Action:
    before = ANNOTATIONS.state_of(account.ref, account.irsa_annotations)
    return ANNOTATIONS.action(before, ANNOTATIONS.state_of(account.ref, {}))


def _trust_actions(
    migration: Migration, leaving: Sequence[MigrationItem], *, narrow: bool, notes: list[str]
) -> list[Action]:
    """One change for each role: what allows the leaving service accounts by this cluster's issuer."""
    issuer = provider_arn(migration.place)
    by_role: dict[str, list[ServiceAccountRef]] = {}
    for item in leaving:
        by_role.setdefault(item.role_arn, []).append(item.ref)
    actions: list[Action] = []
    for arn, refs in by_role.items():
        section = role_section(migration.snapshot, arn)
        if not isinstance(section, Known) or section.value is None:
            notes.append(f"the trust policy of role {role_name(arn)} could not be read; podid leaves it unchanged")
            continue
        role = section.value
        staying = _still_needing(migration, arn, refs)
        try:
            check_editable(role)
            edit = trust.remove_subjects(
                trust.parse_policy(role.trust), issuer=issuer, leaving=refs, staying=staying, narrow=narrow
            )
        except PodidError as error:
            notes.append(f"podid leaves the trust policy of role {role.name} unchanged: {error.message}")
            continue
        notes += [f"role {role.name}: {note}" for note in (edit.reason, *edit.notes)]
        if edit.changed:
            before = ROLE_TRUST.state_of(role)
            after = {"roleName": role.name, "policyDocument": edit.policy.to_document()}
            actions.append(ROLE_TRUST.action(before, after, note="IRSA is no longer used"))
    return actions


def _still_needing(
    migration: Migration, arn: str, leaving: Collection[ServiceAccountRef]
) -> tuple[ServiceAccountRef, ...]:
    """The service accounts that still use the role by IRSA, by their annotation or their pods' variables."""
    users = (item for item in migration.items if item.role_arn == arn and item.ref not in leaving)
    return tuple(item.ref for item in users if item.state.annotations or item.pods.irsa)


def edit_words(account: ServiceAccount) -> str:
    """The change to make where the annotation is kept."""
    names = ", ".join(account.irsa_annotations)
    where = {
        "Helm": "in the chart's values, such as serviceAccount.annotations",
        "Argo": "in the application's source repository",
        "Flux": "in its source repository",
        "Terraform": "in the resource kubernetes_service_account",
        "eksctl": "in iam.serviceAccounts of the ClusterConfig",
        "an": "with aws eks update-addon, without --service-account-role-arn",
    }
    place = where.get(account.owner.partition(" ")[0], "in its manifest")
    return f"{account.owner} manages the annotations: remove {names} {place}"
