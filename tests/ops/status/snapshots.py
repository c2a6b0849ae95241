"""Snapshots of two applications and of failed reads."""

from dataclasses import replace

from checks.builder import ROLE_ARN, agent_pod, association, bare, healthy, node, pod, role, workload
from podid.domain.cluster import ServiceAccount
from podid.domain.snapshot import Known, Missing, Snapshot

DENIED = Missing("you may not list pods", "list pods", "AccessDenied")
STALE = bare(pod(), created_at=pod().created_at.replace(year=2025))


def two_apps() -> Snapshot:
    """Return a healthy shop/orders, and pay/billing with stale pods and a missing role; a node without pods lacks its
    agent."""
    deleted = f"{ROLE_ARN}-billing"
    return healthy(
        associations=(association(), association("pay", "billing", role_arn=deleted)),
        pods=(pod(), replace(STALE, namespace="pay", service_account="billing", name="billing-1-x"), agent_pod()),
        nodes=(node(), node("idle")),
        namespaces=frozenset({"shop", "pay"}),
        service_accounts=tuple(
            ServiceAccount(namespace=namespace, name=name)
            for namespace, name in (("shop", "orders"), ("pay", "billing"), ("pay", "invoices"))
        ),
        workloads=(workload(), workload(name="billing", namespace="pay", service_account="billing")),
        roles={ROLE_ARN: Known(role()), deleted: Known(None)},
    )
