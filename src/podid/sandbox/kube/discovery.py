"""/version, /api, /apis and the resource lists that clients discover a cluster by."""

from collections.abc import Iterable

from podid.sandbox.kube import kinds
from podid.sandbox.kube.objects import Obj

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


def version(kubernetes: str) -> Obj:
    """`/version` of an EKS control plane; `kubernetes` is 1.35, or with a patch 1.36.2."""
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
    """The one version of a group that is served."""
    return next((kind.version for kind in kinds.ALL if kind.group == group_name), "v1")


def group(name: str) -> Obj:
    served = {"groupVersion": f"{name}/{version_of(name)}", "version": version_of(name)}
    return {"name": name, "versions": [served], "preferredVersion": served}


def group_list(custom: Iterable[str]) -> Obj:
    """`custom`: the groups of custom resources that are installed."""
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [group(name) for name in (*GROUPS, *sorted(custom))]}


def resource_list(name: str) -> Obj:
    """`/api/v1` for the empty name, else `/apis/<name>/v1`."""
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
    for (review_group, _, plural), review in kinds.REVIEWS.items():
        if review_group == name:
            resources.append(
                {
                    "name": plural,
                    "singularName": review.lower(),
                    "namespaced": False,
                    "kind": review,
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
    """`/openapi/v3`: where the document of each group is."""
    paths = {"api/v1": {"serverRelativeURL": "/openapi/v3/api/v1"}}
    for name in GROUPS:
        paths[f"apis/{name}/v1"] = {"serverRelativeURL": f"/openapi/v3/apis/{name}/v1"}
    return {"paths": paths}


def openapi(name: str) -> Obj:
    """The least that kubectl needs to leave validation to the server: PATCH of every kind takes fieldValidation."""
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


_SUBRESOURCES: dict[str, Obj] = {
    "scale": {"group": "autoscaling", "version": "v1", "kind": "Scale", "verbs": ["get", "patch", "update"]},
    "token": {"group": "authentication.k8s.io", "version": "v1", "kind": "TokenRequest", "verbs": ["create"]},
    "eviction": {"group": "policy", "version": "v1", "kind": "Eviction", "verbs": ["create"]},
    "log": {"verbs": ["get"]},
    "status": {"verbs": ["get", "patch", "update"]},
}


def _subresource(kind: kinds.KubeKind, sub: str) -> Obj:
    head = {"name": f"{kind.plural}/{sub}", "singularName": "", "namespaced": kind.namespaced, "kind": kind.name}
    return {**head, **_SUBRESOURCES[sub]}
