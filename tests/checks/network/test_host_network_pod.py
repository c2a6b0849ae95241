from dataclasses import replace

from checks.builder import DENIED, NO_PODS, agent_pod, association, healthy, pod
from checks.grid import WORKLOAD, answers

ID = "host-network-pod"
FAILS = healthy(pods=(pod(host_network=True),))
UNKNOWN = NO_PODS
FINDINGS = [("fail", "info", "Deployment shop/orders")]
UNKNOWNS = [("unknown", "info", "Cluster prod")]


def test_pods_on_the_network_of_the_node() -> None:
    shared = replace(pod(), host_network=True)
    assert answers(ID, healthy()) == [("pass", "info", WORKLOAD)]
    assert answers(ID, healthy(pods=(shared, agent_pod()))) == [("fail", "info", WORKLOAD)]
    owned = healthy(pods=(shared,), associations=(association(owner_arn="arn:aws:eks:r:1:addon/prod/vpc-cni/1"),))
    assert answers(ID, owned) == [("not-applicable", "info", WORKLOAD)]
    assert answers(ID, healthy(pods=DENIED)) == [("unknown", "info", "Cluster prod")]
