"""The verbs on resources: get, list, create, update, patch, delete, deletecollection."""

from typing import Any

from podid.sandbox.http import HttpRequest
from podid.sandbox.kube import patches
from podid.sandbox.kube.bodies import KubeAnswer, decoded, from_json, from_yaml
from podid.sandbox.kube.faults import ClusterFaults
from podid.sandbox.kube.kinds import KubeKind
from podid.sandbox.kube.listing import list_objects, matcher, shape_list, shape_one
from podid.sandbox.kube.objects import Obj, clone, name, uid
from podid.sandbox.kube.registry import Registry
from podid.sandbox.kube.routes import ApiTarget
from podid.sandbox.kube.status import bad_request, cause, invalid, method_not_allowed, not_found, unsupported_media_type
from podid.sandbox.kube.validation import check_strict

_PATCHES = {
    "application/json-patch+json": patches.json_patch,
    "application/merge-patch+json": patches.merge,
    "application/strategic-merge-patch+json": patches.strategic,
    "application/apply-patch+yaml": patches.strategic,
}


def dry_run(request: HttpRequest, options: str) -> bool:
    """Whether `dryRun=All`; any other value is the API server's 422."""
    value = request.arguments.get("dryRun", "")
    if value not in ("", "All"):
        told = cause("FieldValueNotSupported", f'Unsupported value: ["{value}"]: supported values: "All"', "dryRun")
        raise invalid(options, "", [told], "meta.k8s.io")
    return value == "All"


def check_fields(kind: KubeKind, request: HttpRequest, obj: Obj) -> None:
    if request.arguments.get("fieldValidation") == "Strict":
        check_strict(kind, obj)


class ResourceApi:
    """Callers hold the store's lock. Every method raises StatusError."""

    def __init__(self, registry: Registry, faults: ClusterFaults) -> None:
        self._registry = registry
        self._store = registry.store
        self._faults = faults

    def serve(self, kind: KubeKind, target: ApiTarget, request: HttpRequest) -> KubeAnswer:
        verbs = {
            "get": self._get,
            "list": self._list,
            "create": self._create,
            "update": self._update,
            "patch": self._patch,
            "delete": self._delete,
            "deletecollection": self._delete_collection,
        }
        if target.verb not in verbs:
            raise method_not_allowed()
        return verbs[target.verb](kind, target, request)

    def _get(self, kind: KubeKind, target: ApiTarget, request: HttpRequest) -> KubeAnswer:
        found = self._registry.get(kind, target.namespace, target.name)
        return KubeAnswer(200, shape_one(kind, found, request, self._store.now()))

    def _list(self, kind: KubeKind, target: ApiTarget, request: HttpRequest) -> KubeAnswer:
        body = list_objects(
            kind,
            target.namespace,
            self._store.all(kind, target.namespace),
            self._store.version,
            request,
            too_old=self._faults.expire_continue_tokens,
            now=self._store.now(),
        )
        return KubeAnswer(200, body)

    def _create(self, kind: KubeKind, target: ApiTarget, request: HttpRequest) -> KubeAnswer:
        if target.name:
            raise method_not_allowed()
        dry = dry_run(request, "CreateOptions")
        given = _decoded(kind, request)
        check_fields(kind, request, given)
        made = self._registry.create(kind, target.namespace, given, dry_run=dry, caller=request.caller)
        return KubeAnswer(201, shape_one(kind, made, request, self._store.now()))

    def _update(self, kind: KubeKind, target: ApiTarget, request: HttpRequest) -> KubeAnswer:
        dry = dry_run(request, "UpdateOptions")
        given = _decoded(kind, request)
        check_fields(kind, request, given)
        given_name = given.get("metadata", {}).get("name", "")
        if given_name != target.name:
            raise bad_request(
                f"the name of the object ({given_name}) does not match the name on the URL ({target.name})"
            )
        before = self._registry.get(kind, target.namespace, target.name)
        after = self._registry.update(kind, before, given, status=target.sub == "status", dry_run=dry)
        return KubeAnswer(200, shape_one(kind, after, request, self._store.now()))

    def _patch(self, kind: KubeKind, target: ApiTarget, request: HttpRequest) -> KubeAnswer:
        dry = dry_run(request, "PatchOptions")
        found = self._store.find(kind, target.namespace, target.name)
        if request.media_type not in _PATCHES:
            raise unsupported_media_type()
        patch = _decoded_patch(request)
        if found is None:
            if request.media_type != "application/apply-patch+yaml":
                raise not_found(kind, target.name)
            made = self._registry.create(kind, target.namespace, patch, dry_run=dry, caller=request.caller)
            return KubeAnswer(201, shape_one(kind, made, request, self._store.now()))
        given = _PATCHES[request.media_type](found, patch)
        check_fields(kind, request, given)
        after = self._registry.update(kind, found, given, status=target.sub == "status", dry_run=dry)
        return KubeAnswer(200, shape_one(kind, after, request, self._store.now()))

    def _delete(self, kind: KubeKind, target: ApiTarget, request: HttpRequest) -> KubeAnswer:
        dry, options = dry_run(request, "DeleteOptions"), delete_options(request)
        found = self._registry.get(kind, target.namespace, target.name)
        last, gone = self._registry.delete(kind, found, options, dry_run=dry)
        if gone and not kind.returns_deleted:
            return KubeAnswer(200, _deleted(kind, last))
        return KubeAnswer(200, shape_one(kind, last, request, self._store.now()))

    def _delete_collection(self, kind: KubeKind, target: ApiTarget, request: HttpRequest) -> KubeAnswer:
        dry, options = dry_run(request, "DeleteOptions"), delete_options(request)
        matches = matcher(kind, request)
        chosen = [obj for obj in self._store.all(kind, target.namespace) if matches(obj)]
        last = [self._registry.delete(kind, obj, options, dry_run=dry)[0] for obj in chosen]
        metadata = {"resourceVersion": str(self._store.version)}
        return KubeAnswer(200, shape_list(kind, last, metadata, request, self._store.now()))


def _decoded(kind: KubeKind, request: HttpRequest) -> Obj:
    given = decoded(request, kind.name)
    if not isinstance(given, dict):
        raise bad_request(f"the object provided is unrecognized (must be of type {kind.name})")
    said = (given.get("apiVersion", kind.api_version), given.get("kind", kind.name))
    if said != (kind.api_version, kind.name):
        raise bad_request(
            f'{said[1]} in version "{said[0].rpartition("/")[2]}" cannot be handled as a {kind.name}: '
            f'no kind "{said[1]}" is registered for the requested resource'
        )
    return given


def _decoded_patch(request: HttpRequest) -> Any:
    if request.media_type == "application/apply-patch+yaml":
        return from_yaml(request.body)
    return from_json(request.body, "Patch")


def delete_options(request: HttpRequest) -> Obj:
    """DeleteOptions from the body, else from the query."""
    options: Obj = clone(decoded(request, "DeleteOptions")) if request.body else {}
    for field in ("propagationPolicy", "gracePeriodSeconds"):
        if field in request.arguments and field not in options:
            options[field] = request.arguments[field]
    return options


def _deleted(kind: KubeKind, obj: Obj) -> Obj:
    details: Obj = {"name": name(obj)}
    if kind.group:
        details["group"] = kind.group
    details |= {"kind": kind.plural, "uid": uid(obj)}
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}
