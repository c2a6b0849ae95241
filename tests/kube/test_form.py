"""The form of an answer by the path of its request. tests/hostile/test_one_gate_kubernetes.py calls every operation."""

from contextlib import nullcontext

import pytest

from harness import table
from kube.kube_server import RECORDED
from podid.domain.foreign import Malformed, Object
from podid.kube.form import check_form

KIND, NAME, FAILED = (
    "its kind is not the requested one",
    "its name is not the requested one",
    "its status is not Success",
)
SHOP = "/api/v1/namespaces/shop"
ORDERS = f"{SHOP}/serviceaccounts/orders"


def an(kind: str, version: str = "v1", name: str = "", **members: object) -> Object:
    return {"kind": kind, "apiVersion": version, "metadata": {"name": name}, **members}


@table(
    ("method", "path", "answer", "problem"),
    [
        ("GET", "/version", {"gitVersion": "v1.36.0"}, ""),
        ("GET", "/apis", an("APIGroupList"), ""),
        ("GET", "/apis", {"groups": []}, KIND),
        ("GET", "/api/v1/pods", an("PodList"), ""),
        ("GET", "/api/v1/pods", {"items": []}, KIND),
        ("GET", "/api/v1/pods", an("NodeList"), KIND),
        ("GET", "/api/v1/pods", an("PodList", "v2"), KIND),
        ("GET", "/api/v1/pods", an("Pod"), KIND),
        ("GET", "/api/v1/pods", an("Status", status="Success"), KIND),
        ("GET", "/api/v1/namespaces", an("PartialObjectMetadataList", "meta.k8s.io/v1"), ""),
        ("GET", f"{SHOP}/pods", an("PodList"), ""),
        ("GET", "/apis/networking.k8s.io/v1/networkpolicies", an("NetworkPolicyList", "networking.k8s.io/v1"), ""),
        ("GET", "/apis/karpenter.k8s.aws/v1/ec2nodeclasses", an("EC2NodeClassList", "karpenter.k8s.aws/v1"), ""),
        ("GET", "/apis/cert-manager.io/v1/clusterissuers", an("ClusterIssuerList", "cert-manager.io/v1"), ""),
        ("GET", ORDERS, an("ServiceAccount", name="orders"), ""),
        ("GET", ORDERS, an("ServiceAccount", name="cart"), NAME),
        ("GET", ORDERS, an("ServiceAccountList"), KIND),
        ("GET", ORDERS, an("Status", status="Success"), KIND),
        ("PATCH", ORDERS, an("ServiceAccount", name="orders"), ""),
        ("POST", f"{ORDERS}/token", an("TokenRequest", "authentication.k8s.io/v1"), ""),
        ("POST", f"{ORDERS}/token", an("ServiceAccount", name="orders"), KIND),
        ("POST", f"{SHOP}/pods/a/eviction", an("Status", status="Success"), ""),
        ("POST", f"{SHOP}/pods/a/eviction", an("Status", status="Failure"), FAILED),
        ("POST", f"{SHOP}/pods/a/eviction", {}, KIND),
        ("POST", f"{SHOP}/serviceaccounts", an("ServiceAccount", name="sent"), ""),
        ("POST", f"{SHOP}/serviceaccounts", an("ServiceAccount", name="cart"), NAME),
        ("DELETE", ORDERS, an("Status", status="Success"), ""),
        ("DELETE", ORDERS, an("ServiceAccount", name="orders"), ""),
        ("DELETE", ORDERS, an("ServiceAccount", name="cart"), NAME),
        ("DELETE", ORDERS, an("Status", status="Failure"), FAILED),
        ("DELETE", ORDERS, {}, KIND),
    ],
)
def test_form(method: str, path: str, answer: Object, problem: str) -> None:
    with pytest.raises(Malformed, match=f"^{problem}$") if problem else nullcontext():
        check_form(answer, method, path, {"metadata": {"name": "sent"}} if method == "POST" else {})


def test_the_name_of_an_object_that_the_api_server_names_is_not_known() -> None:
    check_form(an("Pod", name="podid-probe-x7k2p"), "POST", f"{SHOP}/pods", {"metadata": {"generateName": "podid-"}})


def test_recorded_answers_of_an_api_server_have_the_form() -> None:
    checked = set()
    for record in RECORDED.values():
        if record["status"] < 300 and isinstance(record["body"], dict):
            checked.add(record["body"]["kind"])
            path = record["path"].partition("?")[0]
            check_form(record["body"], record["method"], path, {})
    assert {"ServiceAccountList", "PartialObjectMetadataList", "TokenRequest", "Deployment"} <= checked
