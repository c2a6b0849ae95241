"""Return service accounts to kiam and kube2iam: annotations of pod templates, and trust policies."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from podid.domain import trust
from podid.domain.errors import Again, Conflict
from podid.domain.findings import Subject
from podid.domain.metadata_proxies import MetadataProxy
from podid.domain.migration import OlderWay
from podid.domain.names import ServiceAccountRef
from podid.domain.plan import Action, Place, text, texts
from podid.domain.snapshot import Missing, Snapshot, error_of, known_or
from podid.ops.change.journal import Journal
from podid.ops.change.kinds import POD_TEMPLATE
from podid.ops.change.kinds.workloads import workload_of
from podid.ops.migrate.items import Migration
from podid.ops.migrate.metadata_proxies import ProxyReading
from podid.ops.migrate.proxy_changes import PATCHABLE, known_principals


@dataclass(slots=True)
class RecordedTemplate:
    """The annotations that podid removed from a pod template last, and the previous service account."""

    annotations: Mapping[str, str] = field(default_factory=dict)
    account: str = ""


def recorded_templates(journal: Journal, place: Place, ref: ServiceAccountRef) -> Mapping[Subject, RecordedTemplate]:
    """Return the changes of pod templates in the namespace of `ref`, except of workloads that got another service
    account."""
    records: dict[Subject, RecordedTemplate] = {}
    for action in journal.changes(place.header, POD_TEMPLATE.name):
        if action.keys["namespace"] != ref.namespace:
            continue
        record = records.setdefault(workload_of(action.keys), RecordedTemplate())
        record.annotations = record.annotations or texts(action.before, "annotations")
        account = text(action.after, "serviceAccount")
        if account == ref.name and not record.account:
            record.account = text(action.before, "serviceAccount")
    return records


def proxy_for(
    migration: Migration, ref: ServiceAccountRef, source: OlderWay | None, journal: Journal, *, irsa: bool
) -> MetadataProxy | None:
    """Return kiam or kube2iam if the service account returns to it, None for IRSA. `source` is known from the cluster
    or the user, `irsa` is whether the journal has IRSA's annotations. Raise Conflict if the agent no longer runs, or if
    the previous mechanism is not known."""
    proxy = migration.uses.proxy if migration.uses is not None else None
    if source is OlderWay.IRSA or (source is None and irsa):
        return None
    workloads = {workload.subject for workload in known_or(migration.snapshot.workloads, ()) if workload.ref == ref}
    records = recorded_templates(journal, migration.place, ref)
    own = any(r.account or (r.annotations and subject in workloads) for subject, r in records.items())
    if source is None and not own:
        if proxy is None:
            return None
        message = f"podid cannot determine whether {ref} used IRSA or {proxy.source}"
        raise Conflict(message, subject=str(ref), hint=Again(add=("--from", str(proxy.source))))
    if proxy is None or (source is not None and proxy.source is not source):
        if isinstance(migration.proxies, Missing):
            raise error_of(migration.proxies)
        agent = source or "kiam or kube2iam"
        message = f"{ref} cannot return to its previous credentials: {agent} does not run in the cluster"
        raise Conflict(message, subject=str(ref), advice="Install the agent again first.")
    return proxy


def templates_back(
    migration: Migration, ref: ServiceAccountRef, role_arn: str, proxy: MetadataProxy, journal: Journal
) -> list[Action]:
    """Restore the annotations and the service accounts of the workloads of `ref`: as the journal has them, otherwise an
    annotation with the role. Raise Conflict if another tool manages a pod template without the annotation."""
    role = role_arn.removeprefix(proxy.base) if role_arn.startswith(proxy.base) else role_arn
    records = recorded_templates(journal, migration.place, ref)
    templates = [
        template
        for template in known_or(migration.proxies, ProxyReading()).templates
        if template.workload.ref == ref and template.subject.kind in PATCHABLE
    ]
    recorded = any(template.subject in records for template in templates)
    actions = []
    for template in templates:
        subject = template.subject
        record = records.get(subject, RecordedTemplate())
        annotations = template.annotations
        if proxy.role_key not in annotations:
            # without a record, a workload that never had a role would get one
            if recorded and not record.annotations and not record.account:
                continue
            annotations = {**annotations, **(record.annotations or {proxy.role_key: role})}
            if template.owner:
                annotation = f"{proxy.role_key}: {role}"
                message = f"{template.owner} manages {subject}: first add the annotation {annotation} in its source"
                raise Conflict(message, subject=str(ref), id="annotation-owned")
        account = record.account or ref.name
        before = POD_TEMPLATE.state_of(subject, account=ref.name, annotations=template.annotations)
        after = POD_TEMPLATE.state_of(subject, account=account, annotations=annotations)
        if before != after:
            actions.append(POD_TEMPLATE.action(before, after))
    return actions


def with_principals(
    policy: trust.Policy, proxy: MetadataProxy, snapshot: Snapshot, earlier: Sequence[trust.Policy]
) -> trust.Policy:
    """Return the policy that allows the agent's roles. Statements that podid removed return to their places; otherwise
    each role gets the statement of the agent's documentation. Raise the error if the nodes' roles could not be read."""
    principals = known_principals(proxy, snapshot)
    if trust.principals_among(policy, principals):
        return policy
    for original in earlier:
        if trust.principals_among(original, principals):
            return trust.restore_principals(policy, original, principals)
    statements = [*(s.raw for s in policy.statements), *map(trust.principal_statement, sorted(principals))]
    return policy.with_statements(statements)
