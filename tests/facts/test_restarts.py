"""Pods that must be replaced, workloads that a restart does not replace, and the pods that replace them."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from checks.builder import (
    DENIED,
    INJECTED,
    IRSA_ANNOTATION,
    NOW,
    ROLE_ARN,
    ago,
    association,
    bare,
    cluster,
    healthy,
    pod,
    service_account,
)
from checks.containers import URI, container
from harness import table
from podid.domain.cluster import Container
from podid.domain.evidence import RecentChanges
from podid.domain.findings import Subject
from podid.domain.network import Selector
from podid.domain.snapshot import Snapshot
from podid.domain.workloads import AGENT_ADDRESSES, INJECTED_ENV, IRSA_ENV, IRSA_VOLUME, WebhookRegistration
from podid.facts.restarts import (
    LIFETIME,
    OF_TARGET,
    NewPods,
    changed_at,
    hindrance,
    lifetime_words,
    on_delete,
    partitioned,
    paused,
    precedes,
    without_account,
    without_injection,
)

FILE = INJECTED_ENV[1]
IRSA_FILE = "/var/run/secrets/eks.amazonaws.com/serviceaccount/token"


def test_lifetimes_in_words() -> None:
    assert (lifetime_words(LIFETIME), lifetime_words(OF_TARGET)) == ("6 hours", "59 minutes")


@table(
    ("changes", "expected"),
    [
        ({"modified_at": ago(hours=1) + timedelta(milliseconds=700)}, ago(hours=1)),
        # never changed, or so long ago that all credentials have expired
        ({}, None),
        ({"modified_at": ago(hours=6)}, None),
        ({"modified_at": None}, None),
        ({"created_at": None, "modified_at": ago(hours=1)}, ago(hours=1)),
        ({"created_at": ago(hours=2), "modified_at": ago(hours=2)}, ago(hours=2)),
        ({"created_at": ago(hours=2), "modified_at": None}, ago(hours=2)),
    ],
)
def test_the_time_of_a_change(changes: dict[str, Any], expected: datetime | None) -> None:
    assert changed_at(association(**changes), NOW) == expected


def test_a_change_that_kept_the_role_and_pods_before_it() -> None:
    changed = association(modified_at=ago(hours=1))
    kept = {"shop/orders": ago(hours=1)}
    assert changed_at(changed, NOW, RecentChanges(kept_role=kept)) is None
    for earlier, expected in ((ago(hours=3), ago(hours=3)), (ago(hours=6), None)):
        changes = RecentChanges(kept_role=kept, effective={"shop/orders": earlier})
        assert changed_at(changed, NOW, changes) == expected
    assert (precedes(pod(), ago(hours=1)), precedes(pod(), ago(hours=9)), precedes(pod(), None)) == (True, False, False)


@table(
    ("kind", "reason", "command"),
    [
        ("Pod", "no controller replaces the pod", "kubectl -n shop get pod it -o yaml"),
        ("ReplicaSet", "a ReplicaSet has no rollout", "kubectl -n shop delete pod orders-5d9c-x1"),
        ("CronJob", "its next run gets new pods", ""),
        ("Job", "the pods of a Job are not replaced", ""),
        ("Rollout", "it is an Argo Rollout", "kubectl argo rollouts restart it -n shop"),
        (
            "StrimziPodSet",
            "the Strimzi operator manages its pods",
            "kubectl -n shop annotate strimzipodset it strimzi.io/manual-rolling-update=true",
        ),
        ("Widget", "podid does not support restarts of a Widget", ""),
    ],
)
def test_workloads_that_a_restart_does_not_replace(kind: str, reason: str, command: str) -> None:
    item = hindrance(kind, "shop", "it", [pod()], stale=True)
    assert item is not None
    assert item.reason.startswith(reason)
    assert " ".join(item.command) == command


def test_a_restart_replaces_pods_of_a_rollout() -> None:
    for kind in ("Deployment", "StatefulSet", "DaemonSet"):
        assert hindrance(kind, "shop", "it", [pod()], stale=True) is None


def test_static_pods_and_pods_on_fargate() -> None:
    fargate, static = pod(node="fargate-1"), pod(annotations={"kubernetes.io/config.mirror": "x"})
    modes = [
        item.mode if item is not None else None
        for item in (
            hindrance("Deployment", "shop", "it", [fargate], stale=True),
            # a restart for another reason replaces them
            hindrance("Deployment", "shop", "it", [pod(windows=True)], stale=True),
            hindrance("Deployment", "shop", "it", [fargate], stale=False),
            hindrance("Deployment", "shop", "it", [fargate, pod()], stale=True),
            hindrance("Pod", "shop", "it", [static], stale=True),
        )
    ]
    assert modes == ["fargate-pod", "windows-pod", None, None, "injection-opted-out"]


def test_hindrances_of_settings() -> None:
    assert on_delete("shop", ["a", "b"]).command == ("kubectl", "-n", "shop", "delete", "pod", "a", "b")
    assert paused("Deployment", "shop", "it").command[-3:] == ("rollout", "resume", "deployment/it")
    workload = Subject("StatefulSet", "db", "shop")
    kept = partitioned(workload, 2, ["db-0", "db-1"])
    assert kept is not None
    assert kept.command[:6] == ("kubectl", "-n", "shop", "patch", "statefulset", "db")
    assert not any(partitioned(workload, number, ["db-0", "db-2"]) for number in (0, 2))
    assert without_account("shop", "cart").mode == "association-sa-not-found"


# --- new pods ---------------------------------------------------------------------------------------------------------

BARE = bare(pod())
OF_IRSA = {"associations": (), "service_accounts": (service_account(annotations=IRSA_ANNOTATION),)}
WEB_IDENTITY = {IRSA_ENV: IRSA_FILE, "AWS_ROLE_ARN": ROLE_ARN}


@table(
    ("snapshot", "env"),
    [
        (healthy(), INJECTED),
        (healthy(associations=()), {}),
        (healthy(webhook=None), {}),
        (healthy(webhook=WebhookRegistration(on_create=False)), {}),
        (healthy(webhook=WebhookRegistration(objects=Selector({"inject": "true"}))), {}),
        # a webhook that was not read injects all pods
        (healthy(webhook=DENIED), INJECTED),
        # a running pod without injection stays so if associations were not read
        (healthy(associations=DENIED), {}),
        (healthy(**OF_IRSA), WEB_IDENTITY),
    ],
)
def test_variables_of_a_new_pod(snapshot: Snapshot, env: dict[str, str]) -> None:
    new = NewPods(snapshot, NOW)(BARE)
    assert new.containers[0].env == env
    assert (new.uid, new.created_at, new.ready) == (f"{BARE.uid}-anew", NOW, True)


def test_the_address_of_an_ipv6_cluster() -> None:
    new = NewPods(healthy(cluster=cluster(ip_family="ipv6")), NOW)(BARE)
    assert new.containers[0].env == {**INJECTED, URI: AGENT_ADDRESSES[1]}


def test_a_running_pod_keeps_its_injection_if_associations_were_not_read() -> None:
    assert NewPods(healthy(associations=DENIED), NOW)(pod()).containers[0].env == INJECTED


def test_containers_with_a_variable_of_their_own_are_not_injected() -> None:
    own = container("own", AWS_CONTAINER_CREDENTIALS_FULL_URI="http://localhost")
    both = replace(BARE, containers=(Container(name="app", image="x", env={}), replace(own, env={"A": "1", **own.env})))
    new = NewPods(healthy(), NOW)(both)
    assert [item.env.get("AWS_CONTAINER_CREDENTIALS_FULL_URI") for item in new.containers] == [
        INJECTED["AWS_CONTAINER_CREDENTIALS_FULL_URI"],
        "http://localhost",
    ]


def test_the_injected_fields_are_removed_and_the_own_ones_stay() -> None:
    plain = without_injection(
        pod(containers=(container(LOG="1"),), labels={"eks.amazonaws.com/pod-identity": "enabled"})
    )
    assert (plain.containers[0].env, plain.volumes, plain.labels) == ({"LOG": "1"}, (), {})
    irsa = replace(BARE, containers=(replace(container(), env=WEB_IDENTITY),), volumes=(IRSA_VOLUME,))
    assert without_injection(irsa).containers[0].env == {}
    # another token file is the manifest's own
    own = replace(irsa, containers=(replace(container(), env={**WEB_IDENTITY, IRSA_ENV: "/own"}),))
    assert without_injection(own).containers[0].env == {**WEB_IDENTITY, IRSA_ENV: "/own"}
    assert without_injection(BARE) is BARE


@table("own", [{URI: "http://localhost"}, {FILE: "/own"}])
def test_a_container_with_one_variable_of_its_own_was_not_injected(own: dict[str, str]) -> None:
    running = pod(containers=(container(**own),))
    for new in (without_injection(running), NewPods(healthy(), NOW)(running)):
        assert new.containers[0].env == {**INJECTED, **own}
