"""Remove the annotations and trust statements of service accounts whose pods all use Pod Identity."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from podid.calls import pacing
from podid.domain import trust
from podid.domain.aws import Addon, Association
from podid.domain.cluster import ServiceAccount
from podid.domain.errors import Again, Conflict, NotYet, Partial, PodidError
from podid.domain.findings import Subject
from podid.domain.grouping import grouped
from podid.domain.metadata_proxies import PodTemplate
from podid.domain.migration import MigrationItem, OlderWay, Stage, sources_words
from podid.domain.names import ServiceAccountRef, role_name
from podid.domain.plan import Action, Plan, Skipped
from podid.domain.snapshot import Known, Missing
from podid.domain.text import count_of, short_list
from podid.domain.workloads import live
from podid.facts.credentials import carried_role
from podid.facts.index import index
from podid.facts.products import accounts
from podid.facts.restarts import lifetime_words
from podid.facts.trust import first_error
from podid.kube.reader import KubeReader
from podid.ops.change.kinds import ANNOTATIONS, POD_TEMPLATE, ROLE_TRUST, SERVICE_ACCOUNT
from podid.ops.change.kinds.addon import irsa_role_of
from podid.ops.change.kinds.kubernetes import service_account_of
from podid.ops.change.kinds.workloads import workload_of
from podid.ops.clients import Clients
from podid.ops.migrate import proxy_changes
from podid.ops.migrate.addons import addon_of, without_irsa
from podid.ops.migrate.candidates import any_role_section, in_account
from podid.ops.migrate.items import Migration
from podid.ops.migrate.request import FinishOptions
from podid.ops.role.plan import check_editable


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish:
    """The plan that removes the previous mechanism from the items in `leaving`. `waiting` are items that are not old
    enough or not moved, with the reason. `owned` are those whose annotation another tool keeps, with the edit to make
    there. `templates` are the pod templates among these. `rolling` are the workloads that replace their pods. `agents`
    are the workloads that kiam and kube2iam serve afterwards, in words."""

    plan: Plan
    leaving: tuple[MigrationItem, ...]
    waiting: Mapping[ServiceAccountRef, str]
    owned: Mapping[ServiceAccountRef, str]
    templates: tuple[PodTemplate, ...]
    rolling: frozenset[Subject]
    agents: tuple[str, ...]

    @property
    def question(self) -> str:
        restarts = f" and replace the pods of {count_of(len(self.rolling), 'workload')}" if self.rolling else ""
        refs = {item.ref for item in self.leaving}
        words = sources_words(item.source for item in self.leaving) or "the previous credentials"
        return f"Remove {words} from {count_of(len(refs), 'service account')}{restarts}?"


def plan_finish(
    migration: Migration, items: Sequence[MigrationItem], options: FinishOptions, *, now: datetime
) -> Finish:
    """Return the plan; pure. `items` are those to finish, of a migration that was read for the whole cluster.
    Annotations are removed first, then the trust statements, so that no new pod gets a role that refuses it. A
    statement stays while the annotation does."""
    waiting: dict[ServiceAccountRef, str] = {}
    owned: dict[ServiceAccountRef, str] = {}
    leaving: list[MigrationItem] = []
    annotations: list[Action] = []
    lists: dict[str, Action] = {}
    templates: list[PodTemplate] = []
    rolling: set[Subject] = set()
    # with the reason for each that stays
    reasons = {item.ref: not_yet(migration, item, now, options.soak) for item in items}
    for item in items:
        account, candidate = accounts(migration.snapshot).get(item.ref), migration.candidate(item)
        of_item = candidate.templates if candidate is not None else ()
        annotated = account is not None and bool(account.irsa_annotations)
        addon = addon_of(migration.snapshot, item.ref, item.role_arn)
        by_addon = addon is not None and addon.service_account_role_arn == item.role_arn
        if reason := reasons[item.ref] or _addon_still_used(migration, addon, reasons):
            waiting[item.ref] = reason
        elif kept := proxy_changes.owned_templates(of_item):
            owned[item.ref] = proxy_changes.template_edit_words(kept)
            templates += kept
        elif item.source is not OlderWay.IRSA:
            leaving.append(item)
            annotations += proxy_changes.without_annotations(of_item)
            rolling |= proxy_changes.rolled_out(of_item)
        elif account is not None and account.owner and annotated and not by_addon:
            owned[item.ref] = edit_words(account)
        else:
            leaving.append(item)
            if addon is not None and by_addon:
                lists[addon.name] = without_irsa(migration.snapshot, addon)
            if account is not None and annotated and not account.owner:
                before = ANNOTATIONS.state_of(account.ref, account.irsa_annotations)
                annotations.append(ANNOTATIONS.action(before, ANNOTATIONS.state_of(account.ref, {})))
    notes: list[str] = []
    # an add-on whose IRSA role EKS does not remove prevents only the change of the trust policy of that role
    of_addons = {irsa_role_of(action.before) for action in lists.values()}
    narrow = options.narrow
    trusts = _trust_actions(migration, [i for i in leaving if i.role_arn not in of_addons], narrow=narrow, notes=notes)
    last = _trust_actions(migration, [i for i in leaving if i.role_arn in of_addons], narrow=narrow, notes=notes)
    irsa = {item.ref for item in items if item.source is OlderWay.IRSA}
    untouched = sorted({**waiting, **owned}.items())
    skipped = tuple(Skipped(_untouched(ref, irsa=ref in irsa), reason) for ref, reason in untouched)
    actions = (*annotations, *trusts, *lists.values(), *last)
    removed = {workload_of(a.keys) for a in annotations if a.kind == POD_TEMPLATE.name}
    plan = Plan(header=migration.place.header, actions=actions, skipped=skipped, notes=tuple(notes))
    return Finish(
        plan=plan,
        leaving=tuple(leaving),
        waiting=waiting,
        owned=owned,
        templates=tuple(templates),
        rolling=frozenset(rolling),
        agents=tuple(text for agent in migration.agents(removed) for text in agent.sentences),
    )


def no_association(clients: Clients, finish: Finish, action: Action) -> PodidError | None:
    """Return an error if another person has deleted an association after the plan was made: its service account still
    needs what the action removes."""
    namespace, role = action.keys.get("namespace"), action.keys.get("roleName")
    refs = {item.ref for item in finish.leaving if item.ref.namespace == namespace or role_name(item.role_arn) == role}
    try:
        for name in sorted({ref.namespace for ref in refs}):
            refs -= {item.ref for item in clients.eks.list_association_summaries(finish.plan.header.cluster, name)}
    except PodidError as error:
        return error
    if not refs:
        return None
    message = f"The association of {short_list(sorted(map(str, refs)))} was deleted after the plan was made"
    return Conflict(message, hint=Again(), subject=str(min(refs)))


def unfinished(finish: Finish) -> PodidError | None:
    """Return the error about the remaining items: attention if none was finished, partial if some were. None if all
    were."""
    remaining = {**finish.waiting, **finish.owned}
    if not remaining:
        return None
    message = f"{count_of(len(remaining), 'service account')} not finished"
    lines = tuple(f"{ref}: {reason}" for ref, reason in sorted(remaining.items()))
    return Partial(message, lines=lines) if finish.plan.actions else NotYet(message, lines=lines)


def restored(finish: Finish, reader: KubeReader) -> PodidError | None:
    """Return the error about removed annotations that another tool has set again; None if there are none, or if the
    service accounts cannot be read."""
    removed = [a for a in finish.plan.actions if a.kind == ANNOTATIONS.name]
    refs = [service_account_of(action.keys) for action in removed]
    read = dict(pacing.fan_out(pacing.attempt(reader.find_service_account), refs))
    again = [str(ref) for ref in refs if isinstance(account := read[ref], ServiceAccount) and account.irsa_role_arn]
    if not again:
        return None
    return Conflict(
        f"Another tool has set the annotation of {short_list(again)} again: new pods use IRSA, which the trust policy "
        "no longer allows",
        advice="Undo the run with podid undo, remove the annotation in that tool, and run podid migrate finish again.",
        subject=again[0],
    )


def _untouched(ref: ServiceAccountRef, *, irsa: bool) -> Action:
    state = {"namespace": ref.namespace, "name": ref.name}
    return (ANNOTATIONS if irsa else SERVICE_ACCOUNT).action(state, state)


def not_yet(migration: Migration, item: MigrationItem, now: datetime, soak: timedelta) -> str:
    """Return the reason why the item is not finished in this run; empty if it is."""
    if item.stage.rank < Stage.MOVED.rank:
        remaining = item.pods.total - item.pods.pod_identity
        if item.stage is Stage.ASSOCIATED:
            return f"{count_of(remaining, 'running pod')} {'do' if remaining > 1 else 'does'} not use Pod Identity yet"
        return "it has no association with its role yet: run podid migrate apply"
    association = index(migration.snapshot).associations[item.ref]
    created, modified = (getattr(association, name, None) for name in ("created_at", "modified_at"))
    changed = modified or created
    if soak and (changed is None or now - changed < soak):
        since = f"{_age_words(now - changed)} ago" if changed is not None else "at an unknown time"
        verb = "created" if changed == created else "changed"
        return f"its association was {verb} {since}; --soak requires {lifetime_words(soak)}"
    section = any_role_section(migration.snapshot, item.role_arn)
    if isinstance(section, Missing) and in_account(item.role_arn, migration.place):
        # without the annotation, a later run would not change the trust policy
        requires = f" (requires {section.permission})" if section.permission else ""
        return f"role {role_name(item.role_arn)} could not be read: {section.reason}{requires}"
    if isinstance(association, Association) and (failure := first_error(migration.snapshot, association)):
        return f"EKS Pod Identity does not work for it: {failure}"
    return ""


def _addon_still_used(migration: Migration, addon: Addon | None, reasons: Mapping[ServiceAccountRef, str]) -> str:
    """Return why the add-on keeps its IRSA role: for another service account, which is not finished in this run."""
    if addon is None:
        return ""
    users = [
        item.ref
        for item in migration.items
        if addon.service_account_role_arn == item.role_arn
        and addon_of(migration.snapshot, item.ref, item.role_arn) == addon
        and reasons.get(item.ref, "it is not part of this run")
    ]
    return f"add-on {addon.name} keeps its IRSA role for {short_list(map(str, users))}" if users else ""


def _age_words(age: timedelta) -> str:
    minutes = int(age.total_seconds()) // 60
    if minutes < 1:
        return "less than a minute"
    return count_of(minutes, "minute") if minutes < 60 else count_of(minutes // 60, "hour")


def _trust_actions(
    migration: Migration, leaving: Sequence[MigrationItem], *, narrow: bool, notes: list[str]
) -> list[Action]:
    """Return one change for each role: remove the statements that allow the leaving service accounts by the previous
    mechanism."""
    actions: list[Action] = []
    by_account = index(migration.snapshot).pods.items()
    named = ((ref, {carried_role(pod) for pod in filter(live, pods)} - {""}) for ref, pods in by_account)
    carried = {ref: roles for ref, roles in named if roles}
    for arn, items in grouped((item.role_arn, item) for item in leaving).items():
        section = any_role_section(migration.snapshot, arn)
        if not isinstance(section, Known) or section.value is None:
            why = f"could not be read: {section.reason}" if isinstance(section, Missing) else "does not exist"
            notes.append(f"podid leaves the trust policy of role {role_name(arn)} unchanged: the role {why}")
            continue
        role = section.value
        sources = sources_words(item.source for item in items)
        try:
            check_editable(role)
            before = trust.parse_policy(role.trust)
            edits = _edits(migration, arn, items, before, carried, narrow=narrow)
        except PodidError as error:
            notes.append(f"podid leaves the trust policy of role {role.name} unchanged: {error.message}")
            continue
        notes += [f"role {role.name}: {note}" for edit in edits for note in (edit.reason, *edit.notes)]
        after = next((edit.policy for edit in reversed(edits) if edit.changed), before)
        if after != before:
            state = {"roleName": role.name, "policyDocument": after.to_document()}
            actions.append(ROLE_TRUST.action(ROLE_TRUST.state_of(role), state, note=f"{sources} is no longer used"))
    return actions


def _edits(
    migration: Migration,
    arn: str,
    items: Sequence[MigrationItem],
    policy: trust.Policy,
    carried: Mapping[ServiceAccountRef, Collection[str]],
    *,
    narrow: bool,
) -> list[trust.Edit]:
    """Return the edits of one trust policy, each made to the result of the previous one. `carried` are the roles that
    IRSA's variables name in running pods."""
    edits: list[trust.Edit] = []
    if refs := [item.ref for item in items if item.source is OlderWay.IRSA]:
        others = [item for item in migration.items if item.role_arn == arn and item.ref not in refs]
        staying = {item.ref for item in others if item.state.annotations or item.pods.irsa}
        # also of service accounts whose annotation has changed or is gone
        staying |= {ref for ref, roles in carried.items() if arn in roles} - {*refs}
        issuer = migration.place.the_cluster.oidc_provider_arn
        edits.append(trust.remove_subjects(policy, issuer=issuer, leaving=refs, staying=sorted(staying), narrow=narrow))
        policy = edits[-1].policy if edits[-1].changed else policy
    candidate = next((c for item in items if (c := migration.candidate(item)) is not None and c.proxy), None)
    if candidate is None or candidate.proxy is None:
        return edits
    principals = proxy_changes.known_principals(candidate.proxy, migration.snapshot)
    others = [item for item in migration.items if item.role_arn == arn and item not in items]
    users = sorted({str(item.ref) for item in others if item.source is not OlderWay.IRSA})
    if arn == candidate.proxy.default_role:
        users.append("pods without an annotation")
    if users:
        edits.append(trust.unchanged(policy, f"{short_list(principals)} stays for {short_list(users)}", None))
    else:
        edits.append(trust.remove_principals(policy, principals))
    return edits


def edit_words(account: ServiceAccount) -> str:
    """Return the edit to make in the tool that keeps the annotation."""
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


def read_manifests(finish: Finish, reader: KubeReader) -> Mapping[str, tuple[str, Mapping[str, object]]]:
    """Return file name -> title and manifest. No name in Kubernetes contains an underscore, so no two objects have the
    same file."""
    manifests: dict[str, tuple[str, Mapping[str, object]]] = {}
    for template in finish.templates:
        workload = template.workload
        name = f"{workload.namespace}_{workload.kind.lower()}_{workload.name}.yaml"
        manifests[name] = (f"a patch of {template.subject}", proxy_changes.template_patch(template))
    patched = {template.workload.ref for template in finish.templates}
    for ref in finish.owned.keys() - patched:
        title = f"the manifest of {ref} without the annotations"
        manifests[f"{ref.namespace}_{ref.name}.yaml"] = (title, reader.get_manifest(ref))
    return dict(sorted(manifests.items()))
