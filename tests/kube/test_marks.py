"""What the Kubernetes gateways' methods say that they need, against what the API server's authorizer is asked for."""

import inspect
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest

from permissions_support import checked_permissions
from podid.domain.cluster import DaemonSet, Pod
from podid.domain.errors import PodidError
from podid.domain.names import ServiceAccountRef
from podid.domain.owners import PLURALS
from podid.domain.permissions import KubePermission, Permissions
from podid.domain.workloads import RESTARTABLE
from podid.kube import errors
from podid.kube.project_custom import CUSTOM
from podid.kube.reader import KubeReader
from podid.kube.transport import Transport
from podid.kube.writer import KubeWriter
from worlds import ORDERS, KubeWorld

from .kube_server import Answer, Server, listing

POD = Pod(
    namespace="shop",
    name="p",
    uid="u",
    service_account="orders",
    node="",
    phase="Running",
    created_at=datetime(2026, 11, 24, tzinfo=UTC),
    containers=(),
)
AGENT_SET = DaemonSet(
    namespace="kube-system",
    name="agent",
    selector={"app": "agent"},
    desired=1,
    ready=1,
    available=1,
    updated=1,
    generation=1,
    observed_generation=1,
)


def each(kinds: tuple[str, ...], call: Callable[[str], object]) -> None:
    for kind in kinds:
        try:
            call(kind)
        except PodidError:
            continue


def every_product(reader: KubeReader) -> None:
    for group, kinds in CUSTOM.items():
        each(tuple(kinds), partial(reader.list_product_settings, group, version="v1"))


def every_owner(reader: KubeReader) -> None:
    """With the groups that a cluster without these products does not serve."""
    reader.list_api_groups = lambda: dict.fromkeys(PLURALS, "v1")  # type: ignore[method-assign]
    reader.list_custom_owners()


# method -> a call with every argument that asks for more
READS: dict[Callable[..., Any], Callable[[KubeReader], object]] = {
    KubeReader.check: lambda r: r.check(),
    KubeReader.may: lambda r: r.may(KubePermission("", "pods", "list"), "shop"),
    KubeReader.list_namespaces: lambda r: r.list_namespaces(),
    KubeReader.list_ending_namespaces: lambda r: r.list_ending_namespaces(),
    KubeReader.find_pod_security: lambda r: r.find_pod_security("kube-system"),
    KubeReader.list_pods: lambda r: r.list_pods("shop", service_account="orders", selector={"app": "orders"}),
    KubeReader.list_nodes: lambda r: r.list_nodes(),
    KubeReader.list_service_accounts: lambda r: r.list_service_accounts("shop"),
    KubeReader.get_service_account: lambda r: r.get_service_account(ORDERS),
    KubeReader.find_service_account: lambda r: r.find_service_account(ORDERS),
    KubeReader.get_account_settings: lambda r: r.get_account_settings(ORDERS),
    KubeReader.get_manifest: lambda r: r.get_manifest(ORDERS),
    KubeReader.find_config_map_keys: lambda r: r.find_config_map_keys("shop", "settings"),
    KubeReader.find_lease: lambda r: r.find_lease("shop", "podid"),
    KubeReader.list_grants: lambda r: r.list_grants("shop"),
    KubeReader.list_keys_of_pods: lambda r: r.list_keys_of_pods("shop"),
    KubeReader.list_keys_of_config_maps: lambda r: r.list_keys_of_config_maps("shop"),
    KubeReader.list_keys_of_secrets: lambda r: r.list_keys_of_secrets("shop"),
    KubeReader.list_daemon_sets: lambda r: r.list_daemon_sets(),
    KubeReader.list_workloads: lambda r: r.list_workloads(),
    KubeReader.list_written: lambda r: r.list_written("shop"),
    KubeReader.list_pod_templates: lambda r: r.list_pod_templates({"example.com/role"}),
    KubeReader.find_agent_template: lambda r: each(
        ("DaemonSet", "Deployment"), lambda kind: r.find_agent_template(kind, "kube-system", "none")
    ),
    KubeReader.find_pod_template: lambda r: each(
        (*RESTARTABLE, "CronJob"), lambda kind: r.find_pod_template(kind, "shop", "none", ())
    ),
    KubeReader.list_annotations: lambda r: each(("Pod", "Namespace"), lambda kind: r.list_annotations(kind, ())),
    KubeReader.list_bindings: lambda r: r.list_bindings("shop"),
    KubeReader.list_owners: lambda r: each(("ReplicaSet", "Job"), lambda kind: r.list_owners("shop", kind)),
    KubeReader.get_rollout: lambda r: each(RESTARTABLE, lambda kind: r.get_rollout(kind, "shop", "orders")),
    KubeReader.list_agent_daemon_sets: lambda r: r.list_agent_daemon_sets(),
    KubeReader.list_agent_pods: lambda r: r.list_agent_pods(),
    KubeReader.list_pods_of: lambda r: r.list_pods_of([AGENT_SET]),
    KubeReader.read_log: lambda r: r.read_log("shop", "none", container="app"),
    KubeReader.list_network_policies: lambda r: r.list_network_policies(),
    KubeReader.list_cilium_policies: lambda r: r.list_cilium_policies(),
    KubeReader.list_api_groups: lambda r: r.list_api_groups(),
    KubeReader.list_product_settings: every_product,
    KubeReader.list_custom_owners: every_owner,
    KubeReader.list_volume_settings: lambda r: r.list_volume_settings(),
    KubeReader.list_csi_drivers: lambda r: r.list_csi_drivers(),
    KubeReader.read_clocks: lambda r: r.read_clocks(),
    KubeReader.list_node_classes: lambda r: r.list_node_classes(),
    KubeReader.find_webhook: lambda r: r.find_webhook(),
    KubeReader.job_exists: lambda r: r.job_exists("shop", "none"),
    KubeReader.list_warnings: lambda r: r.list_warnings("shop", "Job", "none"),
}
WRITES: dict[Callable[..., Any], Callable[[KubeWriter], object]] = {
    KubeWriter.dry_run_pod: lambda w: w.dry_run_pod(ORDERS, image="pause"),
    KubeWriter.restart: lambda w: each(
        RESTARTABLE, lambda kind: w.restart(kind, "shop", "orders", at=datetime.now(UTC))
    ),
    KubeWriter.request_token: lambda w: w.request_token(ORDERS, POD),
    KubeWriter.create_service_account: lambda w: w.create_service_account(ServiceAccountRef("shop", "later")),
    KubeWriter.patch_pod_template: lambda w: each(
        (*RESTARTABLE, "CronJob"), lambda kind: w.patch_pod_template(kind, "shop", "none", annotations={})
    ),
    KubeWriter.delete_workload: lambda w: each(
        ("DaemonSet", "Deployment"), lambda kind: w.delete_workload(kind, "shop", "none")
    ),
    KubeWriter.hold_lease: lambda w: [
        w.hold_lease(
            "shop",
            "podid",
            "me",
            seconds=30,
            at=datetime(2026, 11, 24, tzinfo=UTC),
            before=w.hold_lease("shop", "podid", "me", seconds=30, at=datetime(2026, 11, 24, tzinfo=UTC), before=None),
        )
    ],
    KubeWriter.annotate: lambda w: w.annotate(ORDERS, {"eks.amazonaws.com/audience": None}),
    KubeWriter.evict: lambda w: w.evict("shop", "none", uid="u"),
    KubeWriter.create_probe: lambda w: w.create_probe(ORDERS, "p", image="x", node="", region="r", seconds=60),
    KubeWriter.delete_job: lambda w: w.delete_job("shop", "p"),
    KubeWriter.delete_service_account: lambda w: w.delete_service_account(ServiceAccountRef("shop", "later")),
}


