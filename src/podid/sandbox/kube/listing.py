"""Lists and watches: selectors, pages with continue tokens, and the forms of the `Accept` header.

A table (`Accept: …;as=Table`) has the columns that kubectl prints.
"""

import base64
import json
import re
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from podid.sandbox.http import HttpRequest
from podid.sandbox.kube import kinds
from podid.sandbox.kube.bodies import go_json_error
from podid.sandbox.kube.kinds import KubeKind
from podid.sandbox.kube.objects import Obj, condition, get, name, namespace, parse_time, partial, terminating
from podid.sandbox.kube.selectors import Matcher, parse_fields, parse_labels
from podid.sandbox.kube.status import StatusError, bad_request, expired
from podid.sandbox.kube.store import Store, StoredChange

_NAME = (
    "Name must be unique within a namespace. Is required when creating resources, although some resources may allow a "
    "client to request the generation of an appropriate name automatically. Name is primarily intended for creation "
    "idempotence and configuration definition. Cannot be updated. More info: "
    "https://kubernetes.io/docs/concepts/overview/working-with-objects/names#names"
)
_AGE = (
    "CreationTimestamp is a timestamp representing the server time when this object was created. It is not guaranteed "
    "to be set in happens-before order across separate operations. Clients may not set this value. It is represented "
    "in RFC3339 form and is in UTC.\n\nPopulated by the system. Read-only. Null for lists. More info: "
    "https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata"
)
Cell = Callable[[Obj], Any]

_TOO_OLD = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without "
    "the continue parameter, or use the continue token in this response to retrieve the remainder of the results. "
    "Continuing with the provided token results in an inconsistent list - objects that were created, modified, or "
    "deleted between the time the first chunk was returned and now may show up in the list."
)
_DEFAULT_SECONDS = 1800.0


def age(seconds: float) -> str:
    """Return the age as in `kubectl get` (k8s.io/apimachinery duration.HumanDuration)."""
    total = max(0, int(seconds))
    minutes, hours, days = total // 60, total // 3600, total // 86400
    if total < 120:
        return f"{total}s"
    if minutes < 10:
        return f"{minutes}m{total % 60}s" if total % 60 else f"{minutes}m"
    if hours < 3:
        return f"{minutes}m"
    if hours < 8:
        return f"{hours}h{minutes % 60}m" if minutes % 60 else f"{hours}h"
    if hours < 48:
        return f"{hours}h"
    if days < 8:
        return f"{days}d{hours % 24}h" if hours % 24 else f"{days}d"
    return f"{days}d"


def _path(*path: str, default: Any = 0) -> Cell:
    return lambda obj: get(obj, *path, default=default)


def _fraction(have: str, want: tuple[str, ...]) -> Cell:
    return lambda obj: f"{get(obj, 'status', have, default=0)}/{get(obj, *want, default=0)}"


def _pod_ready(pod: Obj) -> str:
    statuses = get(pod, "status", "containerStatuses", default=[])
    return f"{sum(entry['ready'] for entry in statuses)}/{len(pod['spec']['containers'])}"


def _pod_status(pod: Obj) -> str:
    if terminating(pod):
        return "Terminating"
    for entry in get(pod, "status", "containerStatuses", default=()):
        for state in ("waiting", "terminated"):
            if reason := get(entry, "state", state, "reason"):
                return str(reason)
    return str(get(pod, "status", "phase", default=""))


def _restarts(pod: Obj) -> str:
    return str(sum(entry["restartCount"] for entry in get(pod, "status", "containerStatuses", default=())))


def _node_status(node: Obj) -> str:
    ready = condition(node, "Ready")
    state = "Ready" if ready and ready["status"] == "True" else "NotReady"
    return f"{state},SchedulingDisabled" if get(node, "spec", "unschedulable") else state


def _selector(node: Obj) -> str:
    chosen = get(node, "spec", "template", "spec", "nodeSelector", default={})
    return ",".join(f"{key}={value}" for key, value in sorted(chosen.items())) or "<none>"


