"""The verbs on resources: get, list, create, update, patch, delete, deletecollection.

A URL names group, resource, namespace, name, subresource and verb. The three patch types are JSON Patch (RFC 6902),
merge patch (RFC 7386) and strategic merge, on plain JSON.
"""

import copy
from dataclasses import dataclass
from typing import Any

from podid.sandbox.http import HttpRequest
from podid.sandbox.kube import kinds
from podid.sandbox.kube.access import ResourceAccess
from podid.sandbox.kube.admission import check_strict
from podid.sandbox.kube.bodies import KubeAnswer, decoded, from_json, from_yaml
from podid.sandbox.kube.faults import ClusterFaults
from podid.sandbox.kube.kinds import KubeKind
from podid.sandbox.kube.listing import list_objects, matcher, shape_list, shape_one
from podid.sandbox.kube.objects import Obj, clone, name, uid
from podid.sandbox.kube.registry import Registry
from podid.sandbox.kube.status import (
    bad_request,
    cause,
    invalid,
    method_not_allowed,
    not_found,
    unprocessable_patch,
    unsupported_media_type,
)

_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete", "GET": "get", "HEAD": "get"}

# https://kubernetes.io/docs/reference/kubernetes-api/: x-kubernetes-patch-merge-key of the served kinds
_MERGE_KEYS = {
    "containers": "name",
    "initContainers": "name",
    "ephemeralContainers": "name",
    "volumes": "name",
    "env": "name",
    "imagePullSecrets": "name",
    "volumeMounts": "mountPath",
    "ports": "containerPort",
    "ownerReferences": "uid",
    "conditions": "type",
    "webhooks": "name",
    "secrets": "name",
    "hostAliases": "ip",
    "topologySpreadConstraints": "topologyKey",
}


@dataclass(frozen=True, slots=True)
class ApiTarget:
    """A request for a resource. `kind` is None if the sandbox does not serve the resource."""

    group: str
    version: str
    plural: str
    namespace: str
    name: str
    sub: str
    verb: str

    @property
    def kind(self) -> KubeKind | None:
        return kinds.BY_PATH.get((self.group, self.version, self.plural))

    @property
    def review(self) -> str:
        """Return the kind of a review such as SelfSubjectAccessReview, or an empty string."""
        return kinds.REVIEWS.get((self.group, self.version, self.plural), "")

    @property
    def access(self) -> ResourceAccess:
        # a namespace is authorized as an object in the namespace of its name
        ns = self.name if self.plural == "namespaces" and not self.group else self.namespace
        resource = f"{self.plural}/{self.sub}" if self.sub else self.plural
        return ResourceAccess(self.verb, self.group, resource, ns, self.name)


def parse(request: HttpRequest) -> ApiTarget | None:
    """Return the resource of a path, or None for another path (discovery, health, version)."""
    steps = [step for step in request.decoded_path.split("/") if step]
    if len(steps) >= 3 and steps[0] == "api":
        group, version, path = "", steps[1], steps[2:]
    elif len(steps) >= 4 and steps[0] == "apis":
        group, version, path = steps[1], steps[2], steps[3:]
    else:
        return None
    namespace = ""
    if path[0] == "namespaces" and len(path) > 2 and path[2] not in ("status", "finalize"):
        namespace, path = path[1], path[2:]
    plural, name, sub = [*path, "", ""][:3]
    return ApiTarget(group, version, plural, namespace, name, sub, _verb(request, name))


def _verb(request: HttpRequest, name: str) -> str:
    verb = _VERBS.get(request.method, request.method.lower())
    if verb == "get" and not name:
        return "watch" if request.flag("watch") else "list"
    if verb == "get" and request.flag("watch"):
        return "watch"
    return "deletecollection" if verb == "delete" and not name else verb