def test_the_marks_are_what_the_api_server_is_asked_for(lab: KubeWorld) -> None:
    reader, writer = lab.reader, lab.writer
    wrong = []
    calls: list[tuple[Callable[..., Any], Callable[[], object]]] = [
        *((operation, lambda call=call: call(reader)) for operation, call in READS.items()),
        *((operation, lambda call=call: call(writer)) for operation, call in WRITES.items()),
    ]
    for operation, call in calls:
        # a missing object requires the same permissions
        with checked_permissions() as asked, suppress(PodidError):
            call()
        marked: Permissions = operation.__permissions__  # type: ignore[attr-defined]
        if (set(marked.kubernetes), marked.iam) != (asked.kubernetes, ()):
            wrong.append((operation.__qualname__, marked.kubernetes, sorted(asked.kubernetes)))
    assert wrong == []


@pytest.mark.parametrize("nothing", [[], None])
def test_a_list_of_nothing_is_empty(
    tls: Server, transport: Transport, monkeypatch: pytest.MonkeyPatch, nothing: object
) -> None:
    unreadable: list[str] = []
    monkeypatch.setattr(errors, "unreadable", lambda path, why, where: unreadable.append(f"{path}: {why}"))
    groups = {"kind": "APIGroupList", "apiVersion": "v1", "groups": nothing}
    tls.answer = lambda request: Answer(200, groups if request.path == "/apis" else listing(request.path, nothing))
    reader = KubeReader(transport)
    for operation, call in READS.items():
        if operation.__name__.startswith(("list_", "read_clocks")):
            assert not call(reader), operation
    assert (unreadable, len(tls.requests) > 20) == ([], True)


def test_every_operation_is_called_here() -> None:
    marked = {
        value
        for cls in (KubeReader, KubeWriter)
        for name, value in vars(cls).items()
        if inspect.isfunction(value) and not name.startswith("_")
    }
    assert {*READS, *WRITES} == marked


def test_permissions_for_changes_belong_in_a_role_of_one_namespace() -> None:
    assert all(permission.namespaced for operation in WRITES for permission in operation.__permissions__.kubernetes)  # type: ignore[attr-defined]
    assert not any(permission.namespaced for operation in READS for permission in operation.__permissions__.kubernetes)  # type: ignore[attr-defined]
