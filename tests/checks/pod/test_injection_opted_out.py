from checks.builder import INJECTED, NO_PODS, healthy, pod
from checks.grid import answers
from harness import table
from podid.domain.cluster import Container, Pod

ID = "injection-opted-out"
FAILS = healthy(pods=(pod(annotations={"eks.amazonaws.com/skip-containers": "app"}),))
UNKNOWN = NO_PODS
FINDINGS = [("fail", "info", "Deployment shop/orders")]
UNKNOWNS = [("unknown", "info", "Cluster prod")]
PROXY = Container(name="proxy", image="x", env=INJECTED)
SKIP = "eks.amazonaws.com/skip-containers"


@table(
    ("one", "expected"),
    [
        (pod(annotations={SKIP: "app"}), "fail"),
        (pod(annotations={SKIP: "app, istio-proxy"}), "fail"),
        (pod(containers=(*pod().containers, PROXY), annotations={SKIP: "proxy"}), "fail"),
        (pod(labels={"eks.amazonaws.com/skip-pod-identity-webhook": "true"}), "fail"),
        # no container has these names
        (pod(annotations={SKIP: "istio-proxy"}), "pass"),
        (pod(annotations={SKIP: ""}), "pass"),
    ],
)
def test_pods_that_opt_out(one: Pod, expected: str) -> None:
    assert [a[:2] for a in answers(ID, healthy(pods=(one,)))] == [(expected, "info")]
