from typing import Any

import pytest

from checks.builder import DENIED, agent_pod, healthy, node
from checks.grid import answers, only
from podid.domain.cluster import Container


def unpulled(reason: str, **changes: Any) -> Any:
    image = "602401143452.dkr.ecr.us-west-2.amazonaws.com/eks/eks-pod-identity-agent:v0.1.37"
    return agent_pod(
        **{"ready": False, "containers": (Container(name="agent", image=image, waiting=reason),), **changes}
    )


ID = "agent-image-pull"
FAILS = healthy(agent_pods=(unpulled("ErrImagePull"),))
UNKNOWN = healthy(agent_pods=DENIED)
FINDINGS = [("fail", "error", "Pod kube-system/eks-pod-identity-agent-node-1")]
UNKNOWNS = [("unknown", "error", "Cluster prod")]


@pytest.mark.parametrize("reason", ["ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"])
def test_an_image_that_cannot_be_pulled_is_one_finding(reason: str) -> None:
    snapshot = healthy(agent_pods=(unpulled(reason),))
    verdict = only(ID, snapshot)
    assert (verdict.outcome.value, verdict.severity.value, verdict.chain) == ("fail", "error", ("shop/orders",))
    assert verdict.evidence[-1] == "region of the image: us-west-2, of the cluster: eu-west-1"
    assert only("agent-pod-unhealthy", snapshot).outcome.value == "not-applicable"


@pytest.mark.parametrize(
    ("sections", "expected"),
    [
        ({"agent_pods": (unpulled("CrashLoopBackOff"),)}, ("pass", "error")),
        # it runs: a second container's image is no matter of the agent's
        ({"agent_pods": (unpulled("ErrImagePull", ready=True),)}, ("pass", "error")),
        ({"agent_pods": (unpulled("ErrImagePull", deleting=True),)}, ("not-applicable", "error")),
        ({"agent_pods": (unpulled("ErrImagePull"),), "nodes": (node(ready=False),)}, ("not-applicable", "error")),
        ({"agent_pods": (unpulled("ErrImagePull"),), "associations": ()}, ("fail", "info")),
    ],
)
def test_images_of_agent_pods(sections: dict[str, Any], expected: tuple[str, str]) -> None:
    assert [answer[:2] for answer in answers(ID, healthy(**sections))] == [expected]
