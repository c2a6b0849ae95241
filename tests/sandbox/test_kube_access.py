"""Tokens, rights, lists and watches, and an unmodified client over TLS."""

import base64
import importlib
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import botocore.session
import pytest
import urllib3
from botocore.model import ServiceId
from botocore.signers import RequestSigner

from podid.sandbox.contract import TokenRefused
from podid.sandbox.faults import Fault
from podid.sandbox.http import HttpRequest
from podid.sandbox.kube import KubeSandbox, kinds
from sandbox.kube_support import Cluster, Obj, names, pod
from sandbox.memory_world import MemoryWorld

# the client's models are typed with every field optional, which says nothing about these tests
client: Any = importlib.import_module("kubernetes.client")
config: Any = importlib.import_module("kubernetes.config")
watch: Any = importlib.import_module("kubernetes.watch")

ACCOUNTS = "/api/v1/namespaces/shop/serviceaccounts"
AUDIENCE = "pods.eks.amazonaws.com"
ARN = "arn:aws:iam::111122223333:role/admin"


def bound_token(cluster: Cluster, name: str) -> str:
    reference = {"kind": "Pod", "apiVersion": "v1", "name": name}
    spec = {"audiences": [AUDIENCE], "expirationSeconds": 600, "boundObjectRef": reference}
    return str(cluster.post(f"{ACCOUNTS}/orders/token", {"spec": spec})["status"]["token"])


def decoded(part: str) -> Obj:
    found: Obj = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return found


def refused(cluster: Cluster, token: str, audience: str = AUDIENCE) -> str:
    with pytest.raises(TokenRefused) as caught:
        cluster.sandbox.review_token(token, audience)
    return caught.value.service_code


def test_a_bound_token_carries_the_claims_of_kubernetes(cluster: Cluster) -> None:
    owner = cluster.items("/api/v1/namespaces/shop/pods")[0]
    account, node = cluster.get(f"{ACCOUNTS}/orders"), cluster.get(f"/api/v1/nodes/{owner['spec']['nodeName']}")
    head, body, _ = bound_token(cluster, owner["metadata"]["name"]).split(".")
    now = int(cluster.clock())
    claims = decoded(body)
    assert decoded(head)["alg"] == "RS256"
    assert claims.pop("jti")
    assert claims == {
        "aud": [AUDIENCE],
        "exp": now + 600,
        "iat": now,
        "nbf": now,
        "iss": f"https://oidc.eks.us-west-2.amazonaws.com/id/{'0' * 32}",
        "sub": "system:serviceaccount:shop:orders",
        "kubernetes.io": {
            "namespace": "shop",
            "node": {"name": node["metadata"]["name"], "uid": node["metadata"]["uid"]},
            "pod": {"name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"]},
            "serviceaccount": {"name": "orders", "uid": account["metadata"]["uid"]},
        },
    }


def test_review_accepts_a_good_token_and_says_whose_it_is(cluster: Cluster) -> None:
    owner = cluster.items("/api/v1/namespaces/shop/pods")[0]["metadata"]
    claims = cluster.sandbox.review_token(bound_token(cluster, owner["name"]), AUDIENCE)
    found = (claims.namespace, claims.service_account, claims.pod, claims.pod_uid)
    assert found == ("shop", "orders", owner["name"], owner["uid"])


def test_review_refuses_what_is_wrong_old_or_orphaned(cluster: Cluster) -> None:
    name = cluster.items("/api/v1/namespaces/shop/pods")[0]["metadata"]["name"]
    token = bound_token(cluster, name)
    head, body, signature = token.split(".")
    forged = base64.urlsafe_b64encode(json.dumps({**decoded(body), "sub": "x"}).encode()).rstrip(b"=").decode()
    assert refused(cluster, token, "sts.amazonaws.com") == "InvalidTokenException"
    assert refused(cluster, f"{head}.{forged}.{signature}") == "InvalidTokenException"
    assert refused(cluster, "not a token") == "InvalidTokenException"
    other = Cluster()
    other.sandbox.load_baseline()
    other.wait(5)
    assert refused(other, token) == "InvalidTokenException"
    cluster.wait(601)
    assert refused(cluster, token) == "ExpiredTokenException"
    fresh = bound_token(cluster, name)
    cluster.call("DELETE", f"/api/v1/namespaces/shop/pods/{name}?gracePeriodSeconds=0")
    assert refused(cluster, fresh) == "InvalidTokenException"


