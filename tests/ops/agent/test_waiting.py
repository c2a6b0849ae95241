"""Failures of an add-on and of its pods that waiting does not fix."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

from checks import builder
from checks.grid import answers
from harness import table
from ops.agent.support import BIND
from podid.domain.aws import Addon, AddonIssue
from podid.domain.cluster import Pod
from podid.domain.errors import AccessDenied, Other
from podid.facts.agent import NO_FREE_PORT
from podid.kube.reader import KubeReader
from podid.ops.agent.waiting import issue_words, of_addon, of_pods, of_sets
from worlds import AGENT


def failed(status: str, *codes: str) -> Addon:
    issues = tuple(AddonIssue(code=code, message="the words of EKS", resource_ids=()) for code in codes)
    return builder.addon(status=status, issues=issues)


@table(
    ("codes", "errors", "mode"),
    [
        (("ConfigurationConflict",), (), "addon-config-conflict"),
        (("AdmissionRequestDenied",), (), "admission-policy-blocks-agent"),
        (("UnsupportedAddonModification",), (), "addon-config-conflict"),
        (("AccessDenied",), (), "addon-degraded-or-failed"),
        (("InsufficientNumberOfReplicas",), (), "addon-degraded-or-failed"),
        ((), (), "addon-degraded-or-failed"),
        ((), ("ConfigurationConflict: held",), "addon-config-conflict"),
        (("AccessDenied",), ("AdmissionRequestDenied: no",), "admission-policy-blocks-agent"),
    ],
)
def test_the_failure_mode_of_an_add_on(codes: tuple[str, ...], errors: tuple[str, ...], mode: str) -> None:
    trouble = of_addon(failed("DEGRADED", *codes), errors)
    assert (trouble.mode, trouble.subject) == (mode, AGENT)
    assert " is DEGRADED" in trouble.message
    assert all(text in trouble.message for text in (*codes, *errors))
    error = trouble.error("demo")
    assert error.message == f"{mode}: {trouble.message}"
    assert error.hint == Other(("agent", "status"), flags=("--cluster", "demo"))


def test_issues_are_explained() -> None:
    issue = AddonIssue(code="AccessDenied", message="words", resource_ids=("a", "b"))
    assert issue_words(issue) == "AccessDenied, EKS may not change the cluster's objects: words (a, b)"
    unknown = AddonIssue(code="New", message="", resource_ids=())
    assert issue_words(unknown) == "New: "
    assert issue_words(replace(issue, message="")) == "AccessDenied: EKS may not change the cluster's objects (a, b)"


def stuck(**container: Any) -> Pod:
    pod = builder.agent_pod(ready=False)
    return replace(pod, containers=(replace(pod.containers[0], ready=False, **container),))


def reading(**functions: Any) -> KubeReader:
    return cast("KubeReader", SimpleNamespace(**functions))


def no_log(*_: object, **__: object) -> str:
    raise AccessDenied("may not read logs", permission="get pods/log")


PORT_CHECKS = ("agent-port80-conflict", "agent-probe-port-conflict")
PENDING = replace(
    stuck(),
    node="",
    message=f"0/3 nodes are available: 3 node(s) didn't have {NO_FREE_PORT}",
    created_at=builder.ago(hours=1),
)


@table(
    ("pod", "log", "mode", "message"),
    [
        (stuck(waiting="ImagePullBackOff", image="x:1"), None, "agent-image-pull", "cannot pull the image x:1"),
        (stuck(waiting="CrashLoopBackOff", restarts=3), f"level=error msg={BIND!r}", "agent-ipv6-bind", BIND),
        (stuck(waiting="CrashLoopBackOff", restarts=3), "", "agent-pod-unhealthy", "after 3 restarts"),
        (stuck(waiting="CrashLoopBackOff", ended="OOMKilled"), None, "agent-pod-unhealthy", "0 restarts (OOMKilled)"),
        (stuck(waiting="CreateContainerError"), None, "agent-pod-unhealthy", "cannot start: CreateContainerError"),
        (PENDING, None, "agent-port80-conflict", "cannot be scheduled: 0/3 nodes are available"),
    ],
)
def test_pods_that_do_not_start(pod: Pod, log: str | None, mode: str, message: str) -> None:
    reader = reading(read_log=no_log if log is None else lambda *_, **__: log, list_pods=no_log)
    trouble = of_pods(reader, (), [builder.agent_pod("node-2"), pod, pod], builder.NOW)
    assert trouble is not None
    assert (trouble.mode, trouble.subject) == (mode, f"kube-system/{pod.name}")
    assert message in trouble.message
    assert trouble.message.startswith(f"the agent pod {pod.name}")
    assert " and 1 more " in trouble.message
    assert of_pods(reader, (), [pod], builder.NOW, spared={pod.uid}) is None


@table(
    ("ports", "args", "mode"),
    [
        ((80,), (), "agent-port80-conflict"),
        ((2703,), (), "agent-probe-port-conflict"),
        ((80, 2703), (), "agent-port80-conflict"),
        ((2704,), ("--probe-port=2704",), "agent-probe-port-conflict"),
        ((2703,), ("--probe-port=2704",), "agent-port80-conflict"),
        ((), (), "agent-port80-conflict"),
    ],
)
def test_the_port_that_another_pod_uses(ports: tuple[int, ...], args: tuple[str, ...], mode: str) -> None:
    """The doctor names the same failure mode."""
    agents, sets = (builder.agent_pod("node-2"), PENDING), (builder.daemon_set(args=args, host_ports=(80, 2703, 2704)),)
    pods = (*agents, *(builder.pod(f"other-{port}", host_ports=(port,)) for port in ports))
    trouble = of_pods(reading(list_pods=lambda: pods), sets, agents, builder.NOW)
    assert trouble is not None
    assert trouble.mode == mode
    snapshot = builder.healthy(daemon_sets=sets, agent_pods=agents, pods=pods)
    named = [check for check in PORT_CHECKS if answers(check, snapshot)[0][0] == "fail"]
    assert named[:1] in ([mode], [])


def test_pods_that_may_still_start() -> None:
    new = replace(PENDING, created_at=builder.ago(seconds=10))
    starting = stuck(waiting="ContainerCreating")
    assert of_pods(reading(), (), [new, starting, builder.agent_pod()], builder.NOW) is None


def test_a_daemon_set_whose_pods_are_refused() -> None:
    refusal = 'Error creating: pods is forbidden: violates PodSecurity "restricted:latest": host namespaces'
    sets, since = (builder.daemon_set(desired=2),), builder.ago(minutes=5)
    trouble = of_sets(reading(list_warnings=lambda *_, **__: ["unrelated", refusal]), sets, [], since)
    assert trouble is not None
    assert (trouble.mode, refusal in trouble.message) == ("admission-policy-blocks-agent", True)
    assert of_sets(reading(list_warnings=lambda *_, **__: ["unrelated"]), sets, [], since) is None
    assert of_sets(reading(list_warnings=no_log), sets, [], since) is None
    whole = (builder.daemon_set(desired=1),)
    assert of_sets(reading(list_warnings=lambda *_, **__: [refusal]), whole, [builder.agent_pod()], since) is None
