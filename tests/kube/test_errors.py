"""Every refusal that a real API server gave, as the error that podid makes of it."""

import json
import random

import pytest
import urllib3.exceptions

from harness import table
from podid.calls.deadline import Overdue
from podid.domain.errors import PodidError
from podid.domain.refusals import ErrorRule, closest
from podid.kube import errors
from podid.kube.errors import ANSWERS, NETWORK, Where, of_response
from rule_tables import instances, ties

from .kube_server import RECORDED

WHERE = Where(host="https://demo.example", cluster="demo", region="us-west-2")
SERVER = "the API server of cluster demo"

EXPECTED = {
    "create sa dup": ("AlreadyExists", "service account gold/a already exists"),
    "create sa in missing namespace": ("NotFound", "namespace gold does not exist"),
    "get missing namespace": ("NotFound", "namespace gold does not exist"),
    "get missing sa": ("NotFound", "service account gold/zz does not exist"),
    "mutatingwebhookconfiguration get missing": ("NotFound", "MutatingWebhookConfiguration nope does not exist"),
    "TokenRequest bound to a missing pod": ("NotFound", "pod gold2/nope does not exist"),
    "pod with missing sa": ("NotFound", "service account gold/nosuch does not exist"),
    "unknown group": ("NotServed", f"{SERVER} does not serve /apis/nope.io/v1/things"),
    "unknown resource": ("NotServed", f"{SERVER} does not serve /api/v1/namespaces/gold/widgets"),
    "unauthorized bad token": ("Credentials", f"{SERVER} does not recognize the caller (401 Unauthorized)"),
    "anonymous forbidden": ("Credentials", f"{SERVER} does not recognize the caller (401 Unauthorized)"),
    "forbidden list sa": ("AccessDenied", "the caller is not authorized to list serviceaccounts in namespace gold"),
    "forbidden get sa": ("AccessDenied", "the caller is not authorized to get serviceaccounts in namespace gold"),
    "forbidden list pods all ns": ("AccessDenied", "the caller is not authorized to list pods (cluster-wide)"),
    "forbidden patch ds": (
        "AccessDenied",
        "the caller is not authorized to patch daemonsets.apps in namespace kube-system",
    ),
    "pod create refused by Pod Security": (
        "Rejected",
        'an admission policy of the cluster rejected pod gold2/p4: pods "p4" is forbidden: violates PodSecurity '
        '"baseline:latest": host namespaces (hostNetwork=true)',
    ),
    "create sa in terminating ns": (
        "Conflict",
        'the namespace of service account gold/late is being deleted: serviceaccounts "late" is forbidden: unable to '
        "create new content in namespace gold because it is being terminated",
    ),
    "TokenRequest bound to a pod of another service account": (
        "Rejected",
        f"{SERVER} refused to create service account gold2/default: cannot bind token for serviceaccount "
        '"default" to pod running with different serviceaccount name.',
    ),
    "list continue garbage": (
        "NotServed",
        f"{SERVER} refused to read serviceaccounts in namespace gold: invalid continue token: continue key is "
        "not valid: invalid character '\\u0081' looking for beginning of value",
    ),
    "eviction refused by the budget": (
        "BudgetHolds",
        "a disruption budget prevents the eviction of pod gold2/web-556f8c7854-5sssj: The disruption budget web needs "
        "2 healthy pods and has 2 currently",
    ),
    "pod log without kubelet": (
        "Unavailable",
        f'{SERVER} failed with 500: Get "https://ip-10-0-0-12.us-west-2.compute.internal:10250/containerLogs/'
        'gold2/p1/c": dial tcp: lookup ip-10-0-0-12.us-west-2.compute.internal on 10.255.255.53:53: no such host',
    ),
    "put stale resourceVersion": (
        "Conflict",
        "service account gold/a was changed by another client at the same time: Operation cannot be fulfilled on "
        'serviceaccounts "a": the object has been modified; please apply your changes to the latest version and try '
        "again",
    ),
}


def translate(label: str) -> PodidError:
    entry = RECORDED[label]
    body = entry["body"] if isinstance(entry["body"], str) else json.dumps(entry["body"])
    path = entry["path"].split("?")[0]
    return of_response(entry["status"], body.encode(), method=entry["method"], path=path, where=WHERE)


@table("label", EXPECTED)
def test_sentence_of_a_recorded_refusal(label: str) -> None:
    error = translate(label)
    assert (error.code, error.message) == EXPECTED[label]


@table("label", [label for label, entry in RECORDED.items() if entry["status"] == 422])
def test_every_invalid_object_is_rejected_with_the_servers_reason(label: str) -> None:
    error = translate(label)
    assert (error.code, getattr(error, "service_code", "")) == ("Rejected", "Invalid")
    assert error.message.endswith(RECORDED[label]["body"]["message"])


def test_a_missing_permission_can_be_asked_for_with_kubectl() -> None:
    # without --all-namespaces, kubectl asks about the context's namespace
    everywhere = ("kubectl", "auth", "can-i", "list", "pods", "--all-namespaces")
    assert translate("forbidden list pods all ns").hint == everywhere
    assert translate("forbidden patch ds").hint == (
        *("kubectl", "auth", "can-i", "patch", "daemonsets.apps"),
        *("-n", "kube-system"),
    )
    assert translate("forbidden list sa").permission == "list serviceaccounts in namespace gold"