def test_a_service_account_token_authenticates(cluster: Cluster) -> None:
    token = cluster.post(f"{ACCOUNTS}/orders/token", {"spec": {}})["status"]["token"]
    review = cluster.post("/apis/authentication.k8s.io/v1/selfsubjectreviews", {}, token=token)
    assert review["status"]["userInfo"]["username"] == "system:serviceaccount:shop:orders"
    assert cluster.call("GET", "/api/v1/nodes", token=token)[0] == 403


def test_permissions_can_be_taken_away_one_by_one(cluster: Cluster) -> None:
    cluster.sandbox.deny("kubernetes-admin", "get", "pods/log")
    cluster.sandbox.deny("kubernetes-admin", "list", "daemonsets.apps")
    name = cluster.items("/api/v1/namespaces/shop/pods")[0]["metadata"]["name"]
    status, body = cluster.call("GET", f"/api/v1/namespaces/shop/pods/{name}/log")
    assert (status, body["message"]) == (
        403,
        f'pods "{name}" is forbidden: User "kubernetes-admin" cannot get resource "pods/log" in API group "" '
        'in the namespace "shop"',
    )
    assert cluster.call("GET", "/apis/apps/v1/daemonsets")[0] == 403
    assert cluster.call("GET", "/apis/apps/v1/deployments")[0] == 200
    cluster.sandbox.allow_again("kubernetes-admin")
    assert cluster.call("GET", "/apis/apps/v1/daemonsets")[0] == 200


def test_roles_and_bindings_in_the_store_decide(cluster: Cluster) -> None:
    cluster.sandbox.add_user("t", "jo", groups=("team",))
    assert cluster.call("GET", ACCOUNTS, token="t")[0] == 403
    rbac = "/apis/rbac.authorization.k8s.io/v1"
    rules = [{"apiGroups": [""], "resources": ["serviceaccounts"], "verbs": ["list", "get"], "resourceNames": []}]
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"}
    subjects = [{"kind": "Group", "name": "team"}]
    cluster.post(f"{rbac}/namespaces/shop/roles", {"metadata": {"name": "reader"}, "rules": rules})
    binding = {"metadata": {"name": "reader"}, "roleRef": reference, "subjects": subjects}
    cluster.post(f"{rbac}/namespaces/shop/rolebindings", binding)
    assert cluster.call("GET", ACCOUNTS, token="t")[0] == 200
    assert cluster.call("DELETE", f"{ACCOUNTS}/orders", token="t")[0] == 403
    assert cluster.call("GET", "/api/v1/serviceaccounts", token="t")[0] == 403
    attributes = {"verb": "get", "resource": "serviceaccounts", "namespace": "shop"}
    asked = {"spec": {"resourceAttributes": attributes}}
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    assert cluster.post(path, asked, token="t")["status"] == {"allowed": True}


def eks_token(cluster_name: str, *, secret: str = "secret") -> str:
    session = botocore.session.Session()
    credentials = botocore.credentials.Credentials("AKIAEXAMPLE", secret)
    signer = RequestSigner(
        ServiceId("sts"), "us-west-2", "sts", "v4", credentials, session.get_component("event_emitter")
    )
    request = {
        "method": "GET",
        "url": "https://sts.us-west-2.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15",
        "body": {},
        "headers": {"x-k8s-aws-id": cluster_name},
        "context": {},
    }
    url = signer.generate_presigned_url(request, region_name="us-west-2", expires_in=60, operation_name="")
    return "k8s-aws-v1." + base64.urlsafe_b64encode(url.encode()).decode().rstrip("=")


def whoami(sandbox: KubeSandbox, token: str) -> tuple[int, str]:
    path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
    answer = sandbox.handle(HttpRequest("POST", path, {"authorization": f"Bearer {token}"}, b"{}"))
    assert isinstance(answer.body, dict)
    return answer.status, answer.body.get("status", {}).get("userInfo", {}).get(
        "username", ""
    ) if answer.status < 400 else ""


def test_bearer_tokens_of_eks() -> None:
    skipped = [0.0]
    sandbox = KubeSandbox(
        MemoryWorld(),
        clock=lambda: time.time() + skipped[0],
        identify={"AKIAEXAMPLE": (ARN, "secret")}.get,
    )
    token = eks_token("demo")
    assert whoami(sandbox, token) == (201, ARN)
    assert whoami(sandbox, eks_token("other")) == (401, "")
    assert whoami(sandbox, eks_token("demo", secret="wrong")) == (401, "")
    assert whoami(sandbox, "k8s-aws-v1.bm90aGluZw") == (401, "")
    sandbox.set_principal(ARN, None)
    assert whoami(sandbox, token) == (401, "")
    sandbox.set_principal(ARN, ())
    assert whoami(sandbox, token) == (201, ARN)
    skipped[0] = 901
    assert whoami(sandbox, token) == (401, "")


