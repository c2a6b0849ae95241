"""Objects that KubeWriter sends, and refusals of the API server."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from podid.domain.cluster import Lease
from podid.domain.errors import AlreadyExists, Conflict, NotFound
from podid.domain.names import ServiceAccountRef
from podid.kube.writer import probe_job
from worlds import ORDERS, KubeWorld


def test_service_accounts_are_created_and_deleted(lab: KubeWorld) -> None:
    later = ServiceAccountRef("shop", "later")
    account = lab.writer.create_service_account(later)
    assert lab.reader.get_service_account(later) == account
    lab.writer.delete_service_account(later, uid=account.uid)
    assert lab.reader.find_service_account(later) is None


def test_a_token_request_is_bound_to_the_pod(lab: KubeWorld) -> None:
    pod = lab.reader.list_pods("shop")[0]
    claims = lab.sandbox.review_token(lab.writer.request_token(ORDERS, pod), "pods.eks.amazonaws.com")
    assert (claims.namespace, claims.service_account, claims.pod_uid) == ("shop", "orders", pod.uid)
    with pytest.raises(NotFound) as raised:
        lab.writer.request_token(ORDERS, replace(pod, name="nope"))
    assert raised.value.message == "pod shop/nope does not exist"


def test_an_annotation_is_set_and_removed_and_others_stay(lab: KubeWorld) -> None:
    lab.writer.annotate(ORDERS, {"a": "1", "b": "2"})
    lab.writer.annotate(ORDERS, {"a": None, "c": "3"})
    annotations = lab.reader.get_manifest(ORDERS)["metadata"]["annotations"]  # type: ignore[index]
    assert annotations == {"b": "2", "c": "3"}


def test_another_pod_of_the_same_name_is_not_evicted(lab: KubeWorld) -> None:
    pod = lab.reader.list_pods("shop")[0]
    with pytest.raises(Conflict):
        lab.writer.evict("shop", pod.name, uid="other")
    assert pod.uid in {item.uid for item in lab.reader.list_pods("shop") if not item.deleting}
    lab.writer.evict("shop", pod.name, uid=pod.uid)
    assert pod.uid not in {item.uid for item in lab.reader.list_pods("shop") if not item.deleting}


def test_a_lease_goes_to_one_of_two_processes(lab: KubeWorld) -> None:
    at = datetime(2026, 11, 24, tzinfo=UTC)

    def hold(holder: str, before: Lease | None, seconds: int = 0) -> Lease:
        moment = at + timedelta(seconds=seconds)
        return lab.writer.hold_lease("shop", "podid", holder, seconds=30, at=moment, before=before)

    first = hold("one", None)
    with pytest.raises(AlreadyExists):
        hold("two", None)
    renewed = hold("one", first, 10)
    with pytest.raises(Conflict):
        hold("two", first, 40)
    taken = hold("two", renewed, 41)
    holders = [(lease.holder, lease.transitions) for lease in (first, renewed, taken)]
    assert holders == [("one", 0), ("one", 0), ("two", 1)]
    assert lab.reader.find_lease("shop", "podid") == taken


def test_a_probe_runs_on_the_specified_node_without_the_credentials_of_the_node() -> None:
    job = probe_job(ORDERS, "p", image="aws-cli", node="node-1", region="eu-west-1", seconds=60)
    spec = job["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    env = {item["name"]: item["value"] for item in container["env"]}
    assert (env["AWS_REGION"], env["AWS_EC2_METADATA_DISABLED"]) == ("eu-west-1", "true")
    affinity = spec["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    assert affinity["nodeSelectorTerms"][0]["matchFields"][0]["values"] == ["node-1"]
    assert (spec["serviceAccountName"], spec["automountServiceAccountToken"]) == ("orders", False)
    anywhere = probe_job(ORDERS, "p", image="aws-cli", node="", region="eu-west-1", seconds=60, metadata=True)
    spec = anywhere["spec"]["template"]["spec"]
    assert "affinity" not in spec
    assert "AWS_EC2_METADATA_DISABLED" not in {item["name"] for item in spec["containers"][0]["env"]}
