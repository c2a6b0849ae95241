"""The API server without its sockets: turns requests into responses, and serves the discovery documents."""

from collections.abc import Iterable

from podid.sandbox.faults import Fault
from podid.sandbox.http import HttpRequest
from podid.sandbox.kube import kinds
from podid.sandbox.kube.access import (
    Authenticator,
    Authorizer,
    User,
    impersonated,
    path_refusal,
    permissions_for,
    review,
)
from podid.sandbox.kube.bodies import KubeAnswer, check_acceptable, decoded
from podid.sandbox.kube.listing import watch
from podid.sandbox.kube.objects import Obj
from podid.sandbox.kube.resources import ApiTarget, ResourceApi, parse
from podid.sandbox.kube.simulation import Simulation
from podid.sandbox.kube.status import StatusError, method_not_allowed, no_such_resource
from podid.sandbox.kube.subresources import Subresources

GROUPS = (
    "apps",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "batch",
    "policy",
    "networking.k8s.io",
    "admissionregistration.k8s.io",
    "coordination.k8s.io",
    "storage.k8s.io",
    kinds.RBAC,
)

_SUBRESOURCES: dict[str, Obj] = {
    "scale": {"group": "autoscaling", "version": "v1", "kind": "Scale", "verbs": ["get", "patch", "update"]},
    "token": {"group": "authentication.k8s.io", "version": "v1", "kind": "TokenRequest", "verbs": ["create"]},
    "eviction": {"group": "policy", "version": "v1", "kind": "Eviction", "verbs": ["create"]},
    "log": {"verbs": ["get"]},
    "status": {"verbs": ["get", "patch", "update"]},
}
NOT_FOUND = "404 page not found\n"
_HEALTH = ("/readyz", "/healthz", "/livez")
_REASONS = {429: "TooManyRequests", 500: "InternalError", 503: "ServiceUnavailable", 504: "Timeout"}


def version_info(kubernetes: str) -> Obj:
    """Return `/version` of an EKS control plane. `kubernetes` is 1.35, or 1.36.2 with a patch version."""
    major, minor = kubernetes.split(".")[:2]
    patch = kubernetes.split(".")[2] if kubernetes.count(".") > 1 else "0"
    return {
        "major": major,
        "minor": minor,
        "emulationMajor": major,
        "emulationMinor": minor,
        "minCompatibilityMajor": major,
        "minCompatibilityMinor": str(int(minor) - 1),
        "gitVersion": f"v{major}.{minor}.{patch}-eks-sandbox",
        "gitCommit": "0000000000000000000000000000000000000000",
        "gitTreeState": "clean",
        "buildDate": "2026-01-01T00:00:00Z",
        "goVersion": "go1.25.0",
        "compiler": "gc",
        "platform": "linux/amd64",
    }


def api_versions(endpoint: str) -> Obj:
    return {
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": endpoint.removeprefix("https://")}],
    }


def version_of(group_name: str) -> str:
    """Return the one served version of a group."""
    return next((kind.version for kind in kinds.ALL if kind.group == group_name), "v1")


def group_document(name: str) -> Obj:
    served = {"groupVersion": f"{name}/{version_of(name)}", "version": version_of(name)}
    return {"name": name, "versions": [served], "preferredVersion": served}


def group_list(custom: Iterable[str]) -> Obj:
    """Return the list of API groups. `custom`: the installed groups of custom resources."""
    return {
        "kind": "APIGroupList",
        "apiVersion": "v1",
        "groups": [group_document(name) for name in (*GROUPS, *sorted(custom))],
    }