def test_pages_put_together_are_the_whole_list(cluster: Cluster) -> None:
    for number in range(23):
        cluster.sandbox.create(kinds.CONFIG_MAPS, {"metadata": {"name": f"m{number}", "namespace": "shop"}})
    cluster.post("/api/v1/namespaces", {"metadata": {"name": "shop-2"}})
    whole = [(e["metadata"]["namespace"], e["metadata"]["name"]) for e in cluster.items("/api/v1/configmaps")]
    paged, token = [], ""
    while True:
        page = cluster.get(f"/api/v1/configmaps?limit=7&continue={token}")
        paged += [(entry["metadata"]["namespace"], entry["metadata"]["name"]) for entry in page["items"]]
        token = page["metadata"].get("continue", "")
        if not token:
            break
    assert paged == whole
    assert len(whole) == len(set(whole)) == 31
    cluster.sandbox.faults.expire_continue_tokens = True
    token = cluster.get("/api/v1/configmaps?limit=7")["metadata"]["continue"]
    status, body = cluster.call("GET", f"/api/v1/configmaps?limit=7&continue={token}")
    assert (status, body["reason"]) == (410, "Expired")
    status, body = cluster.call("GET", "/api/v1/configmaps?limit=abc")
    assert (status, body["message"]) == (400, 'strconv.ParseInt: parsing "abc": invalid syntax')
    assert len(cluster.items("/api/v1/configmaps?limit=-1")) == 31


def test_a_list_of_no_object_has_no_items_and_one_of_no_metadata_has_null(cluster: Cluster) -> None:
    """apiserver, asPartialObjectMetadataList: a slice that nothing was appended to."""
    path = "/api/v1/serviceaccounts?labelSelector=tier%3Dnosuch"
    headers = {"authorization": f"Bearer {cluster.sandbox.admin_token}"}
    for kind, nothing in (("Table", None), ("PartialObjectMetadataList", None)):
        accept = f"application/json;as={kind};g=meta.k8s.io;v=v1,application/json"
        answer = cluster.sandbox.handle(HttpRequest("GET", path, {**headers, "accept": accept}))
        assert isinstance(answer.body, dict)
        assert (answer.body["kind"], answer.body.get("items")) == (kind, nothing)
        assert answer.body.get("rows", []) == []
    assert cluster.get(path)["items"] == []


def test_a_watch_shows_what_moves_through_its_selector(cluster: Cluster) -> None:
    since = cluster.get(ACCOUNTS)["metadata"]["resourceVersion"]
    cluster.post(ACCOUNTS, {"metadata": {"name": "a", "labels": {"l": "x"}}})
    cluster.post(ACCOUNTS, {"metadata": {"name": "b"}})
    cluster.patch(f"{ACCOUNTS}/b", {"metadata": {"labels": {"l": "x"}}})
    cluster.patch(f"{ACCOUNTS}/a", {"metadata": {"labels": {"l": "y"}}})
    cluster.call("DELETE", f"{ACCOUNTS}/b")
    path = f"{ACCOUNTS}?watch=true&resourceVersion={since}&labelSelector=l%3Dx&timeoutSeconds=0.1"
    _, events = cluster.call("GET", path)
    assert [(event["type"], event["object"]["metadata"]["name"]) for event in events] == [
        ("ADDED", "a"),
        ("ADDED", "b"),
        ("DELETED", "a"),
        ("DELETED", "b"),
    ]


@pytest.fixture
def served() -> Iterator[KubeSandbox]:
    with KubeSandbox(MemoryWorld(associations={("shop", "orders")})) as sandbox:
        sandbox.load_baseline()
        yield sandbox


def connect(sandbox: KubeSandbox) -> Any:
    return config.new_client_from_config_dict(sandbox.kubeconfig(sandbox.admin_token))


