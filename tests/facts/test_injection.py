"""The states of injection of a pod."""

from dataclasses import replace
from datetime import timedelta

from checks.builder import INJECTED, agent_pod, ago, association, bare, node, pod
from checks.pods import CREATED, IRSA, MISSED, OLD, RACED
from harness import table
from podid.domain.cluster import Container, Pod
from podid.facts.injection import PodState, state_of

APP = Container(name="app", image="example/app:1")


@table(
    ("subject", "state"),
    [
        (pod(), PodState.INJECTED),
        (replace(pod(), created_at=CREATED - timedelta(days=9)), PodState.INJECTED),
        # another webhook removed the variables, or kept them in a sidecar only: injected-fields-hardcoded
        (replace(pod(), containers=(APP,)), PodState.INJECTED),
        (replace(pod(), containers=(APP, replace(APP, name="istio-proxy", env=INJECTED))), PodState.INJECTED),
        # another webhook added a container of any name
        (replace(pod(), containers=(*pod().containers, replace(APP, name="metrics"))), PodState.INJECTED),
        (replace(pod(), containers=(*pod().containers, replace(APP, name="istio-proxy"))), PodState.INJECTED),
        (OLD, PodState.PREDATES),
        (bare(pod(), created_at=CREATED - timedelta(seconds=1)), PodState.PREDATES),
        (bare(pod(), created_at=CREATED), PodState.RACED),
        (RACED, PodState.RACED),
        (bare(pod(), created_at=CREATED + timedelta(seconds=61)), PodState.MISSED),
        (IRSA, PodState.IRSA),
        (replace(OLD, phase="Succeeded"), PodState.ENDED),
        (replace(OLD, phase="Failed"), PodState.ENDED),
        (replace(OLD, deleting=True), PodState.ENDED),
        (replace(OLD, phase="Pending"), PodState.PREDATES),
        (replace(OLD, annotations={"kubernetes.io/config.mirror": "x"}), PodState.OPTED_OUT),
        (replace(OLD, annotations={"eks.amazonaws.com/skip-containers": "other, app"}), PodState.OPTED_OUT),
        (replace(OLD, labels={"eks.amazonaws.com/skip-pod-identity-webhook": ""}), PodState.OPTED_OUT),
        # the webhook adds the volume nevertheless
        (
            replace(pod(), containers=(APP,), annotations={"eks.amazonaws.com/skip-containers": "app"}),
            PodState.OPTED_OUT,
        ),
        (replace(OLD, node="win"), PodState.NO_AGENT_POSSIBLE),
        (replace(OLD, node="fargate-ip-10-0-0-1"), PodState.NO_AGENT_POSSIBLE),
        (replace(OLD, labels={"eks.amazonaws.com/fargate-profile": "p"}), PodState.NO_AGENT_POSSIBLE),
        (agent_pod(created_at=ago(days=9)), PodState.OPTED_OUT),
    ],
)
def test_every_pod_is_in_one_state(subject: Pod, state: PodState) -> None:
    assert state_of(subject, association(), {"win": node("win", os="windows")}) is state


def test_a_change_of_the_association_starts_the_propagation_again() -> None:
    changed = association(modified_at=ago(hours=5, seconds=20))
    assert state_of(MISSED, changed, {}) is PodState.RACED
    assert state_of(MISSED, association(created_at=None, modified_at=None), {}) is PodState.UNDATED
