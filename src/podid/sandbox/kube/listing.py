"""Lists: selectors, pages with continue tokens, and the shapes that `Accept` asks for."""

import base64
import json
from collections.abc import Sequence

from podid.sandbox.http import HttpRequest
from podid.sandbox.kube.bodies import go_json_error
from podid.sandbox.kube.kinds import KubeKind
from podid.sandbox.kube.objects import Obj, name, namespace, partial
from podid.sandbox.kube.selectors import Matcher, parse_fields, parse_labels
from podid.sandbox.kube.status import bad_request, expired
from podid.sandbox.kube.tables import table

_TOO_OLD = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without "
    "the continue parameter, or use the continue token in this response to retrieve the remainder of the results. "
    "Continuing with the provided token results in an inconsistent list - objects that were created, modified, or "
    "deleted between the time the first chunk was returned and now may show up in the list."
)


def matcher(kind: KubeKind, request: HttpRequest) -> Matcher:
    """Label and field selector of a request, as one predicate."""
    by_label = parse_labels(request.arguments.get("labelSelector", ""))
    by_field = parse_fields(kind, request.arguments.get("fieldSelector", ""))
    return lambda obj: by_label(obj) and by_field(obj)


def list_objects(
    kind: KubeKind, ns: str, objects: Sequence[Obj], version: int, request: HttpRequest, *, too_old: bool, now: float
) -> Obj:
    """The list answer for objects in key order."""
    matches = matcher(kind, request)
    selected = bool(request.arguments.get("labelSelector") or request.arguments.get("fieldSelector"))
    limit = int(request.arguments.get("limit") or 0)
    token = request.arguments.get("continue", "")
    if request.arguments.get("resourceVersion") == "0" and not token:
        # from the watch cache, which does not page
        limit = 0
    start = ""
    if token:
        version, start = _read_token(token)
        if too_old:
            raise expired(_TOO_OLD)
    found = [obj for obj in objects if matches(obj) and _key(ns, obj) >= start]
    page = found[:limit] if limit else found
    metadata: Obj = {"resourceVersion": str(version)}
    if len(page) < len(found):
        metadata["continue"] = _write_token(version, _key(ns, page[-1]))
        if not selected:
            metadata["remainingItemCount"] = len(found) - len(page)
    return shape_list(kind, page, metadata, request, now)


def _key(ns: str, obj: Obj) -> str:
    return f"/{name(obj)}" if ns or not namespace(obj) else f"/{namespace(obj)}/{name(obj)}"


def _write_token(version: int, last: str) -> str:
    text = json.dumps({"v": "meta.k8s.io/v1", "rv": version, "start": f"{last}\0"}, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def _read_token(token: str) -> tuple[int, str]:
    try:
        decoded = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except ValueError:
        raise bad_request("invalid continue token: continue key is not valid: illegal base64 data") from None
    try:
        content = json.loads(decoded.decode("latin-1"))
        return int(content["rv"]), str(content["start"])
    except (ValueError, KeyError, TypeError) as error:
        told = go_json_error(decoded, error)
        raise bad_request(f"invalid continue token: continue key is not valid: {told}") from None


def wanted_shape(request: HttpRequest) -> str:
    """`Table`, `PartialObjectMetadata`, `PartialObjectMetadataList`, or nothing for the object itself."""
    for offer in request.header("accept").split(","):
        parameters = dict(part.strip().partition("=")[::2] for part in offer.split(";")[1:])
        if parameters.get("g") == "meta.k8s.io" and parameters.get("v") == "v1":
            return parameters.get("as", "")
        if offer.strip() in ("application/json", "*/*"):
            break
    return ""


def shape_list(kind: KubeKind, objects: Sequence[Obj], metadata: Obj, request: HttpRequest, now: float) -> Obj:
    shape = wanted_shape(request)
    if shape == "Table":
        return table(kind, objects, metadata, request.arguments.get("includeObject", "Metadata"), now)
    if shape.startswith("PartialObjectMetadata"):
        return {
            "kind": "PartialObjectMetadataList",
            "apiVersion": "meta.k8s.io/v1",
            "metadata": metadata,
            # a nil slice in Go, unlike the items of the objects' own list, which the registry makes
            "items": [partial(obj) for obj in objects] or None,
        }
    items = [{key: value for key, value in obj.items() if key not in ("kind", "apiVersion")} for obj in objects]
    return {"kind": f"{kind.name}List", "apiVersion": kind.api_version, "metadata": metadata, "items": items}


def shape_one(kind: KubeKind, obj: Obj, request: HttpRequest, now: float) -> Obj:
    shape = wanted_shape(request)
    if shape == "Table":
        metadata = {"resourceVersion": obj["metadata"].get("resourceVersion", "")}
        return table(kind, [obj], metadata, request.arguments.get("includeObject", "Metadata"), now)
    return partial(obj) if shape == "PartialObjectMetadata" else obj
