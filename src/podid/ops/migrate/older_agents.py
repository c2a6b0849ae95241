"""kiam and kube2iam in a cluster: the workloads that still need them, and the trust statements that remain without
them."""

from collections.abc import Collection, Iterator
from dataclasses import replace

from podid.domain import trust
from podid.domain.aws import Association
from podid.domain.findings import Subject
from podid.domain.metadata_proxies import MetadataProxy
from podid.domain.migration import OlderAgent
from podid.domain.snapshot import Snapshot
from podid.domain.workloads import injected
from podid.ops.migrate.candidates import MigrationCandidate, leftovers_of
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
    needed = {item.role_arn for item in candidates} | {proxy.default_role}
    principals = principals_of(proxy, snapshot)

    def remains(association: Association, policy: trust.Policy) -> bool:
        needless = not association.owner_arn and association.role_arn not in needed
        return needless and bool(trust.principals_among(policy, principals))

    leftovers = leftovers_of(snapshot, candidates, scope, remains)
    return tuple(replace(item, source=proxy.source, proxy=proxy) for item in leftovers)