def resource_list(name: str) -> Obj:
    """Return the resources of `/api/v1` for the empty name, otherwise of `/apis/<name>/v1`."""
    resources: list[Obj] = []
    for kind in sorted((kind for kind in kinds.ALL if kind.group == name), key=lambda kind: kind.plural):
        entry: Obj = {
            "name": kind.plural,
            "singularName": kind.singular,
            "namespaced": kind.namespaced,
            "kind": kind.name,
            "verbs": list(kinds.ALL_VERBS),
        }
        if kind.short:
            entry["shortNames"] = list(kind.short)
        if kind.categories:
            entry["categories"] = list(kind.categories)
        entry["storageVersionHash"] = kind.storage_hash
        resources.append(entry)
        resources += [_subresource(kind, sub) for sub in kind.subresources]
    for (review_group, _, plural), review_kind in kinds.REVIEWS.items():
        if review_group == name:
            resources.append(
                {
                    "name": plural,
                    "singularName": review_kind.lower(),
                    "namespaced": False,
                    "kind": review_kind,
                    "verbs": ["create"],
                }
            )
    return {
        "kind": "APIResourceList",
        **({"apiVersion": "v1"} if name else {}),
        "groupVersion": f"{name}/v1" if name else "v1",
        "resources": resources,
    }


def openapi_index() -> Obj:
    """Return `/openapi/v3`: the path of each group's document."""
    paths = {"api/v1": {"serverRelativeURL": "/openapi/v3/api/v1"}}
    for name in GROUPS:
        paths[f"apis/{name}/v1"] = {"serverRelativeURL": f"/openapi/v3/apis/{name}/v1"}
    return {"paths": paths}


def openapi_document(name: str) -> Obj:
    """Return the smallest document that makes kubectl leave validation to the server: PATCH of every kind accepts
    fieldValidation."""
    base = f"/apis/{name}/v1" if name else "/api/v1"
    parameters = [
        {"name": field, "in": "query", "schema": {"type": "string"}} for field in ("dryRun", "fieldValidation")
    ]
    paths: Obj = {}
    for kind in kinds.ALL:
        if kind.group == name:
            home = f"{base}/namespaces/{{namespace}}" if kind.namespaced else base
            operation = {
                "x-kubernetes-group-version-kind": {"group": kind.group, "kind": kind.name, "version": kind.version},
                "parameters": parameters,
                "responses": {"200": {"description": "OK"}},
            }
            paths[f"{home}/{kind.plural}/{{name}}"] = {"patch": operation}
    info = {"title": "Kubernetes", "version": "sandbox"}
    return {"openapi": "3.0.0", "info": info, "paths": paths, "components": {"schemas": {}}}


def _subresource(kind: kinds.KubeKind, sub: str) -> Obj:
    head = {"name": f"{kind.plural}/{sub}", "singularName": "", "namespaced": kind.namespaced, "kind": kind.name}
    return {**head, **_SUBRESOURCES[sub]}


