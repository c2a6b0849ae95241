"""Create, update and delete objects in the store, for clients and controllers."""

from podid.sandbox.kube import kinds
from podid.sandbox.kube.admission import Admission, check_create, check_update
from podid.sandbox.kube.kinds import KubeKind, apply_defaults, label_job
from podid.sandbox.kube.objects import Obj, clone, get, name, namespace, rfc3339, rfc3339_micro, terminating, uid
from podid.sandbox.kube.status import already_exists, bad_request, cause, conflict, forbidden, not_found, precondition
from podid.sandbox.kube.store import Store


class Registry:
    """Applies the rules of the API server to objects. Callers hold the store's lock."""

    def __init__(self, store: Store, admission: Admission, root_ca: str) -> None:
        self.store = store
        self._admission = admission
        self._root_ca = root_ca

    def get(self, kind: KubeKind, ns: str, object_name: str) -> Obj:
        obj = self.store.find(kind, ns, object_name)
        if obj is None:
            raise not_found(kind, object_name)
        return obj

    def create(self, kind: KubeKind, ns: str, body: Obj, *, dry_run: bool = False, caller: int = 0) -> Obj:
        """Return the stored object; with `dry_run`, the object that would be stored. Raise StatusError."""
        obj = self._named(kind, ns, body)
        home = self._home(kind, obj)
        obj = apply_defaults(kind, obj)
        if kind is kinds.PODS and home is not None:
            obj = self._admission.mutate(obj, home, caller)
        check_create(kind, obj)
        if kind is kinds.PODS and home is not None:
            self._admission.validate(obj, home)
        if self.store.find(kind, ns, name(obj)) is not None:
            raise already_exists(kind, name(obj))
        obj = self.store.stamp(kind, obj)
        if kind is kinds.JOBS:
            label_job(obj)
        if dry_run:
            return obj
        stored = self.store.add(kind, obj)
        if kind is kinds.NAMESPACES:
            self._furnish(name(stored))
        return stored

    def _named(self, kind: KubeKind, ns: str, body: Obj) -> Obj:
        metadata = dict(body.get("metadata") or {})
        if kind.namespaced and metadata.get("namespace") not in (None, "", ns):
            raise bad_request("the namespace of the provided object does not match the namespace sent on the request")
        if not metadata.get("name") and metadata.get("generateName"):
            metadata["name"] = f"{metadata['generateName']}{self.store.suffix()}"
        if kind.namespaced:
            metadata["namespace"] = ns
        for field in ("managedFields", "uid", "creationTimestamp", "generation", "deletionTimestamp"):
            metadata.pop(field, None)
        return {**body, "metadata": {field: value for field, value in metadata.items() if value not in (None, {})}}

    def _home(self, kind: KubeKind, obj: Obj) -> Obj | None:
        """Return the namespace. Refuse if it does not exist or is terminating."""
        if not kind.namespaced:
            return None
        home = self.get(kinds.NAMESPACES, "", namespace(obj))
        if terminating(home):
            ns = name(home)
            why = f"unable to create new content in namespace {ns} because it is being terminated"
            causes = [cause("NamespaceTerminating", f"namespace {ns} is being terminated", "metadata.namespace")]
            raise forbidden(kind, obj["metadata"].get("name", ""), why, causes)
        return home

    def _furnish(self, ns: str) -> None:
        """Create the objects that controllers add to every new namespace."""
        self.create(
            kinds.CONFIG_MAPS, ns, {"metadata": {"name": "kube-root-ca.crt"}, "data": {"ca.crt": self._root_ca}}
        )
        self.create(kinds.SERVICE_ACCOUNTS, ns, {"metadata": {"name": "default"}})

    def update(self, kind: KubeKind, before: Obj, body: Obj, *, status: bool = False, dry_run: bool = False) -> Obj:
        """Replace `before` with `body`. With `status`, take only the status of `body`; otherwise everything else."""
        metadata = dict(body.get("metadata") or {})
        version = metadata.get("resourceVersion")
        if version not in (None, "", before["metadata"]["resourceVersion"]):
            raise conflict(kind, name(before))
        after = clone(before) if status else clone(body)
        if status:
            after["status"] = clone(body).get("status", {})
        else:
            after["metadata"] = self._kept_metadata(before, after)
            if "status" in before:
                after["status"] = before["status"]
            after = {"kind": kind.name, "apiVersion": kind.api_version, **_refreshed(kind, after)}
            check_update(kind, before, after)
            if kind.generation and _desired(kind, before) != _desired(kind, after):
                after["metadata"]["generation"] = before["metadata"].get("generation", 1) + 1
        after["metadata"]["resourceVersion"] = before["metadata"]["resourceVersion"]
        if dry_run:
            return after
        stored = self.store.replace(kind, after)
        if terminating(stored) and not stored["metadata"].get("finalizers") and kind is not kinds.PODS:
            self._finish(kind, stored)
        return stored

    def _kept_metadata(self, before: Obj, after: Obj) -> Obj:
        """Return the metadata with the immutable fields of the stored object."""
        metadata = dict(after["metadata"])
        for field in ("creationTimestamp", "generation", "deletionTimestamp", "deletionGracePeriodSeconds"):
            metadata.pop(field, None)
            if field in before["metadata"]:
                metadata[field] = before["metadata"][field]
        metadata["uid"] = metadata.get("uid") or uid(before)
        metadata.pop("managedFields", None)
        if "managedFields" in before["metadata"]:
            metadata["managedFields"] = before["metadata"]["managedFields"]
        if "namespace" in before["metadata"]:
            metadata.setdefault("namespace", namespace(before))
        return {field: value for field, value in metadata.items() if value not in (None, {})}

    def _finish(self, kind: KubeKind, obj: Obj) -> None:
        if kind is not kinds.NAMESPACES:
            self.store.remove(kind, obj)

    def delete(self, kind: KubeKind, obj: Obj, options: Obj, *, dry_run: bool = False) -> tuple[Obj, bool]:
        """Return the last state of the object, and whether it was deleted at once."""
        self._check_preconditions(kind, obj, options)
        if kind is kinds.PODS:
            return self._delete_pod(obj, options, dry_run)
        if kind is kinds.NAMESPACES or obj["metadata"].get("finalizers"):
            return self._mark(kind, obj, dry_run), False
        if not dry_run:
            # by default batch/v1 keeps a Job's pods
            # https://github.com/kubernetes/kubernetes/blob/master/pkg/registry/batch/job/strategy.go
            default = "Orphan" if kind is kinds.JOBS else "Background"
            if options.get("propagationPolicy", default) == "Orphan":
                self._orphan(uid(obj))
            self.store.remove(kind, obj)
        return obj, True

    def _check_preconditions(self, kind: KubeKind, obj: Obj, options: Obj) -> None:
        for field, label in (("uid", "UID"), ("resourceVersion", "ResourceVersion")):
            expected = get(options, "preconditions", field)
            if expected is not None and expected != obj["metadata"][field]:
                raise precondition(kind, name(obj), label, expected, obj["metadata"][field])

    def _mark(self, kind: KubeKind, obj: Obj, dry_run: bool) -> Obj:
        if terminating(obj):
            return obj
        marked = clone(obj)
        marked["metadata"]["deletionTimestamp"] = rfc3339(self.store.now())
        if kind is kinds.NAMESPACES:
            marked["status"]["phase"] = "Terminating"
        return marked if dry_run else self.store.replace(kind, marked)

    def _delete_pod(self, pod: Obj, options: Obj, dry_run: bool) -> tuple[Obj, bool]:
        grace = options.get("gracePeriodSeconds")
        if grace is None:
            grace = pod["spec"].get("terminationGracePeriodSeconds", 30)
        finished = get(pod, "status", "phase") in ("Succeeded", "Failed")
        if int(grace) == 0 or not pod["spec"].get("nodeName") or finished:
            if not dry_run:
                self.store.remove(kinds.PODS, pod)
            return pod, True
        if terminating(pod):
            return pod, False
        marked = clone(pod)
        marked["metadata"]["generation"] = marked["metadata"].get("generation", 1) + 1
        marked["metadata"]["deletionTimestamp"] = rfc3339(self.store.now() + int(grace))
        marked["metadata"]["deletionGracePeriodSeconds"] = int(grace)
        return (marked if dry_run else self.store.replace(kinds.PODS, marked)), False

    def _orphan(self, owner: str) -> None:
        for kind in kinds.ALL:
            for obj in self.store.all(kind):
                references = obj["metadata"].get("ownerReferences") or ()
                kept = [reference for reference in references if reference["uid"] != owner]
                if len(kept) != len(references):
                    freed = clone(obj)
                    freed["metadata"]["ownerReferences"] = kept
                    if not kept:
                        del freed["metadata"]["ownerReferences"]
                    self.store.replace(kind, freed)

    def set_status(self, kind: KubeKind, obj: Obj, status: Obj) -> Obj:
        """Set the status of an object, for controllers. Return the object."""
        return self.store.replace(kind, {**obj, "status": status})

    def event(self, about: Obj, reason: str, message: str, source: str, *, warning: bool = False) -> None:
        """Record an Event, as the scheduler, the kubelet and the controllers do. Repeated warnings are counted."""
        now = self.store.now()
        for known in self.store.all(kinds.EVENTS, namespace(about) or "default") if warning else ():
            same = known["involvedObject"].get("uid") == uid(about) and known["message"] == message
            if same and known["reason"] == reason and known.get("lastTimestamp"):
                counted = {"count": known["count"] + 1, "lastTimestamp": rfc3339(now)}
                self.store.replace(kinds.EVENTS, {**known, **counted})
                return
        stamp = f"{int(now * 1e9):x}{self.store.number(4096):03x}"
        ns = namespace(about) or "default"
        if self.store.find(kinds.NAMESPACES, "", ns) is None:
            return
        involved = {"kind": about["kind"], "namespace": ns, "name": name(about), "uid": uid(about)}
        involved |= {"apiVersion": about["apiVersion"], "resourceVersion": about["metadata"]["resourceVersion"]}
        event: Obj = {
            "metadata": {"name": f"{name(about)}.{stamp}", "namespace": ns},
            "involvedObject": involved,
            "reason": reason,
            "message": message,
            "type": "Warning" if warning else "Normal",
            "reportingComponent": source,
        }
        if source == "default-scheduler":
            action = "Binding" if reason == "Scheduled" else "Scheduling"
            event |= {"source": {}, "firstTimestamp": None, "lastTimestamp": None, "eventTime": rfc3339_micro(now)}
            event |= {"action": action, "reportingInstance": source}
        else:
            times = dict.fromkeys(("firstTimestamp", "lastTimestamp"), rfc3339(now))
            event |= {"source": {"component": source}, **times, "count": 1, "eventTime": None, "reportingInstance": ""}
        self.store.add(kinds.EVENTS, self.store.stamp(kinds.EVENTS, event))


def _desired(kind: KubeKind, obj: Obj) -> object:
    return obj.get("webhooks") if kind is kinds.MUTATING_WEBHOOKS else obj.get("spec")


def _refreshed(kind: KubeKind, obj: Obj) -> Obj:
    """Apply the defaults again to fields that an update added. A pod's defaults are final at creation."""
    body = {field: value for field, value in obj.items() if field not in ("kind", "apiVersion")}
    if kind in (kinds.PODS, kinds.NAMESPACES, kinds.NODES):
        return body
    defaulted = apply_defaults(kind, body)
    if "status" in body:
        defaulted["status"] = body["status"]
    return defaulted
