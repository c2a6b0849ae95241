"""The scope of a diagnosis: a cluster, a namespace, service accounts, a pod or a workload."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from typing import TypeVar

from podid.domain.errors import AccessDenied, Again, Hint, InvalidInput, NotFound, Undetermined, UsageError
from podid.domain.findings import EVERYONE, Verdict
from podid.domain.names import ServiceAccountRef
from podid.domain.snapshot import Known, Missing, Section, Snapshot, known_or
from podid.domain.text import did_you_mean, nearest, no_namespace
from podid.domain.workloads import workload_subject

T = TypeVar("T")

LIST_NAMESPACES = ("kubectl", "get", "namespaces")
SERVICE_ACCOUNT = "ServiceAccount"
KINDS = {
    "sa": SERVICE_ACCOUNT,
    "serviceaccount": SERVICE_ACCOUNT,
    "pod": "Pod",
    "po": "Pod",
    "deploy": "Deployment",
    "deployment": "Deployment",
    "sts": "StatefulSet",
    "statefulset": "StatefulSet",
    "ds": "DaemonSet",
    "daemonset": "DaemonSet",
    "job": "Job",
    "cronjob": "CronJob",
}


@dataclass(frozen=True, slots=True)
class DoctorScope:
    """The whole cluster (empty), one namespace, one or several service accounts (kind ServiceAccount), one pod or one
    workload. The agent and its nodes are always checked. `typed` is the user's text; `several` are the service
    accounts, if there is more than one."""

    namespace: str = ""
    kind: str = ""
    name: str = ""
    typed: str = field(default="", compare=False)
    several: tuple[ServiceAccountRef, ...] = ()

    @classmethod
    def of(cls, refs: Collection[ServiceAccountRef]) -> "DoctorScope":
        """Return the scope of these service accounts, at least one."""
        first, *more = sorted(set(refs))
        if more:
            return cls(kind=SERVICE_ACCOUNT, several=(first, *more))
        return cls(first.namespace, SERVICE_ACCOUNT, first.name, str(first))

    def __str__(self) -> str:
        if self.named:
            return ", ".join(map(str, self.named))
        return "/".join((self.kind, self.namespace, self.name)) if self.kind else self.namespace

    @property
    def named(self) -> tuple[ServiceAccountRef, ...]:
        if self.kind != SERVICE_ACCOUNT:
            return ()
        return self.several or (ServiceAccountRef(self.namespace, self.name),)

    @property
    def namespaces(self) -> tuple[str, ...]:
        """Return the namespaces of the scope; empty for all."""
        return tuple(sorted({ref.namespace for ref in self.named} or {self.namespace} - {""}))

    @property
    def sections(self) -> tuple[str, ...]:
        """Return the sections that are required to find the named object and its service accounts."""
        if self == EVERYTHING:
            return ()
        return ("associations", "service_accounts", "namespaces", *(("pods", "workloads") if self.kind else ()))

    def narrow(self, verdict: Verdict, names: frozenset[str], also: Iterable[ServiceAccountRef] = ()) -> Verdict | None:
        """Return the verdict with only those service accounts in its chain that are in scope or in `also`; None if
        there are none. `names` are the service accounts of the scope, if it names an object."""
        if verdict.chain == EVERYONE:
            return verdict
        more = {str(ref) for ref in also}
        # without a copy: many checks fail for all service accounts
        if self.kind and not more and verdict.chain and names.issuperset(verdict.chain):
            return verdict
        chain = {
            name for name in verdict.chain if (name in names if self.kind else name.startswith(f"{self.namespace}/"))
        }
        chain |= more
        return replace(verdict, chain=tuple(sorted(chain))) if chain else None


EVERYTHING = DoctorScope()


def _kind(text: str) -> str:
    """Return the kind as kubectl spells it: `deploy`, `deployments`, `deployment.apps`; empty for another word."""
    name = text.lower().partition(".")[0]
    return KINDS.get(name) or KINDS.get(name.removesuffix("s"), "")


def parse_target(text: str = "", namespace: str = "") -> DoctorScope:
    """Return the scope for NAMESPACE/NAME (a service account), pod/NS/NAME, deploy/NS/NAME and other kinds, or for
    kubectl's deploy/NAME with a namespace. Without text it is all of `namespace`, or the whole cluster. Raise
    InvalidInput for other text, UsageError if text and `namespace` name different namespaces."""
    if not text:
        return DoctorScope(namespace=namespace, typed=namespace)
    parts = text.split("/")
    if len(parts) == 2 and namespace not in ("", parts[0]) and _kind(parts[0]):
        parts.insert(1, namespace)
    if len(parts) == 3:
        kind = _kind(parts[0])
        if not kind:
            message = f"{text!r}: {parts[0]!r} is not a supported kind; use one of {', '.join(KINDS)}"
            raise InvalidInput(message, subject=text)
        ref = ServiceAccountRef.parse("/".join(parts[1:]))
    else:
        kind, ref = SERVICE_ACCOUNT, ServiceAccountRef.parse(text)
    scope = DoctorScope(ref.namespace, kind, ref.name, text)
    if namespace and namespace != scope.namespace:
        raise UsageError(f"{text!r} is not in namespace {namespace!r}, which --namespace specifies", subject=text)
    return scope


def resolve(scope: DoctorScope, snapshot: Snapshot) -> tuple[ServiceAccountRef, ...]:
    """Return the service accounts that the user named, directly or by a pod or workload. Raise NotFound for an object
    that is known not to exist. A service account that an association or a workload names is accepted even if it does
    not exist."""
    associated = {association.ref for association in known_or(snapshot.associations, ())}
    places = {ref.namespace for ref in associated}
    for namespace in scope.namespaces:
        if namespace not in places:
            _check_namespace(scope, namespace, snapshot)
    if not scope.kind:
        return ()
    if scope.named:
        used = associated | {pod.ref for pod in known_or(snapshot.pods, ())}
        used |= {w.ref for w in known_or(snapshot.workloads, ())}
        accounts = snapshot.service_accounts
        for ref in scope.named:
            if ref in used or not isinstance(accounts, Known) or ref in {account.ref for account in accounts.value}:
                continue
            known = [account.name for account in accounts.value if account.namespace == ref.namespace]
            hint = _instead(scope.typed or str(ref), ref.name, known, last=True)
            hint = hint or list_objects(SERVICE_ACCOUNT, ref.namespace)
            message = f"Service account {ref} does not exist{did_you_mean(ref.name, known)}"
            raise NotFound(message, hint=hint, subject=str(ref))
        return scope.named
    things = _things(scope, snapshot)
    refs = {ref for name, ref in things if name == scope.name}
    if not refs:
        known = [name for name, _ in things]
        message = f"{scope.kind} {scope.namespace}/{scope.name} does not exist{did_you_mean(scope.name, known)}"
        hint = _instead(scope.typed, scope.name, known, last=True) or list_objects(scope.kind, scope.namespace)
        raise NotFound(message, hint=hint, subject=str(scope))
    return tuple(sorted(refs))


def _things(scope: DoctorScope, snapshot: Snapshot) -> list[tuple[str, ServiceAccountRef]]:
    """Return the name and the service account of each pod, or workload of the kind, in the namespace. Workloads need
    not be readable if their pods identify them."""
    pods = [pod for pod in _readable(snapshot.pods, scope) if pod.namespace == scope.namespace]
    if scope.kind == "Pod":
        return [(pod.name, pod.ref) for pod in pods]
    subjects = ((workload_subject(pod), pod.ref) for pod in pods)
    things = [(subject.name, ref) for subject, ref in subjects if subject.kind == scope.kind]
    workloads = known_or(snapshot.workloads, ())
    things += [(w.name, w.ref) for w in workloads if (w.kind, w.namespace) == (scope.kind, scope.namespace)]
    if all(name != scope.name for name, _ in things):
        _readable(snapshot.workloads, scope)
    return things


def _check_namespace(scope: DoctorScope, namespace: str, snapshot: Snapshot) -> None:
    namespaces = snapshot.namespaces
    if isinstance(namespaces, Known) and namespace not in namespaces.value:
        kind = _kind(namespace) if scope.kind == SERVICE_ACCOUNT and scope.name else None
        typed = next((str(ref) for ref in scope.several if ref.namespace == namespace), scope.typed)
        raise NotFound(
            no_namespace(namespace, namespaces.value),
            hint=() if kind else _instead(typed, namespace, namespaces.value) or LIST_NAMESPACES,
            subject=str(scope),
            advice=f"For {kind} {scope.name}, specify {namespace}/NAMESPACE/{scope.name}" if kind else "",
        )


def list_objects(kind: str, namespace: str) -> Hint:
    return ("kubectl", "get", f"{kind.lower()}s", "-n", namespace)


def _instead(typed: str, name: str, known: Iterable[str], *, last: bool = False) -> Hint:
    """Return the same command with the most similar known name for `name`, a part of the typed text. If two parts are
    equal, `last` chooses the last one."""
    near, parts = nearest(name, known, 1), typed.split("/")
    if not near:
        return ()
    if name not in parts:  # a namespace in its own option
        return Again(swap=(name, near[0]))
    place = len(parts) - 1 if last else parts.index(name)
    return Again(swap=(typed, "/".join((*parts[:place], near[0], *parts[place + 1 :]))))


def _readable(section: Section[T], scope: DoctorScope) -> T:
    if isinstance(section, Missing):
        message = f"{scope.kind} {scope.namespace}/{scope.name} could not be read: {section.reason}"
        if section.permission:
            raise AccessDenied(message, permission=section.permission, subject=str(scope))
        raise Undetermined(message, subject=str(scope))
    return section.value
