"""From the API's JSON: what is kept, and what never is."""

from typing import Any

import pytest

from podid.domain.cluster import NodeClass
from podid.domain.network import NOT_SEEN
from podid.kube import project
from podid.kube.project import set_by

from .kube_server import recorded


def test_a_daemon_set_keeps_names_and_what_is_no_secret() -> None:
    env = [
        {"name": "AWS_REGION", "value": "eu-west-1"},
        {"name": "AWS_CONTAINER_CREDENTIALS_FULL_URI", "value": "http://user:secret@169.254.170.23/v1/credentials"},
        {"name": "HTTPS_PROXY", "value": "http://user:secret@proxy"},
        {"name": "NO_PROXY", "value": "intra.example, 169.254.169.254"},
        {"name": "no_proxy", "valueFrom": {"configMapKeyRef": {"name": "proxies", "key": "none"}}},
        {"name": "JAVA_TOOL_OPTIONS", "value": "-Dpassword=secret"},
        {"name": "TOKEN", "value": "secret"},
        {"name": "POD_SECURITY_GROUP_ENFORCING_MODE", "value": "standard"},
    ]
    # an empty argument is an argument
    words = ["--flag", "", "--api-token=secret", "--password", "secret", "--proxy=http://user:secret@proxy"]
    script = "exec eks-pod-identity-agent server --auth-token secret --cluster-name demo"
    container = {"name": "a", "args": words, "env": env, "command": ["sh", "-c", "cat secret", script]}
    kept = project.daemon_set(
        {
            "metadata": {"name": "a", "namespace": "b"},
            "spec": {"template": {"spec": {"containers": [container]}}},
        }
    )
    assert kept.args == ("--flag", "", "--api-token=…", "--password", "…", "--proxy=http://proxy")
    exec_of_agent = "exec eks-pod-identity-agent server --auth-token … --cluster-name demo"
    assert kept.command == ("sh", "-c", "…", exec_of_agent)
    assert kept.env == {
        "AWS_REGION": "eu-west-1",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.170.23/v1/credentials",
        "HTTPS_PROXY": "",
        "NO_PROXY": "169.254.169.254",
        "no_proxy": NOT_SEEN,
        "JAVA_TOOL_OPTIONS": "",
        "POD_SECURITY_GROUP_ENFORCING_MODE": "standard",
    }


def test_fields_by_manager() -> None:
    spec: Any = {
        "f:template": {"f:spec": {"f:containers": {'k:{"name":"agent"}': {".": {}, "f:image": {}, "f:args": {}}}}}
    }
    entries = [
        {"manager": "kubectl-edit", "fieldsV1": {"f:spec": spec}},
        {"manager": "kube-controller-manager", "subresource": "status", "fieldsV1": {"f:status": {"f:ready": {}}}},
        {"manager": "kubectl", "fieldsV1": {"f:metadata": {"f:finalizers": {".": {}, 'v:"a"': {}}}}},
        {"manager": "kubectl", "fieldsV1": None},
        {"manager": "odd", "fieldsV1": {"f:spec": {"k:[": {}, "what": {}}, "f:x": "y"}},
    ]
    container = "spec.template.spec.containers[name=agent]"
    assert set_by({"managedFields": entries}) == {
        "kubectl-edit": (f"{container}.image", f"{container}.args"),
        "kubectl": ('metadata.finalizers["a"]',),
        "odd": ("spec[[]", "spec[]"),
    }
    assert set_by({"managedFields": None}) == set_by({}) == {}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"role": "nodes", "amiFamily": "AL2023"}, NodeClass(name="default", role="nodes")),
        ({"instanceProfile": "profile"}, NodeClass(name="default", instance_profile="profile")),
        (None, NodeClass(name="default")),
    ],
)
def test_karpenters_classes_of_nodes(spec: Any, expected: NodeClass) -> None:
    assert project.node_class({"metadata": {"name": "default"}, "spec": spec}) == expected


def test_workloads_with_on_delete_and_jobs() -> None:
    stateful_set = project.workload("StatefulSet", recorded("statefulset OnDelete create").body)
    assert (stateful_set.name, stateful_set.service_account, stateful_set.on_delete) == ("db", "orders", True)
    item = recorded("statefulset OnDelete create").body
    canary = {"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}}
    assert project.workload("StatefulSet", {**item, "spec": {**item["spec"], **canary}}).partition == 2
    # the controller counts the partition from the first ordinal
    assert (
        project.workload(
            "StatefulSet", {**item, "spec": {**item["spec"], **canary, "ordinals": {"start": 5}}}
        ).partition
        == 7
    )
    assert project.workload("StatefulSet", {**item, "spec": {**item["spec"], "ordinals": {"start": 5}}}).partition == 0
    job = project.workload("Job", recorded("job create").body)
    assert (job.name, job.service_account, job.replicas) == ("probe", "orders", 0)
    cron_job = {"metadata": {"name": "nightly"}, "spec": {"jobTemplate": {"spec": recorded("job create").body["spec"]}}}
    assert project.workload("CronJob", cron_job).service_account == "orders"


def test_a_daemon_set() -> None:
    agent = project.daemon_set(recorded("daemonset get").body)
    assert (agent.namespace, agent.name, agent.desired, agent.ready) == ("kube-system", "eks-pod-identity-agent", 3, 3)
    assert agent.args[:4] == ("--port", "80", "--cluster-name", "demo")
