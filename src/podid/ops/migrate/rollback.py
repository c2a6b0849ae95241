"""Return service accounts to IRSA, kiam or kube2iam, from any stage, so that no pod is ever without credentials.

First the previous mechanism is restored: the trust statement, then the annotations. Then the association is deleted,
pods are restarted, and last the statement of Pod Identity is removed.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

from podid.domain import trust
from podid.domain.aws import Addon, Association, Role
from podid.domain.errors import AccessDenied, Again, Conflict, NotFound, Partial, PodidError
from podid.domain.grouping import grouped
from podid.domain.metadata_proxies import MetadataProxy
from podid.domain.migration import OlderWay, sources_words
from podid.domain.names import ServiceAccountRef, role_name
from podid.domain.plan import Action, ChangeResult, Place, Plan, texts
from podid.domain.snapshot import Missing, Snapshot, error_of
from podid.domain.text import count_of, short_list
from podid.domain.workloads import injected, live, opted_out
from podid.facts.credentials import carried_role
from podid.facts.index import index
from podid.facts.products import accounts
from podid.ops.association.disassociate import plan_disassociate
from podid.ops.change.journal import Journal
from podid.ops.change.kinds import ANNOTATIONS, ASSOCIATION, ROLE_TRUST
from podid.ops.change.kinds.kubernetes import service_account_of
from podid.ops.change.kinds.trusts import trust_policy_of
from podid.ops.clients import Clients
from podid.ops.migrate.addons import addon_of, back_to_irsa
from podid.ops.migrate.base_role import base_role_back
from podid.ops.migrate.candidates import any_role_section, in_account
from podid.ops.migrate.items import Migration
from podid.ops.migrate.proxy_rollback import proxy_for, templates_back, with_principals
from podid.ops.role.plan import check_editable, identity

ROLE_ARN_ANNOTATION = "eks.amazonaws.com/role-arn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollback:
    """`before` restores the previous mechanism and deletes the associations of `refs`; `after` removes the statements
    of Pod Identity after the pods were replaced. `pods_left` is whether a pod still uses Pod Identity. `older` are the
    mechanisms to which they return. `provider` is the ARN of the OIDC provider that IRSA requires; empty if none of
    them returns to IRSA with a role of the cluster's account. `annotated` are the roles of those with the annotation of
    IRSA, which the plan leaves unchanged."""

    refs: tuple[ServiceAccountRef, ...]
    before: Plan
    after: Plan
    pods_left: bool
    older: frozenset[OlderWay] = frozenset()
    provider: str = ""
    annotated: Mapping[ServiceAccountRef, str] = field(default_factory=dict)

    @property
    def back(self) -> str:
        """Return the condition that new pods get no fields of Pod Identity."""
        older = sources_words(self.older)
        return f"new pods of {short_list(map(str, self.refs))} use {older or 'the previous credentials'} again"

    @property
    def whole(self) -> Plan:
        return self.before.then(self.after).in_order()

    def examined(self, whole: Plan) -> Self:
        """Return the rollback with the notes and the dependents of `whole`, its examined plan."""
        before = replace(self.before, notes=whole.notes, dependents=whole.dependents)
        return replace(self, before=before, after=replace(self.after, dependents=whole.dependents))

    @property
    def with_irsa(self) -> frozenset[ServiceAccountRef]:
        """Return the service accounts whose annotation of IRSA the plan keeps or restores."""
        restored = (service_account_of(a.keys) for a in self.before.actions if a.kind == ANNOTATIONS.name)
        return frozenset((*self.annotated, *restored))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Member:
    """A service account to return, with its role by the previous mechanism: `proxy`, or IRSA. Without an association,
    an earlier run deleted it, or the migration only changed the trust policy."""

    ref: ServiceAccountRef
    role_arn: str
    association: Association | None
    proxy: MetadataProxy | None = None

    @property
    def older(self) -> OlderWay:
        return self.proxy.source if self.proxy is not None else OlderWay.IRSA


def plan_rollback(
    migration: Migration, refs: Collection[ServiceAccountRef], journal: Journal, clients: Clients, source: str = ""
) -> Rollback:
    """Plan the rollback. Read only the journal, base roles, and the quota of a long trust policy. Raise NotFound if one
    of `refs` has no association and uses none of IRSA, kiam and kube2iam. Raise Conflict if an association belongs to
    an add-on, if a trust policy cannot be edited, or if only `source` can name the previous mechanism."""
    snapshot, place = migration.snapshot, migration.place
    members = _members(migration, refs, journal, source)
    addons = {m.ref: addon_of(snapshot, m.ref, m.role_arn) for m in members}
    alone = {m.ref: m.association for m in members if m.association is not None and not _in_list(m, addons[m.ref])}
    annotations = [
        a
        for m in members
        if m.proxy is None
        and not _in_list(m, addons[m.ref])
        and (a := _annotation(snapshot, m, journal, place)) is not None
    ]
    lists = []
    for addon in {addon.name: addon for addon in addons.values() if addon is not None}.values():
        own = [m for m in members if _in_list(m, addon)]
        if own:
            lists += back_to_irsa(snapshot, {m.ref for m in own}, own[0].role_arn, addon)
    for m in members:
        if m.proxy is not None:
            annotations += templates_back(migration, m.ref, m.role_arn, m.proxy, journal)
    opened, closed = [], []
    for arn, group in grouped((member.role_arn, member) for member in members).items():
        if not in_account(arn, place):
            continue
        section = any_role_section(snapshot, arn)
        if isinstance(section, Missing):
            raise error_of(section)
        if section.value is None:
            raise NotFound(f"Role {arn} does not exist, so the previous credentials cannot be restored", subject=arn)
        role = section.value
        old = trust.parse_policy(role.trust)
        changes = journal.changes(place.header, ROLE_TRUST.name, {"roleName": role.name})
        earlier = _earlier(changes)
        irsa = [member.ref for member in group if member.proxy is None]
        both = _with_issuer(old, irsa, place.the_cluster.oidc_provider_arn, changes, earlier)
        if proxy := next((member.proxy for member in group if member.proxy is not None), None):
            both = with_principals(both, proxy, snapshot, earlier)
        back = _as_written(_without_pods(both, role, group, migration), earlier)
        if both != old:
            opened.append(_trust(role, old, both, f"so that it allows {sources_words(m.older for m in group)} again"))
        if back != both:
            closed.append(_trust(role, both, back, "Pod Identity is no longer used"))
        if both != old or back != both:
            check_editable(role)
            clients.trust_quota.check(both, role.name, current=old)
    deletion = plan_disassociate(tuple(alone), place.header, dict(alone))
    # an interrupted rollback has deleted the association
    gone = (
        journal.changes(place.header, ASSOCIATION.name, ASSOCIATION.unread(m.ref).keys)
        for m in members
        if not m.association
    )
    deletions = [*deletion.actions, *(actions[0] for actions in gone if actions and actions[0].after is None)]
    based, notes = base_role_back(snapshot, place.header, journal, clients.iam, deletions)
    actions = (*opened, *annotations, *lists, *deletion.actions)
    # deletions follow what restores the previous mechanism, and do not depend on each other
    before = replace(deletion, actions=actions, notes=tuple(notes), separate=actions == deletion.actions)
    after = Plan(header=place.header, actions=(*closed, *based))
    names = tuple(member.ref for member in members)
    known = accounts(snapshot)
    pods = [pod for ref in names for pod in index(snapshot).pods.get(ref, ())]
    return Rollback(
        refs=names,
        before=before,
        after=after,
        pods_left=any(map(injected, filter(live, pods))),
        older=frozenset(member.older for member in members),
        provider=place.the_cluster.oidc_provider_arn
        if any(m.proxy is None and in_account(m.role_arn, place) for m in members)
        else "",
        annotated={m.ref: m.role_arn for m in members if m.ref in known and known[m.ref].irsa_role_arn},
    )


def check_unmoved(clients: Clients, place: Place, planned: Rollback) -> None:
    """Raise Conflict, just before the first write, if IRSA would not give credentials to an annotated service account:
    another person may have removed the annotation or the statement."""
    namespaces = sorted({ref.namespace for ref in planned.annotated})
    listed = [account for name in namespaces for account in clients.kube.reader.list_service_accounts(name)]
    lost = sorted(account.ref for account in listed if account.ref in planned.annotated and not account.irsa_role_arn)
    if lost:
        message = f"The IRSA annotation of {short_list(map(str, lost))} was removed after the plan was made"
        raise Conflict(message, hint=Again(), subject=str(lost[0]))
    changed = {action.keys["roleName"] for action in planned.before.actions if action.kind == ROLE_TRUST.name}
    for arn, refs in grouped((arn, ref) for ref, arn in planned.annotated.items()).items():
        name = role_name(arn)
        if not planned.provider or name in changed or not in_account(arn, place):
            continue
        policy = trust.parse_policy(clients.iam.get_role(name).trust)
        if not all(trust.shares_of(policy, planned.provider, ref) for ref in refs):
            message = f"The IRSA statement of role {name} was removed after the plan was made"
            raise Conflict(message, hint=Again(), subject=name)


def with_provider(planned: Rollback, clients: Clients) -> Rollback:
    """Return the rollback. Raise Conflict if the OIDC provider does not exist in IAM: IRSA would give no credentials. A
    failed read is a note."""
    arn = planned.provider
    if not arn or not planned.before.actions:
        return planned
    try:
        provider = clients.iam.find_oidc_provider(arn)
    except AccessDenied as error:
        note = f"whether OIDC provider {arn} exists was not checked: requires {error.permission}"
        return replace(planned, before=planned.before.noting((note,)))
    if provider is None:
        raise Conflict(
            f"OIDC provider {arn} does not exist: pods would get no credentials from IRSA",
            advice="First create it again: undo the run that deleted it, or use eksctl utils "
            "associate-iam-oidc-provider.",
            subject=arn,
        )
    return planned


def _members(migration: Migration, refs: Collection[ServiceAccountRef], journal: Journal, source: str) -> list[_Member]:
    roles = {item.ref: item.role_arn for item in migration.items}
    sources = {item.ref: item.source for item in migration.items}
    named = OlderWay(source) if source else None
    members = []
    for ref in sorted(refs):
        association = migration.association(ref)
        if association is None and ref not in roles:
            raise NotFound(
                f"Nothing to roll back: {ref} has no association, and uses none of IRSA, kiam and kube2iam",
                subject=str(ref),
            )
        own = (association.role_arn, association.target_role_arn) if association is not None else ()
        recorded = _recorded_annotations(journal, migration.place, ref).get(ROLE_ARN_ANNOTATION)
        role_arn = roles.get(ref) or recorded or (association.pods_role_arn if association is not None else "")
        if association is not None and role_arn not in own:
            message = (
                f"{ref} has an association with a role other than its {(sources.get(ref) or OlderWay.IRSA).words} role"
            )
            raise Conflict(message, subject=str(ref), id="association-other-role")
        # pods of add-ons get no annotations of kiam and kube2iam
        irsa = bool(recorded) or addon_of(migration.snapshot, ref, role_arn) is not None
        proxy = proxy_for(migration, ref, sources.get(ref) or named, journal, irsa=irsa)
        members.append(_Member(ref=ref, role_arn=role_arn, association=association, proxy=proxy))
    return members


def _in_list(member: _Member, addon: Addon | None) -> bool:
    """Return whether the add-on owns the association of the service account."""
    arn = member.association.association_arn if member.association is not None else None
    return addon is not None and arn in addon.association_arns


def _annotation(snapshot: Snapshot, member: _Member, journal: Journal, place: Place) -> Action | None:
    """Restore the annotations of the journal, otherwise one with the role; None if the service account has them. Raise
    Conflict if another tool manages a service account without them."""
    ref = member.ref
    current = accounts(snapshot).get(ref)
    if current is None or current.irsa_role_arn:
        return None
    if current.owner:
        annotation = f"{ROLE_ARN_ANNOTATION}: {member.role_arn}"
        message = f"{current.owner} manages service account {ref}: first add the annotation {annotation} in its source"
        raise Conflict(message, subject=str(ref), id="annotation-owned")
    before = ANNOTATIONS.state_of(ref, current.irsa_annotations)
    restored = _recorded_annotations(journal, place, ref) or {ROLE_ARN_ANNOTATION: member.role_arn}
    return ANNOTATIONS.action(before, ANNOTATIONS.state_of(ref, {**current.irsa_annotations, **restored}))


def _recorded_annotations(journal: Journal, place: Place, ref: ServiceAccountRef) -> Mapping[str, str]:
    """Return the annotations that podid removed last; empty if it removed none."""
    actions = journal.changes(place.header, ANNOTATIONS.name, {"namespace": ref.namespace, "name": ref.name})
    return next((texts(a.before, "annotations") for a in actions if texts(a.before, "annotations")), {})


def _earlier(changes: Iterable[Action]) -> list[trust.Policy]:
    """Return earlier trust policies of a role: first the one before podid's consecutive changes, otherwise newer ones
    first."""
    policies: list[trust.Policy] = []
    row: list[trust.Policy] = []
    for action in changes:
        if row and trust_policy_of(action.after) != row[-1].to_document():
            policies, row = [*policies, *reversed(row)], []
        row.append(trust.parse_policy(trust_policy_of(action.before)))
    return [*policies, *reversed(row)]


def _with_issuer(
    policy: trust.Policy,
    refs: Iterable[ServiceAccountRef],
    provider: str,
    changes: Sequence[Action],
    earlier: Sequence[trust.Policy],
) -> trust.Policy:
    """Return the policy that allows the service accounts by the provider. Access that podid removed is restored at its
    place. A service account without such access gets that of an earlier policy, otherwise the statement of the EKS User
    Guide."""
    for ref in refs:
        for original, shares in _removed(changes, provider, ref):
            policy = trust.restore_subject(policy, original, issuer=provider, ref=ref, shares=shares)
        # the token may have another audience than STS
        if trust.shares_of(policy, provider, ref):
            continue
        last = next((version for version in earlier if trust.shares_of(version, provider, ref)), None)
        if last is not None:
            policy = trust.restore_subject(policy, last, issuer=provider, ref=ref)
        else:
            statements = [*(s.raw for s in policy.statements), trust.issuer_statement(provider, ref)]
            policy = policy.with_statements(statements)
    return policy


def _removed(
    changes: Sequence[Action], provider: str, ref: ServiceAccountRef
) -> Iterator[tuple[trust.Policy, frozenset[str]]]:
    """Yield the access of the service account that podid removed and has not restored, as shares of the oldest policy
    that has them. `changes` begin with the newest."""
    lost: Counter[str] = Counter()
    origins: dict[str, trust.Policy] = {}
    for action in changes:
        before, after = (trust.parse_policy(trust_policy_of(state)) for state in (action.before, action.after))
        old, new = (Counter(trust.shares_of(policy, provider, ref)) for policy in (before, after))
        lost.update(old)
        lost.subtract(new)
        origins |= dict.fromkeys(old, before)
    for share, number in lost.items():
        if number > 0:
            yield origins[share], frozenset({share})


def _without_pods(policy: trust.Policy, role: Role, members: Sequence[_Member], migration: Migration) -> trust.Policy:
    """Return the policy without the statements that podid writes for exactly these members; others stay."""
    for item in members:
        session_tags = item.association is None or item.association.session_tags
        who = identity(migration.place.the_cluster, item.ref, session_tags=session_tags, role=role)
        edit = trust.remove(policy, who, trust.ScopeKind.SERVICE_ACCOUNT)
        if edit.changed:
            policy = edit.policy
    return policy


def _as_written(policy: trust.Policy, earlier: Sequence[trust.Policy]) -> trust.Policy:
    """Return the earlier policy with the same statements, which may have a single one without a list."""
    raws = [statement.raw for statement in policy.statements]
    return next((other for other in earlier if [statement.raw for statement in other.statements] == raws), policy)


def _trust(role: Role, before: trust.Policy, after: trust.Policy, note: str) -> Action:
    old, new = ({"roleName": role.name, "policyDocument": policy.to_document()} for policy in (before, after))
    return ROLE_TRUST.action(old, new, note=note)


def with_pods_back(result: ChangeResult, clients: Clients, planned: Rollback) -> ChangeResult:
    """Return the result, with an error if a running pod does not use the previous credentials."""
    try:
        remaining = pods_not_back(clients, planned.refs, planned.with_irsa)
    except PodidError as error:
        return replace(result, error=error)
    if not remaining:
        return result
    lines = tuple(
        f"{ref}: {count_of(number, 'running pod')} without the previous credentials"
        for ref, number in remaining.items()
    )
    message = f"{count_of(len(remaining), 'service account')} not rolled back to the previous credentials"
    return replace(result, error=Partial(message, lines=lines))


def pods_not_back(
    clients: Clients, refs: Collection[ServiceAccountRef], irsa: Collection[ServiceAccountRef]
) -> Mapping[ServiceAccountRef, int]:
    """Return the number of running pods that still have the fields of Pod Identity, or lack those of IRSA although
    their service account has the annotation, or had it: another person may have removed it from one of `irsa`."""
    reader, namespaces = clients.kube.reader, sorted({ref.namespace for ref in refs})
    pods = [pod for name in namespaces for pod in reader.list_pods(name)]
    listed = [account for name in namespaces for account in reader.list_service_accounts(name)]
    irsa = {*irsa, *(account.ref for account in listed if account.irsa_role_arn)}
    counted = [pod for pod in pods if pod.ref in refs and live(pod) and not opted_out(pod)]
    return Counter(pod.ref for pod in counted if injected(pod) or (pod.ref in irsa and not carried_role(pod)))