def _job_status(job: Obj) -> str:
    for kind in ("Complete", "Failed"):
        entry = condition(job, kind)
        if entry and entry["status"] == "True":
            return kind
    return "Suspended" if get(job, "spec", "suspend") else "Running"


# name, type, priority (1 is shown with -o wide), cell
_COLUMNS: dict[KubeKind, tuple[tuple[str, str, int, Cell], ...]] = {
    kinds.PODS: (
        ("Ready", "string", 0, _pod_ready),
        ("Status", "string", 0, _pod_status),
        ("Restarts", "string", 0, _restarts),
        ("IP", "string", 1, _path("status", "podIP", default="<none>")),
        ("Node", "string", 1, _path("spec", "nodeName", default="<none>")),
        ("Nominated Node", "string", 1, _path("status", "nominatedNodeName", default="<none>")),
        ("Readiness Gates", "string", 1, lambda _: "<none>"),
    ),
    kinds.NODES: (
        ("Status", "string", 0, _node_status),
        ("Roles", "string", 0, lambda _: "<none>"),
        ("Version", "string", 0, _path("status", "nodeInfo", "kubeletVersion", default="")),
    ),
    kinds.NAMESPACES: (("Status", "string", 0, _path("status", "phase", default="")),),
    kinds.DEPLOYMENTS: (
        ("Ready", "string", 0, _fraction("readyReplicas", ("spec", "replicas"))),
        ("Up-to-date", "integer", 0, _path("status", "updatedReplicas")),
        ("Available", "integer", 0, _path("status", "availableReplicas")),
    ),
    kinds.REPLICA_SETS: (
        ("Desired", "integer", 0, _path("spec", "replicas")),
        ("Current", "integer", 0, _path("status", "replicas")),
        ("Ready", "integer", 0, _path("status", "readyReplicas")),
    ),
    kinds.STATEFUL_SETS: (("Ready", "string", 0, _fraction("readyReplicas", ("spec", "replicas"))),),
    kinds.DAEMON_SETS: (
        ("Desired", "integer", 0, _path("status", "desiredNumberScheduled")),
        ("Current", "integer", 0, _path("status", "currentNumberScheduled")),
        ("Ready", "integer", 0, _path("status", "numberReady")),
        ("Up-to-date", "integer", 0, _path("status", "updatedNumberScheduled")),
        ("Available", "integer", 0, _path("status", "numberAvailable")),
        ("Node Selector", "string", 0, _selector),
    ),
    kinds.JOBS: (
        ("Status", "string", 0, _job_status),
        ("Completions", "string", 0, _fraction("succeeded", ("spec", "completions"))),
    ),
    kinds.CRON_JOBS: (
        ("Schedule", "string", 0, _path("spec", "schedule", default="")),
        ("Suspend", "boolean", 0, _path("spec", "suspend", default=False)),
    ),
    kinds.DISRUPTION_BUDGETS: (
        ("Min Available", "string", 0, _path("spec", "minAvailable", default="N/A")),
        ("Max Unavailable", "string", 0, _path("spec", "maxUnavailable", default="N/A")),
        ("Allowed Disruptions", "integer", 0, _path("status", "disruptionsAllowed")),
    ),
    kinds.SECRETS: (
        ("Type", "string", 0, _path("type")),
        ("Data", "integer", 0, lambda obj: len(obj.get("data") or {})),
    ),
    kinds.CONFIG_MAPS: (("Data", "integer", 0, lambda obj: len(obj.get("data") or {})),),
    kinds.MUTATING_WEBHOOKS: (("Webhooks", "integer", 0, lambda obj: len(obj.get("webhooks") or ())),),
    kinds.EVENTS: (
        ("Type", "string", 0, _path("type", default="")),
        ("Reason", "string", 0, _path("reason", default="")),
        ("Object", "string", 0, lambda e: f"{e['involvedObject']['kind'].lower()}/{e['involvedObject']['name']}"),
        ("Message", "string", 0, _path("message", default="")),
    ),
    kinds.ROLE_BINDINGS: (("Role", "string", 0, lambda b: f"{b['roleRef']['kind']}/{b['roleRef']['name']}"),),
    kinds.CLUSTER_ROLE_BINDINGS: (("Role", "string", 0, lambda b: f"{b['roleRef']['kind']}/{b['roleRef']['name']}"),),
}


