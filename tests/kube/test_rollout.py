"""The progress of a rollout, and its failure."""

from typing import Any

from harness import table
from podid.kube.rollout import Rollout, rollout

from .kube_server import recorded


def test_rollouts_of_a_real_deployment() -> None:
    before = rollout("Deployment", recorded("deployment get rolled out").body)
    assert before == Rollout(
        kind="Deployment", namespace="gold2", name="web", desired=2, updated=2, available=2, service_account="orders"
    )
    during = rollout("Deployment", recorded("deployment get during rollout").body)
    assert (during.done, during.waiting) == (False, "the controller has not observed the change yet")
    assert during.restarted_at == "2026-11-24T00:00:00Z"
    assert rollout("Deployment", recorded("deployment get after rollout").body).done


@table(
    ("kind", "spec", "status", "waiting", "failed"),
    [
        ("Deployment", {"replicas": 3}, {"updatedReplicas": 1}, "1 of 3 pods are updated", ""),
        (
            "Deployment",
            {"replicas": 1},
            {"conditions": [{"type": "ReplicaFailure", "reason": "FailedCreate", "message": "exceeded quota: q"}]},
            "0 of 1 pods are updated: exceeded quota: q",
            "",
        ),
        ("Deployment", {"replicas": 2}, {"replicas": 3, "updatedReplicas": 2}, "1 old pod is pending termination", ""),
        (
            "Deployment",
            {"replicas": 2},
            {"replicas": 2, "updatedReplicas": 2, "availableReplicas": 1},
            "1 of 2 pods are available",
            "",
        ),
        (
            "Deployment",
            {"replicas": 1},
            {"conditions": [{"type": "Progressing", "reason": "ProgressDeadlineExceeded", "message": "timed out"}]},
            "0 of 1 pods are updated",
            "timed out",
        ),
        (
            "StatefulSet",
            {"replicas": 1},
            {"updatedReplicas": 1, "availableReplicas": 1, "updateRevision": "b", "currentRevision": "a"},
            "the new revision is not current yet",
            "",
        ),
        (
            "StatefulSet",
            {"replicas": 3, "updateStrategy": {"rollingUpdate": {"partition": 2}}},
            {"updatedReplicas": 1, "availableReplicas": 3, "updateRevision": "b", "currentRevision": "a"},
            "",
            "",
        ),
        (
            "StatefulSet",
            {"replicas": 3, "updateStrategy": {"type": "OnDelete"}},
            {"updatedReplicas": 0, "availableReplicas": 3, "updateRevision": "b", "currentRevision": "a"},
            "",
            "",
        ),
        (
            "DaemonSet",
            {"updateStrategy": {"type": "OnDelete"}},
            {"desiredNumberScheduled": 3, "updatedNumberScheduled": 0, "numberAvailable": 2},
            "2 of 3 pods are available",
            "",
        ),
        (
            "DaemonSet",
            {},
            {"desiredNumberScheduled": 3, "updatedNumberScheduled": 3, "numberAvailable": 2},
            "2 of 3 pods are available",
            "",
        ),
    ],
)
def test_a_rollout_names_the_pods_that_it_waits_for(
    kind: str, spec: dict[str, Any], status: dict[str, Any], waiting: str, failed: str
) -> None:
    progress = rollout(kind, {"metadata": {"name": "x"}, "spec": spec, "status": status})
    assert (progress.waiting, progress.failed) == (waiting, failed)


def test_a_partition_counts_from_the_first_ordinal() -> None:
    spec: dict[str, Any] = {
        "replicas": 3,
        "updateStrategy": {"rollingUpdate": {"partition": 2}},
        "ordinals": {"start": 5},
    }
    numbered = rollout("StatefulSet", {"metadata": {"name": "x"}, "spec": spec})
    assert (numbered.held_back, numbered.kept_below) == (2, 7)
    spec["updateStrategy"] = {}
    assert rollout("StatefulSet", {"metadata": {"name": "x"}, "spec": spec}).kept_below == 0
