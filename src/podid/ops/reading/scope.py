"""What a doctor is asked about: all of a cluster, a namespace, a service account, a pod or a workload."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from typing import TypeVar

from podid.domain.errors import AccessDenied, Again, Hint, InvalidInput, NotFound, Undetermined, UsageError
from podid.domain.findings import EVERYONE, Verdict
from podid.domain.names import ServiceAccountRef
from podid.domain.snapshot import Known, Missing, Section, Snapshot, known_or
from podid.domain.text import did_you_mean, nearest
from podid.domain.workloads import workload_subject

T = TypeVar("T")

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
    """What to judge: all of the cluster (empty), one namespace, one service account (kind ServiceAccount) or several,
    one pod or one workload. The agent and the nodes below it are always looked at. `typed` is how the user wrote it,
    `several` are the service accounts where these are more than one."""

    namespace: str = ""
    kind: str = ""
    name: str = ""
    typed: str = field(default="", compare=False)
    several: tuple[ServiceAccountRef, ...] = ()

    @classmethod
    def of(cls, refs: Collection[ServiceAccountRef]) -> "DoctorScope":
        """Of these service accounts, of which there is one at least."""
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
        """The service accounts, where these were named."""
        if self.kind != SERVICE_ACCOUNT:
            return ()
        return self.several or (ServiceAccountRef(self.namespace, self.name),)

    @property
    def namespaces(self) -> tuple[str, ...]:
        """The only ones that it is about; none for all."""
        return tuple(sorted({ref.namespace for ref in self.named} or {self.namespace} - {""}))

    @property
    def sections(self) -> tuple[str, ...]:
        """What has to be read to know whether what was named exists, and which service accounts are its."""
        if self == EVERYTHING:
            return ()
        return ("associations", "service_accounts", "namespaces", *(("pods", "workloads") if self.kind else ()))

    def narrow(
        self, verdict: Verdict, targets: Iterable[ServiceAccountRef], also: Iterable[ServiceAccountRef] = ()
    ) -> Verdict | None:
        """Return the verdict with only those in scope left in its chain, and `also`; None when it concerns none."""
        if self == EVERYTHING or verdict.chain == EVERYONE:
            return verdict
        names = {str(ref) for ref in targets}
        chain = {
            name for name in verdict.chain if (name in names if self.kind else name.startswith(f"{self.namespace}/"))
        }
        chain |= {str(ref) for ref in also}
        return replace(verdict, chain=tuple(sorted(chain))) if chain else None


EVERYTHING = DoctorScope()


def parse_target(text: str = "", namespace: str = "") -> DoctorScope:
    """NAMESPACE/NAME (a service account), pod/NS/NAME, deploy/NS/NAME and the like, or kubectl's deploy/NAME beside a
    namespace; with no text, all of `namespace` or of the cluster. InvalidInput for anything else, UsageError when both
    name a different namespace."""
    if not text:
        return DoctorScope(namespace=namespace, typed=namespace)
    parts = text.split("/")
    if len(parts) == 2 and namespace not in ("", parts[0]) and parts[0].lower() in KINDS:
        parts.insert(1, namespace)
    if len(parts) == 3:
        kind = KINDS.get(parts[0].lower())
        if kind is None:
            raise InvalidInput(
                f"{text!r}: {parts[0]!r} is no kind that doctor knows; use one of {', '.join(KINDS)}", subject=text
            )
        ref = ServiceAccountRef.parse("/".join(parts[1:]))
        scope = DoctorScope(ref.namespace, kind, ref.name, text)
    else:
        ref = ServiceAccountRef.parse(text)
        scope = DoctorScope(ref.namespace, SERVICE_ACCOUNT, ref.name, text)
    if namespace and namespace != scope.namespace:
        raise UsageError(f"{text!r} is not in the namespace {namespace!r} that --namespace names", subject=text)
    return scope


def resolve(scope: DoctorScope, snapshot: Snapshot) -> tuple[ServiceAccountRef, ...]:
    """The service accounts that the user named, by themselves or through a pod or workload. NotFound for what is known
    not to exist: an association, or a workload, that names it is reason enough to look."""
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
            message = f"Service account {ref} does not exist{did_you_mean(ref.name, known)}"
            raise NotFound(message, hint=hint, subject=str(ref))
        return scope.named
    things = _things(scope, snapshot)
    refs = {ref for name, ref in things if name == scope.name}
    if not refs:
        known = [name for name, _ in things]
        message = f"{scope.kind} {scope.namespace}/{scope.name} does not exist{did_you_mean(scope.name, known)}"
        raise NotFound(message, hint=_instead(scope.typed, scope.name, known, last=True), subject=str(scope))
    return tuple(sorted(refs))


def _things(scope: DoctorScope, snapshot: Snapshot) -> list[tuple[str, ServiceAccountRef]]:
    """The name and the service account of each pod, or workload of the kind, in the namespace. A workload that its pods
    tell of need not be readable."""
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
        kind = KINDS.get(namespace) if scope.kind == SERVICE_ACCOUNT and scope.name else None
        typed = next((str(ref) for ref in scope.several if ref.namespace == namespace), scope.typed)
        raise NotFound(
            f"Namespace {namespace} does not exist{did_you_mean(namespace, namespaces.value)}",
            hint=() if kind else _instead(typed, namespace, namespaces.value),
            subject=str(scope),
            advice=f"for the {kind} {scope.name}, write {namespace}/NAMESPACE/{scope.name}" if kind else "",
        )


def _instead(typed: str, name: str, known: Iterable[str], *, last: bool = False) -> Hint:
    """The command again with the nearest of the known names for `name`, a part of what was typed, of two alike the
    last one where that is meant."""
    near, parts = nearest(name, known, 1), typed.split("/")
    if not near:
        return ()
    if name not in parts:  # a namespace that was given by itself
        return Again(swap=(name, near[0]))
    place = len(parts) - 1 if last else parts.index(name)
    return Again(swap=(typed, "/".join((*parts[:place], near[0], *parts[place + 1 :]))))


def _readable(section: Section[T], scope: DoctorScope) -> T:
    if isinstance(section, Missing):
        message = f"cannot look for {scope.kind} {scope.namespace}/{scope.name}: {section.reason}"
        if section.permission:
            raise AccessDenied(message, permission=section.permission, subject=str(scope))
        raise Undetermined(message, subject=str(scope))
    return section.value