def _definition(title: str, kind: str, description: str, priority: int = 0) -> Obj:
    shape = "name" if title == "Name" else ""
    return {"name": title, "type": kind, "format": shape, "description": description, "priority": priority}


def table(kind: KubeKind, objects: Sequence[Obj], metadata: Obj, include: str, now: float) -> Obj:
    """Return a meta.k8s.io/v1 Table. `include` is the request's `includeObject`: None, Metadata or Object."""
    columns = _COLUMNS.get(kind, ())
    narrow = [column for column in columns if not column[2]]
    wide = [column for column in columns if column[2]]
    about = [_definition(title, shape, f"{title} of the {kind.singular}.", low) for title, shape, low, _ in columns]
    shown = [_definition("Name", "string", _NAME), *about[: len(narrow)], _definition("Age", "string", _AGE)]
    rows = []
    for obj in objects:
        since = age(now - parse_time(obj["metadata"]["creationTimestamp"]))
        cells = [name(obj), *(cell(obj) for _, _, _, cell in narrow), since, *(cell(obj) for _, _, _, cell in wide)]
        included: Obj = {"Object": {"object": obj}, "Metadata": {"object": partial(obj)}}.get(include, {})
        rows.append({"cells": cells, **included})
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": metadata,
        "columnDefinitions": [*shown, *about[len(narrow) :]],
        "rows": rows,
    }


def matcher(kind: KubeKind, request: HttpRequest) -> Matcher:
    """Return label selector and field selector of a request as one predicate."""
    by_label = parse_labels(request.arguments.get("labelSelector", ""))
    by_field = parse_fields(kind, request.arguments.get("fieldSelector", ""))
    return lambda obj: by_label(obj) and by_field(obj)


def list_objects(
    kind: KubeKind, ns: str, objects: Sequence[Obj], version: int, request: HttpRequest, *, too_old: bool, now: float
) -> Obj:
    """Return the list answer for objects in key order."""
    matches = matcher(kind, request)
    selected = bool(request.arguments.get("labelSelector") or request.arguments.get("fieldSelector"))
    written = request.arguments.get("limit") or "0"
    if not re.fullmatch(r"[+-]?\d+", written, re.ASCII):
        raise bad_request(f'strconv.ParseInt: parsing "{written}": invalid syntax')
    limit = int(written)
    token = request.arguments.get("continue", "")
    if request.arguments.get("resourceVersion") == "0" and not token:
        # an answer from the watch cache, which does not page
        limit = 0
    start = ""
    if token:
        version, start = _read_token(token)
        if too_old:
            raise expired(_TOO_OLD)
    matching = [obj for obj in objects if matches(obj) and _key(ns, obj) >= start]
    page = matching[:limit] if limit > 0 else matching
    metadata: Obj = {"resourceVersion": str(version)}
    if len(page) < len(matching):
        metadata["continue"] = _write_token(version, _key(ns, page[-1]))
        if not selected:
            metadata["remainingItemCount"] = len(matching) - len(page)
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
        message = go_json_error(decoded, error)
        raise bad_request(f"invalid continue token: continue key is not valid: {message}") from None


def wanted_shape(request: HttpRequest) -> str:
    """Return `Table`, `PartialObjectMetadata`, `PartialObjectMetadataList`, or an empty string for the object
    itself."""
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
            # a nil slice in Go; the items of the objects' own list are made by the registry and never nil
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


