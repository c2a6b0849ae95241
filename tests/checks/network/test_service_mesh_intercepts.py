from dataclasses import replace

from checks.builder import NO_PODS, healthy, pod
from checks.containers import container, running
from checks.grid import WORKLOAD, answers
from harness import table
from podid.domain.cluster import Container

ID = "service-mesh-intercepts"
FAILS = healthy(pods=(pod(containers=(*pod().containers, Container(name="istio-proxy", image="i"))),))
UNKNOWN = NO_PODS
FINDINGS = [("fail", "warn", "Deployment shop/orders")]
UNKNOWNS = [("unknown", "error", "Cluster prod")]
OUT = "traffic.sidecar.istio.io/excludeOutboundIPRanges"


@table(
    ("sidecar", "annotations", "outcome"),
    [
        ("istio-proxy", {}, "fail"),
        ("istio-proxy", {OUT: "169.254.170.23/32"}, "pass"),
        ("istio-proxy", {OUT: "10.0.0.0/8, 169.254.0.0/16"}, "pass"),
        ("istio-proxy", {OUT: "169.254.169.254/32"}, "fail"),
        ("istio-proxy", {"traffic.sidecar.istio.io/excludeOutboundPorts": "3306,80"}, "pass"),
        ("istio-proxy", {"traffic.sidecar.istio.io/includeOutboundIPRanges": "10.100.0.0/16"}, "pass"),
        ("istio-proxy", {"traffic.sidecar.istio.io/includeOutboundIPRanges": "*"}, "fail"),
        ("istio-proxy", {"traffic.sidecar.istio.io/includeOutboundIPRanges": ""}, "pass"),
        ("linkerd-proxy", {}, "fail"),
        ("linkerd-proxy", {"config.linkerd.io/skip-outbound-ports": "25,79-90"}, "pass"),
        ("linkerd-proxy", {"config.linkerd.io/skip-subnets": "169.254.170.23/32"}, "pass"),
        ("envoy", {}, "pass"),
    ],
)
def test_sidecars_and_their_exceptions(sidecar: str, annotations: dict[str, str], outcome: str) -> None:
    rows = answers(ID, running(container(), container(sidecar), **annotations))
    assert rows == [(outcome, "warn" if outcome == "fail" else "error", WORKLOAD)]


def test_the_proxy_of_a_gateway_is_not_intercepted() -> None:
    assert answers(ID, running(container("istio-proxy"))) == [("pass", "error", WORKLOAD)]
    native = (container(), replace(container("istio-proxy"), init=True))
    assert answers(ID, running(*native)) == [("fail", "warn", WORKLOAD)]