def merge_patch(target: Any, patch: Any) -> Any:
    """Merge objects: null removes a member, any other value replaces it (RFC 7386)."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            merged = merge_patch(result.get(key), value)
            if merged == {} and value == {} and key not in result and key in ("annotations", "labels"):
                continue
            result[key] = merged
    return prune(result)


def prune(obj: Obj) -> Obj:
    """Return the object without empty maps: `omitempty` drops labels and annotations after the last one is removed."""
    return {key: value for key, value in obj.items() if not (key in ("annotations", "labels") and value == {})}


def strategic_patch(target: Any, patch: Any) -> Any:
    """Merge as `merge_patch` does, but merge lists of objects with a merge key element by element."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    if patch.get("$patch") == "replace":
        return {key: copy.deepcopy(value) for key, value in patch.items() if key != "$patch"}
    result = dict(target) if isinstance(target, dict) else {}
    if "$retainKeys" in patch:
        result = {key: value for key, value in result.items() if key in patch["$retainKeys"]}
    for key, value in patch.items():
        if key.startswith("$deleteFromPrimitiveList/"):
            field = key.split("/", 1)[1]
            result[field] = [entry for entry in result.get(field, []) if entry not in value]
        elif key.startswith("$"):
            continue
        elif value is None:
            result.pop(key, None)
        elif key in _MERGE_KEYS and isinstance(value, list) and all(isinstance(entry, dict) for entry in value):
            result[key] = _merge_list(result.get(key) or [], value, _MERGE_KEYS[key])
        else:
            result[key] = strategic_patch(result.get(key), value)
    return prune(result)


def _merge_list(target: list[Obj], patch: list[Obj], key: str) -> list[Obj]:
    if any(entry.get("$patch") == "replace" for entry in patch):
        return [copy.deepcopy(entry) for entry in patch if entry.get("$patch") != "replace"]
    result = list(target)
    for entry in patch:
        if key not in entry:
            raise bad_request(f"map: {entry} does not contain declared merge key: {key}")
        place = next((index for index, item in enumerate(result) if item.get(key) == entry[key]), None)
        if entry.get("$patch") == "delete":
            result = [item for item in result if item.get(key) != entry[key]]
        elif place is None:
            result.append(strategic_patch({}, entry))
        else:
            result[place] = strategic_patch(result[place], entry)
    return result


def json_patch(target: Obj, operations: Any) -> Any:
    """Apply a JSON Patch (RFC 6902). A missing path or a failed test is the API server's bare 422."""
    if not isinstance(operations, list):
        raise bad_request("error decoding patch: json: cannot unmarshal object into Go value of type jsonpatch.Patch")
    result: Any = copy.deepcopy(target)
    for operation in operations:
        result = _operate(result, operation)
    return prune_metadata(result)


def prune_metadata(obj: Any) -> Any:
    if isinstance(obj, dict) and isinstance(obj.get("metadata"), dict):
        obj["metadata"] = prune(obj["metadata"])
    return obj


def _operate(document: Any, operation: Obj) -> Any:
    action, path = operation.get("op"), _pointer(str(operation.get("path", "")))
    if action == "test":
        if _read(document, path) != operation.get("value"):
            raise unprocessable_patch()
        return document
    if action in ("move", "copy"):
        source = _pointer(str(operation["from"]))
        value = copy.deepcopy(_read(document, source))
        if action == "move":
            document = _write(document, source, None, "remove")
        return _write(document, path, value, "add")
    if action in ("add", "replace", "remove"):
        return _write(document, path, copy.deepcopy(operation.get("value")), action)
    raise unprocessable_patch()


def _pointer(path: str) -> list[str]:
    return [step.replace("~1", "/").replace("~0", "~") for step in path.split("/")[1:]]


def _read(document: Any, path: list[str]) -> Any:
    for step in path:
        try:
            document = document[int(step)] if isinstance(document, list) else document[step]
        except (KeyError, IndexError, ValueError, TypeError):
            raise unprocessable_patch() from None
    return document


def _write(document: Any, path: list[str], value: Any, action: str) -> Any:
    if not path:
        return value
    parent, last = _read(document, path[:-1]), path[-1]
    if isinstance(parent, list):
        _write_element(parent, last, value, action)
    elif isinstance(parent, dict):
        if action != "add" and last not in parent:
            raise unprocessable_patch()
        if action == "remove":
            del parent[last]
        else:
            parent[last] = value
    else:
        raise unprocessable_patch()
    return document


def _write_element(parent: list[Any], step: str, value: Any, action: str) -> None:
    index = len(parent) if step == "-" else int(step) if step.isdigit() else -1
    if not 0 <= index <= len(parent) or (action != "add" and index == len(parent)):
        raise unprocessable_patch()
    if action == "add":
        parent.insert(index, value)
    elif action == "remove":
        del parent[index]
    else:
        parent[index] = value


