"""Changes of a migration from kiam or kube2iam: service accounts of workloads, annotations of pod templates, and the
trust in the role with which the agent assumes others."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from podid.domain.metadata_proxies import MetadataProxy
from podid.domain.plan import Plan
from podid.domain.snapshot import Snapshot, known_or
from podid.ops.change.kinds import POD_TEMPLATE, SERVICE_ACCOUNT
from podid.ops.migrate.candidates import MigrationCandidate


def with_own_accounts(plan: Plan, candidates: Iterable[MigrationCandidate], snapshot: Snapshot) -> Plan:
    """Return the plan with the service accounts that workloads get, first, and the changes of their pod templates,
    last."""
    accounts, templates = [], []
    present = {account.ref for account in known_or(snapshot.service_accounts, ())}
    for candidate in candidates:
        if not candidate.copy_of:
            continue
        if candidate.ref not in present:
            state = SERVICE_ACCOUNT.state_of(candidate.ref, candidate.copy_of)
            accounts.append(SERVICE_ACCOUNT.action(None, state))
        for template in candidate.templates:
            before = POD_TEMPLATE.state_of(template.subject, account=template.workload.service_account)
            after = POD_TEMPLATE.state_of(template.subject, account=candidate.ref.name)
            templates.append(POD_TEMPLATE.action(before, after))
    return replace(plan, actions=(*accounts, *plan.actions, *templates))


def principals_of(proxy: MetadataProxy, snapshot: Snapshot) -> frozenset[str]:
    """Return the roles with which the agent assumes others: that of kiam's server, or those of the nodes."""
    if proxy.principal:
        return frozenset({proxy.principal})
    groups = {group.node_role_arn for group in known_or(snapshot.node_groups, ())}
    return frozenset({*groups, *known_or(snapshot.other_node_roles, {})} - {""})
