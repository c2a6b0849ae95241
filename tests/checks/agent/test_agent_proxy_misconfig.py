from typing import Any

from checks.builder import DENIED, daemon_set, healthy
from checks.grid import answers
from harness import table
from podid.domain.network import NOT_SEEN

ID = "agent-proxy-misconfig"
FAILS = healthy(daemon_sets=(daemon_set(env={"HTTP_PROXY": ""}),))
UNKNOWN = healthy(daemon_sets=DENIED)
PASSES = healthy(daemon_sets=(daemon_set(env={"HTTPS_PROXY": ""}),))
FINDINGS = [("fail", "warn", "DaemonSet kube-system/eks-pod-identity-agent")]
UNKNOWNS = [("unknown", "error", "Cluster prod")]
PROXY = {"HTTP_PROXY": "", "HTTPS_PROXY": ""}


@table(
    ("changes", "expected"),
    [
        ({}, "not-applicable"),
        ({"env": {"HTTPS_PROXY": ""}}, "pass"),
        ({"env": {"http_proxy": ""}}, "fail"),
        ({"env": PROXY}, "fail"),
        ({"env": {**PROXY, "NO_PROXY": "169.254.170.23"}}, "fail"),
        ({"env": {**PROXY, "NO_PROXY": "169.254.170.23,169.254.169.254"}}, "pass"),
        ({"env": {**PROXY, "no_proxy": "169.254.0.0/16"}}, "pass"),
        ({"env": {**PROXY, "NO_PROXY": NOT_SEEN}}, "not-applicable"),
        ({"env": {**PROXY, "NO_PROXY": "*"}}, "pass"),
        (
            {"env": {"HTTPS_PROXY": ""}, "images": ("r.example/eks-pod-identity-agent:v0.1.35",)},
            "fail",
        ),
        ({"images": ("r.example/eks-pod-identity-agent:v0.1.35",)}, "not-applicable"),
    ],
)
def test_proxies_of_the_agent(changes: dict[str, Any], expected: str) -> None:
    (answer,) = answers(ID, healthy(daemon_sets=(daemon_set(**changes),)))
    assert answer[:2] == (expected, "warn" if expected == "fail" else "error")
