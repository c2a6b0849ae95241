"""The three patch types, JSON Patch (RFC 6902), merge patch (RFC 7386) and strategic merge, on plain JSON."""

import copy
from typing import Any

from podid.sandbox.kube.objects import Obj
from podid.sandbox.kube.status import bad_request, unprocessable_patch

# https://kubernetes.io/docs/reference/kubernetes-api/: x-kubernetes-patch-merge-key of the kinds served here
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


def merge(target: Any, patch: Any) -> Any:
    """RFC 7386: objects merge, null removes, everything else replaces."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            merged = merge(result.get(key), value)
            if merged == {} and value == {} and key not in result and key in ("annotations", "labels"):
                continue
            result[key] = merged
    return prune(result)


def prune(obj: Obj) -> Obj:
    """Without maps that became empty: `omitempty` drops labels and annotations when the last one goes."""
    return {key: value for key, value in obj.items() if not (key in ("annotations", "labels") and value == {})}


def strategic(target: Any, patch: Any) -> Any:
    """Like merge, but lists of objects with a merge key are merged element by element."""
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
            result[key] = strategic(result.get(key), value)
    return prune(result)


def _merge_list(target: list[Obj], patch: list[Obj], key: str) -> list[Obj]:
    if any(entry.get("$patch") == "replace" for entry in patch):
        return [copy.deepcopy(entry) for entry in patch if entry.get("$patch") != "replace"]
    result = list(target)
    for entry in patch:
        if key not in entry:
            raise bad_request(f"map: {entry} does not contain declared merge key: {key}")
        place = next((index for index, found in enumerate(result) if found.get(key) == entry[key]), None)
        if entry.get("$patch") == "delete":
            result = [found for found in result if found.get(key) != entry[key]]
        elif place is None:
            result.append(strategic({}, entry))
        else:
            result[place] = strategic(result[place], entry)
    return result


def json_patch(target: Obj, operations: Any) -> Any:
    """RFC 6902. A path that is not there, or a failed test, is the API server's bare 422."""
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