_PATCHES = {
    "application/json-patch+json": json_patch,
    "application/merge-patch+json": merge_patch,
    "application/strategic-merge-patch+json": strategic_patch,
    "application/apply-patch+yaml": strategic_patch,
}


def dry_run(request: HttpRequest, options: str) -> bool:
    """Return whether the request has `dryRun=All`. Any other value is the API server's 422."""
    value = request.arguments.get("dryRun", "")
    if value not in ("", "All"):
        unsupported = cause(
            "FieldValueNotSupported", f'Unsupported value: ["{value}"]: supported values: "All"', "dryRun"
        )
        raise invalid(options, "", [unsupported], "meta.k8s.io")
    return value == "All"


def check_fields(kind: KubeKind, request: HttpRequest, obj: Obj) -> None:
    if request.arguments.get("fieldValidation") == "Strict":
        check_strict(kind, obj)


class ResourceApi:
    """Serves the verbs. Callers hold the store's lock. Every method raises StatusError."""

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
        obj = self._registry.get(kind, target.namespace, target.name)
        return KubeAnswer(200, shape_one(kind, obj, request, self._store.now()))

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
        body = _decoded(kind, request)
        check_fields(kind, request, body)
        created = self._registry.create(kind, target.namespace, body, dry_run=dry, caller=request.caller)
        return KubeAnswer(201, shape_one(kind, created, request, self._store.now()))

    def _update(self, kind: KubeKind, target: ApiTarget, request: HttpRequest) -> KubeAnswer:
        dry = dry_run(request, "UpdateOptions")
        body = _decoded(kind, request)
        check_fields(kind, request, body)
        body_name = body.get("metadata", {}).get("name", "")
        if body_name != target.name:
            raise bad_request(
                f"the name of the object ({body_name}) does not match the name on the URL ({target.name})"
            )
        before = self._registry.get(kind, target.namespace, target.name)
        after = self._registry.update(kind, before, body, status=target.sub == "status", dry_run=dry)
        return KubeAnswer(200, shape_one(kind, after, request, self._store.now()))

    def _patch(self, kind: KubeKind, target: ApiTarget, request: HttpRequest) -> KubeAnswer:
        dry = dry_run(request, "PatchOptions")
        current = self._store.find(kind, target.namespace, target.name)
        if request.media_type not in _PATCHES:
            raise unsupported_media_type()
        patch = _decoded_patch(request)
        if current is None:
            if request.media_type != "application/apply-patch+yaml":
                raise not_found(kind, target.name)
            created = self._registry.create(kind, target.namespace, patch, dry_run=dry, caller=request.caller)
            return KubeAnswer(201, shape_one(kind, created, request, self._store.now()))
        patched = _PATCHES[request.media_type](current, patch)
        check_fields(kind, request, patched)
        after = self._registry.update(kind, current, patched, status=target.sub == "status", dry_run=dry)
        return KubeAnswer(200, shape_one(kind, after, request, self._store.now()))

    def _delete(self, kind: KubeKind, target: ApiTarget, request: HttpRequest) -> KubeAnswer:
        dry, options = dry_run(request, "DeleteOptions"), delete_options(request)
        obj = self._registry.get(kind, target.namespace, target.name)
        last, gone = self._registry.delete(kind, obj, options, dry_run=dry)
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
    body = decoded(request, kind.name)
    if not isinstance(body, dict):
        raise bad_request(f"the object provided is unrecognized (must be of type {kind.name})")
    type_meta = (body.get("apiVersion", kind.api_version), body.get("kind", kind.name))
    if type_meta != (kind.api_version, kind.name):
        raise bad_request(
            f'{type_meta[1]} in version "{type_meta[0].rpartition("/")[2]}" cannot be handled as a {kind.name}: '
            f'no kind "{type_meta[1]}" is registered for the requested resource'
        )
    return body


def _decoded_patch(request: HttpRequest) -> Any:
    if request.media_type == "application/apply-patch+yaml":
        return from_yaml(request.body)
    return from_json(request.body, "Patch")


def delete_options(request: HttpRequest) -> Obj:
    """Return DeleteOptions from the body, otherwise from the query."""
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