def test_a_missing_permission_to_a_subresource() -> None:
    text = (
        'serviceaccounts "orders" is forbidden: User "u" cannot create resource "serviceaccounts/token" in API group '
        '"" in the namespace "shop"'
    )
    body = json.dumps({"kind": "Status", "message": text, "reason": "Forbidden"})
    path = "/api/v1/namespaces/shop/serviceaccounts/orders/token"
    error = of_response(403, body.encode(), method="POST", path=path, where=WHERE)
    assert error.permission == "create serviceaccounts/token in namespace shop"
    assert error.hint == (
        *("kubectl", "auth", "can-i", "create", "serviceaccounts"),
        *("--subresource", "token", "-n", "shop"),
    )


def test_a_missing_service_account_comes_with_the_command_that_makes_it() -> None:
    error = translate("pod with missing sa")
    assert error.hint == ("kubectl", "create", "serviceaccount", "nosuch", "-n", "gold")
    assert error.subject == "gold/nosuch"


def test_unauthorized_points_at_access_entries() -> None:
    assert translate("unauthorized bad token").hint == (
        *("aws", "eks", "list-access-entries", "--cluster-name", "demo"),
        *("--region", "us-west-2"),
    )


def test_a_403_that_kubernetes_did_not_write() -> None:
    error = of_response(403, b"<html>no</html>", method="GET", path="/api/v1/nodes", where=WHERE)
    assert (error.code, error.message) == (
        "AccessDenied",
        f"the request for /api/v1/nodes was refused before it reached {SERVER} (HTTP 403, not a response of "
        "Kubernetes)",
    )


@pytest.mark.parametrize(
    ("path", "subject", "text"),
    [
        ("/apis", "/apis", 'forbidden: User "jane" cannot get path "/apis"'),
        ("/api/v1/nodes", "nodes", 'nodes is forbidden: node "n" cannot read it'),
    ],
)
def test_a_read_is_refused_by_an_authorizer_and_not_by_admission(path: str, subject: str, text: str) -> None:
    body = json.dumps({"kind": "Status", "message": text, "reason": "Forbidden", "details": {}, "code": 403})
    error = of_response(403, body.encode(), method="GET", path=path, where=WHERE)
    assert (error.code, error.message) == (
        "AccessDenied",
        f"the caller is not authorized to read {subject}: {text}",
    )


ADMISSION = "an admission policy of the cluster rejected"
QUOTA = "a quota of the namespace rejected"
POLICY = "ValidatingAdmissionPolicy 'freeze' with binding 'freeze' denied request:"
CALL = 'failed calling webhook "a.example": failed to call webhook: Post "https://a.shop.svc:443/x": EOF'

# status, reason and message of a kube-apiserver 1.36 -> class and first words. A webhook chooses the status (400 by
# default), and a ValidatingAdmissionPolicy the reason (Invalid by default)
REFUSED_BY_ADMISSION = [
    (403, "Forbidden", 'admission webhook "validate.kyverno.svc" denied the request: no', "Rejected", ADMISSION),
    (400, "", 'admission webhook "validate.kyverno.svc" denied the request without explanation', "Rejected", ADMISSION),
    (422, "Invalid", f'deployments.apps "vault" is forbidden: {POLICY} not today', "Rejected", ADMISSION),
    (403, "Forbidden", f'deployments.apps "vault" is forbidden: {POLICY} not today', "Rejected", ADMISSION),
    (403, "Forbidden", 'pods "x" is forbidden: exceeded quota: pods, requested: pods=1', "Rejected", QUOTA),
    (403, "Forbidden", 'pods "x" is forbidden: failed quota: q: must specify limits.cpu for: app', "Rejected", QUOTA),
    (403, "Forbidden", 'pods "x" is forbidden: status unknown for quota: q, resources: pods', "Rejected", QUOTA),
    (500, "InternalError", f"Internal error occurred: {CALL}", "WebhookFailed", "a webhook of the cluster failed for"),
]


@table(("status", "reason", "message", "code", "words"), REFUSED_BY_ADMISSION)
def test_admission_names_the_cause_of_a_refusal(status: int, reason: str, message: str, code: str, words: str) -> None:
    body = json.dumps({"kind": "Status", "status": "Failure", "message": message, "reason": reason, "code": status})
    error = of_response(status, body.encode(), method="POST", path="/api/v1/namespaces/shop/pods", where=WHERE)
    assert (error.code, error.message) == (code, f"{words} pods in namespace shop: {message}")
    if code == "Rejected":
        assert getattr(error, "service_code", "") == "AdmissionDenied"


# --- the rules as a table ---------------------------------------------------------------------------------------------


def shown(error: PodidError) -> tuple[object, ...]:
    return type(error), error.message, error.hint, error.advice, error.subject, error.permission


@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_the_rules_does_not_matter(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = [shown(translate(label)) for label in EXPECTED]
    monkeypatch.setattr(errors, "ANSWERS", tuple(random.Random(seed).sample(ANSWERS, len(ANSWERS))))
    assert [shown(translate(label)) for label in EXPECTED] == expected


@pytest.mark.parametrize("rules", [ANSWERS, NETWORK], ids=["answers", "network"])
def test_no_two_rules_fit_equally_well_and_each_is_reached(rules: tuple[ErrorRule, ...]) -> None:
    assert ties(rules) == []
    for rule in rules:
        assert all(closest(rules, refusal) is rule for refusal in instances(rule, status=400))
        assert all(fragment == fragment.lower() for fragment in rule.fragments)


def test_the_rules_of_the_network_name_classes_that_exist() -> None:
    for name in {code for rule in NETWORK for code in rule.codes}:
        assert hasattr(urllib3.exceptions, name) or name == Overdue.__name__, name