def watch(
    store: Store, kind: KubeKind, ns: str, object_name: str, request: HttpRequest, catch_up: Callable[[], None]
) -> Iterator[Obj]:
    """Return the events of a watch until `timeoutSeconds`. Takes the store's lock. Raise StatusError for an invalid
    selector."""
    matches = matcher(kind, request)
    if object_name:
        selected, expected = matches, object_name
        matches = lambda obj: obj["metadata"]["name"] == expected and selected(obj)  # noqa: E731 - closes over both
    since = request.arguments.get("resourceVersion", "")
    seconds = float(request.arguments.get("timeoutSeconds") or _DEFAULT_SECONDS)
    return _stream(store, kind, ns, matches, since, seconds, request, catch_up)


def _stream(
    store: Store,
    kind: KubeKind,
    ns: str,
    matches: Matcher,
    since: str,
    seconds: float,
    request: HttpRequest,
    catch_up: Callable[[], None],
) -> Iterator[Obj]:
    # the client counts seconds of its own clock, independent of the cluster's clock
    ends = time.monotonic() + seconds
    shape = _shaper(store, kind, request)
    with store.lock:
        version, first, gone = _begin(store, kind, ns, matches, since, request.flag("sendInitialEvents"))
    yield from map(shape, first)
    if gone:
        return
    while True:
        with store.lock:
            catch_up()
            news = [
                _event(change, ns, matches)
                for change in store.history
                if change.version > version and change.kind is kind
            ]
            version = store.version
            remaining = ends - time.monotonic()
            if not any(news) and remaining > 0:
                due = store.timeline.next_due()
                store.lock.wait(remaining if due is None else max(0.005, min(remaining, due)))
        yield from (shape(event) for event in news if event is not None)
        if remaining <= 0:
            return


def _begin(
    store: Store, kind: KubeKind, ns: str, matches: Matcher, since: str, initial: bool
) -> tuple[int, list[Obj], bool]:
    """Return the current version, the first events, and whether the watch ends with them."""
    if initial or since in ("", "0"):
        first: list[Obj] = [{"type": "ADDED", "object": obj} for obj in store.all(kind, ns) if matches(obj)]
        return store.version, [*first, *([_all_told(store, kind)] if initial else ())], False
    oldest = store.history[0].version if store.history else store.version
    dropped = len(store.history) == store.history.maxlen
    if dropped and int(since) + 1 < oldest:
        message = f"too old resource version: {since} ({oldest})"
        return store.version, [{"type": "ERROR", "object": StatusError(410, "Expired", message).body}], True
    return int(since), [], False


def _all_told(store: Store, kind: KubeKind) -> Obj:
    """Return the bookmark after the initial events:
    https://kubernetes.io/docs/reference/using-api/api-concepts/#streaming-lists"""
    metadata = {"resourceVersion": str(store.version), "annotations": {"k8s.io/initial-events-end": "true"}}
    return {"type": "BOOKMARK", "object": {"kind": kind.name, "apiVersion": kind.api_version, "metadata": metadata}}


def _event(change: StoredChange, ns: str, matches: Matcher) -> Obj | None:
    """Return a change as a watch with a selector reports it: an object that no longer matches is deleted."""
    if ns and namespace(change.obj) != ns:
        return None
    was = change.before is not None and matches(change.before)
    now = change.action != "DELETED" and matches(change.obj)
    if not was and not now:
        return None
    action = "MODIFIED" if was and now else "ADDED" if now else "DELETED"
    return {"type": action, "object": change.obj}


def _shaper(store: Store, kind: KubeKind, request: HttpRequest) -> Callable[[Obj], Obj]:
    shape = wanted_shape(request)

    def shaped(event: Obj) -> Obj:
        obj = event["object"]
        if event["type"] in ("ERROR", "BOOKMARK") or not shape:
            return event
        if shape == "Table":
            metadata = {"resourceVersion": obj["metadata"]["resourceVersion"]}
            include = request.arguments.get("includeObject", "Metadata")
            return {**event, "object": table(kind, [obj], metadata, include, store.now())}
        return {**event, "object": partial(obj)}

    return shaped