class ApiServer:
    """Authenticates, authorizes and routes requests. Takes the store's lock for each request."""

    def __init__(
        self,
        simulation: Simulation,
        authenticator: Authenticator,
        authorizer: Authorizer,
        resources: ResourceApi,
        subresources: Subresources,
        kubernetes_version: str,
    ) -> None:
        self._simulation = simulation
        self._authenticator = authenticator
        self._authorizer = authorizer
        self._resources = resources
        self._subresources = subresources
        self._version = kubernetes_version
        self.custom: set[str] = set()
        """The groups of custom resources that are installed."""
        self.endpoint = ""

    def handle(self, request: HttpRequest) -> KubeAnswer:
        """Return the response. Refusals are responses too: this never raises StatusError."""
        try:
            with self._simulation.settled():
                user = self._impersonated(request, self._authenticator.authenticate(request.header("authorization")))
                target = parse(request)
                if target is None:
                    return self._path(request, user)
                self._authorizer.check(user, target.access)
                return self._resource(request, target, user)
        except StatusError as refusal:
            return KubeAnswer(refusal.status, refusal.body)

    def _impersonated(self, request: HttpRequest, user: User) -> User:
        """Return the impersonated user, if authorized:
        https://kubernetes.io/docs/reference/access-authn-authz/user-impersonation/"""
        impersonated_user = impersonated(request)
        if impersonated_user is None:
            return user
        for access in permissions_for(request):
            self._authorizer.check(user, access)
        return impersonated_user

    def _path(self, request: HttpRequest, user: User) -> KubeAnswer:
        path = request.decoded_path.rstrip("/") or "/"
        if not self._authorizer.path_allowed(user, path):
            raise path_refusal(user, request.method.lower(), request.decoded_path)
        if request.method not in ("GET", "HEAD"):
            raise method_not_allowed()
        if any(path == health or path.startswith(f"{health}/") for health in _HEALTH):
            return KubeAnswer(200, "ok")
        steps = path.strip("/").split("/")
        if path == "/version":
            return KubeAnswer(200, version_info(self._version))
        if path == "/api":
            return KubeAnswer(200, api_versions(self.endpoint))
        if path == "/api/v1":
            return KubeAnswer(200, resource_list(""))
        if path == "/apis":
            return KubeAnswer(200, group_list(self.custom))
        if steps[0] == "apis" and steps[1] in GROUPS:
            if len(steps) == 2:
                return KubeAnswer(200, {"kind": "APIGroup", "apiVersion": "v1", **group_document(steps[1])})
            if steps[2:] == ["v1"]:
                return KubeAnswer(200, resource_list(steps[1]))
        if steps[:2] == ["openapi", "v3"]:
            return self._openapi(steps[2:])
        if path == "/openid/v1/jwks":
            return KubeAnswer(200, self._simulation.issuer.jwks())
        return KubeAnswer(404, NOT_FOUND)

    def _openapi(self, steps: list[str]) -> KubeAnswer:
        if not steps:
            return KubeAnswer(200, openapi_index())
        if steps == ["api", "v1"]:
            return KubeAnswer(200, openapi_document(""))
        if steps[0] == "apis" and steps[-1] == "v1" and len(steps) == 3 and steps[1] in GROUPS:
            return KubeAnswer(200, openapi_document(steps[1]))
        return KubeAnswer(404, NOT_FOUND)

    def _resource(self, request: HttpRequest, target: ApiTarget, user: User) -> KubeAnswer:
        served = target.group in ("", *GROUPS, *self.custom)
        if not served or target.version != version_of(target.group):
            return KubeAnswer(404, NOT_FOUND)
        if target.review:
            if target.verb != "create":
                raise method_not_allowed()
            body = decoded(request, target.review)
            now = self._simulation.store.now()
            return KubeAnswer(201, review(target.review, body, user, self._authorizer, now))
        if target.sub != "log":
            check_acceptable(request)
        kind = target.kind
        if kind is kinds.LEASES:
            self._simulation.kubelet.renew_leases()
        if kind is None or kind.namespaced < bool(target.namespace):
            raise no_such_resource()
        if kind.namespaced and not target.namespace and target.verb not in ("list", "watch"):
            raise no_such_resource() if target.name else method_not_allowed()
        if target.verb == "watch":
            simulation = self._simulation
            events = watch(simulation.store, kind, target.namespace, target.name, request, simulation.catch_up)
            return KubeAnswer(200, lines=events)
        if target.sub:
            return self._subresources.serve(kind, target, request)
        return self._resources.serve(kind, target, request)


def broken(fault: Fault) -> KubeAnswer:
    """Return the response of a fault in place of the API server's."""
    if fault.kind == "throttle":
        # the one refusal that is no Status: apiserver, endpoints/filters (tooManyRequests)
        throttled = "Too many requests, please try again later.\n"
        return KubeAnswer(429, throttled, headers={"Retry-After": str(fault.retry_after or 1)})
    status, wait = fault.status, fault.retry_after
    message = fault.message or "the server is currently unable to handle the request"
    details = {"retryAfterSeconds": wait} if wait else None
    body = StatusError(status, _REASONS.get(status, ""), message, details).body
    return KubeAnswer(status, body, headers={"Retry-After": str(wait)} if wait else {})