def test_an_unmodified_client_lists_reads_creates_patches_and_watches(served: KubeSandbox) -> None:
    api = connect(served)
    core, apps = client.CoreV1Api(api), client.AppsV1Api(api)
    assert [node.metadata.name for node in core.list_node(limit=500).items] == names(served.all(kinds.NODES))
    account = client.V1ServiceAccount(metadata=client.V1ObjectMeta(name="extra"))
    assert core.create_namespaced_service_account("shop", account).metadata.uid
    made = core.create_namespaced_pod("shop", pod(), dry_run="All")
    assert "AWS_CONTAINER_CREDENTIALS_FULL_URI" in [entry.name for entry in made.spec.containers[0].env]
    before = apps.read_namespaced_deployment("orders", "shop").metadata.generation
    annotations = {"kubectl.kubernetes.io/restartedAt": datetime.now(UTC).isoformat()}
    apps.patch_namespaced_deployment(
        "orders", "shop", {"spec": {"template": {"metadata": {"annotations": annotations}}}}
    )
    rolled_out = False
    for event in watch.Watch().stream(apps.list_namespaced_deployment, "shop", timeout_seconds=10):
        status = event["object"].status
        if status.observed_generation == before + 1 and status.updated_replicas == status.replicas == 2:
            rolled_out = True
            break
    assert rolled_out
    token = core.create_namespaced_service_account_token("orders", "shop", {"spec": {"audiences": [AUDIENCE]}})
    assert served.review_token(token.status.token, AUDIENCE).service_account == "orders"
    with pytest.raises(client.ApiException) as caught:
        core.read_namespaced_service_account("none", "shop")
    assert caught.value.status == 404


def test_the_certificate_authority_is_checked(served: KubeSandbox) -> None:
    with KubeSandbox(MemoryWorld()) as other:
        wrong = served.kubeconfig(served.admin_token)
        wrong["clusters"][0]["cluster"]["server"] = other.endpoint
        api = config.new_client_from_config_dict(wrong)
        api.rest_client.pool_manager.connection_pool_kw["retries"] = False
        with pytest.raises(client.ApiException, match="CERTIFICATE_VERIFY_FAILED"):
            client.VersionApi(api).get_code()


def test_faults_of_the_wire(served: KubeSandbox) -> None:
    api = connect(served)
    api.rest_client.pool_manager.connection_pool_kw["retries"] = False
    core = client.CoreV1Api(api)
    served.faults.add(Fault("fail", operation="*/nodes*", status=503, retry_after=1, times=1))
    with pytest.raises(client.ApiException) as caught:
        core.list_node()
    assert (caught.value.status, caught.value.headers["Retry-After"]) == (503, "1")
    served.faults.add(Fault("reset", operation="*/nodes*", times=1))
    with pytest.raises(urllib3.exceptions.ProtocolError):
        core.list_node()
    served.faults.add(Fault("lose-answer", operation="POST *serviceaccounts*", times=1))
    with pytest.raises(urllib3.exceptions.ProtocolError):
        core.create_namespaced_service_account("shop", {"metadata": {"name": "lost"}})
    assert core.read_namespaced_service_account("lost", "shop").metadata.name == "lost"
    served.faults.add(Fault("latency", operation="*/nodes*", seconds=0.2, times=1))
    began = time.monotonic()
    assert len(core.list_node().items) == 3
    assert time.monotonic() - began >= 0.2


def test_a_request_on_a_kept_connection_takes_little_time(served: KubeSandbox) -> None:
    core = client.CoreV1Api(connect(served))
    core.list_node()
    times = []
    for _ in range(20):
        began = time.monotonic()
        core.read_namespaced_service_account("orders", "shop")
        times.append(time.monotonic() - began)
    # Nagle and delayed acknowledgements together would make it 44 ms for each; a busy machine slows only some
    assert min(times) < 0.03


def test_the_openapi_document_leaves_field_validation_to_the_server(cluster: Cluster) -> None:
    index = cluster.get("/openapi/v3")["paths"]
    document = cluster.get(index["apis/apps/v1"]["serverRelativeURL"])
    operation = document["paths"]["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"]["patch"]
    assert operation["x-kubernetes-group-version-kind"] == {"group": "apps", "kind": "Deployment", "version": "v1"}
    assert [entry["name"] for entry in operation["parameters"]] == ["dryRun", "fieldValidation"]
    wrong = pod(containers=[{"name": "c", "image": "pause", "imagee": "x"}])
    status, body = cluster.call("POST", "/api/v1/namespaces/shop/pods?fieldValidation=Strict", wrong)
    assert (status, body["message"]) == (
        400,
        'Pod in version "v1" cannot be handled as a Pod: strict decoding error: '
        'unknown field "spec.containers[0].imagee"',
    )
