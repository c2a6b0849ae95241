"""`watch=true`: what changed, as it changes."""

import time
from collections.abc import Callable, Iterator

from podid.sandbox.http import HttpRequest
from podid.sandbox.kube.kinds import KubeKind
from podid.sandbox.kube.listing import matcher, wanted_shape
from podid.sandbox.kube.objects import Obj, namespace, partial
from podid.sandbox.kube.selectors import Matcher
from podid.sandbox.kube.status import StatusError
from podid.sandbox.kube.store import Change, Store
from podid.sandbox.kube.tables import table

_DEFAULT_SECONDS = 1800.0


def watch(
    store: Store, kind: KubeKind, ns: str, object_name: str, request: HttpRequest, catch_up: Callable[[], None]
) -> Iterator[Obj]:
    """The events of a watch, until `timeoutSeconds`. Takes the store's lock itself; StatusError for a bad selector."""
    matches = matcher(kind, request)
    if object_name:
        selected, wanted = matches, object_name
        matches = lambda obj: obj["metadata"]["name"] == wanted and selected(obj)  # noqa: E731 - closes over both
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
    # a client waits for its own clock's seconds, whatever clock the cluster runs on
    ends = time.monotonic() + seconds
    shape = _shaper(store, kind, request)
    with store.lock:
        seen, first, gone = _begin(store, kind, ns, matches, since, request.flag("sendInitialEvents"))
    yield from map(shape, first)
    if gone:
        return
    while True:
        with store.lock:
            catch_up()
            news = [
                _event(change, ns, matches) for change in store.history if change.version > seen and change.kind is kind
            ]
            seen = store.version
            left = ends - time.monotonic()
            if not any(news) and left > 0:
                due = store.timeline.next_due()
                store.lock.wait(left if due is None else max(0.005, min(left, due)))
        yield from (shape(event) for event in news if event is not None)
        if left <= 0:
            return


def _begin(
    store: Store, kind: KubeKind, ns: str, matches: Matcher, since: str, initial: bool
) -> tuple[int, list[Obj], bool]:
    """The version seen so far, the first events, and whether they are the last ones."""
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
    """The bookmark after the initial events: https://kubernetes.io/docs/reference/using-api/api-concepts/#streaming-lists"""
    metadata = {"resourceVersion": str(store.version), "annotations": {"k8s.io/initial-events-end": "true"}}
    return {"type": "BOOKMARK", "object": {"kind": kind.name, "apiVersion": kind.api_version, "metadata": metadata}}


def _event(change: Change, ns: str, matches: Matcher) -> Obj | None:
    """How a change looks through a selector: leaving it is a deletion."""
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
