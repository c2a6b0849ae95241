"""kiam and kube2iam in a cluster: the workloads that still need them, and the trust statements that remain without
them."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from podid.domain import trust
from podid.domain.aws import Association
from podid.domain.findings import Subject
from podid.domain.metadata_proxies import MetadataProxy
from podid.domain.migration import OlderAgent
from podid.domain.snapshot import Snapshot, known_or
from podid.domain.workloads import injected, live
from podid.facts.index import index, role_section
from podid.ops.migrate.candidates import MigrationCandidate, policy_of
from podid.ops.migrate.metadata_proxies import ProxyReading, ProxyUse, ProxyUses
from podid.ops.migrate.proxy_changes import PATCHABLE, principals_of
from podid.ops.reading.scope import EVERYTHING, DoctorScope


def agents_of(
    reading: ProxyReading, uses: ProxyUses | None, removed: Collection[Subject] = ()
) -> tuple[OlderAgent, ...]:
    """Return kiam and kube2iam with the workloads that they serve, without those whose annotations are `removed`."""
    serves = sorted({use.workload for use in _served(uses) if use.workload not in removed}) if uses is not None else []
    served = {workload.namespace for workload in serves}
    return tuple(
        OlderAgent(
            source=proxy.source,
            workloads=tuple(map(path_words, proxy.workloads)),
            serves=tuple(map(path_words, serves)),
            unneeded=tuple(
                ("kubectl", "annotate", "namespace", namespace, f"{proxy.namespace_key}-")
                for (_, namespace), annotations in sorted(reading.namespaces.items())
                if proxy.namespace_key in annotations and namespace not in served
            ),
        )
        for proxy in reading.proxies
    )


def path_words(subject: Subject) -> str:
    """Return KIND/NAMESPACE/NAME."""
    return f"{subject.kind}/{subject.namespace}/{subject.name}"


def _served(uses: ProxyUses) -> Iterator[ProxyUse]:
    """Yield the uses of roles that new pods would have too, or that running pods depend on."""
    for by_workload in uses.uses.values():
        for use in by_workload.values():
            lasts = use.template is not None and use.workload.kind in PATCHABLE and use.template.annotations
            if lasts or not all(map(injected, use.pods)):
                yield use


def find_proxy_leftovers(
    snapshot: Snapshot,
    proxy: MetadataProxy,
    candidates: Collection[MigrationCandidate],
    scope: DoctorScope = EVERYTHING,
) -> tuple[MigrationCandidate, ...]:
    """Return associated service accounts whose role still allows the agent, although no annotation names the role."""
    known = {item.ref for item in candidates}
    needed = {item.role_arn for item in candidates} | {proxy.default_role}
    accounts = {account.ref: account for account in known_or(snapshot.service_accounts, ())}
    principals = principals_of(proxy, snapshot)
    leftovers = []
    for ref, association in sorted(index(snapshot).associations.items()):
        if ref in known or not isinstance(association, Association) or association.owner_arn:
            continue
        if (scope.named and ref not in scope.named) or association.role_arn in needed:
            continue
        policy = policy_of(role_section(snapshot, association.role_arn))
        if policy is None or not trust.principals_among(policy, principals):
            continue
        pods = tuple(filter(live, index(snapshot).pods.get(ref, ())))
        leftovers.append(
            MigrationCandidate(ref, association.role_arn, (), accounts.get(ref), pods, source=proxy.source, proxy=proxy)
        )
    return tuple(leftovers)
