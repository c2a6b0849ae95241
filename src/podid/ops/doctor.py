"""The doctor: which checks, which part of the cluster, and the report that comes of it.

`select` and `parse_target` read the request, `podid.ops.collect.collect` reads the cluster, `diagnose` judges.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from podid.checks.all import ALL, BY_ID, ORDER
from podid.checks.base import EVERYONE, Check
from podid.checks.runner import mask, run_checks
from podid.checks.shared.facts import cluster_name
from podid.domain.errors import AccessDenied, InvalidInput, NotFound, Undetermined, UsageError
from podid.domain.findings import Verdict
from podid.domain.names import ServiceAccountRef
from podid.domain.report import DoctorReport
from podid.domain.rights import KubeRight, Rights, rights_of
from podid.domain.snapshot import Known, Missing, Section, Snapshot
from podid.domain.words import nearest
from podid.domain.workloads import workload_subject

if TYPE_CHECKING:
    from datetime import datetime

    from podid.domain.place import Place
    from podid.ops.clients import Clients

T = TypeVar("T")

KINDS = {
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
class Scope:
    """What to judge: all of the cluster (empty), one namespace, one service account (kind ServiceAccount), one pod or
    one workload. The agent and the nodes below it are always looked at."""

    namespace: str = ""
    kind: str = ""
    name: str = ""

    def __str__(self) -> str:
        if not self.kind:
            return self.namespace
        return "/".join((*(() if self.kind == "ServiceAccount" else (self.kind,)), self.namespace, self.name))


def parse_target(text: str = "", namespace: str = "") -> Scope:
    """NAMESPACE/NAME (a service account), pod/NS/NAME, deploy/NS/NAME and the like; with no text, all of `namespace`
    or of the cluster. InvalidInput for anything else, UsageError when both name a different namespace."""
    if not text:
        return Scope(namespace=namespace)
    parts = text.split("/")
    if len(parts) == 3:
        kind = KINDS.get(parts[0].lower())
        if kind is None:
            raise InvalidInput(
                f"{text!r}: {parts[0]!r} is no kind that doctor knows; use one of {', '.join(KINDS)}", subject=text
            )
        ref = ServiceAccountRef.parse("/".join(parts[1:]))
        scope = Scope(ref.namespace, kind, ref.name)
    else:
        ref = ServiceAccountRef.parse(text)
        scope = Scope(ref.namespace, "ServiceAccount", ref.name)
    if namespace and namespace != scope.namespace:
        raise UsageError(f"{text!r} is not in the namespace {namespace!r} that --namespace names", subject=text)
    return scope


def select(only: Sequence[str] = (), skip: Sequence[str] = ()) -> tuple[Check, ...]:
    """The checks to run, in causal order; UsageError for an id that is no check, with the nearest ones."""
    for name in (*only, *skip):
        if name not in BY_ID:
            near = nearest(name, BY_ID)
            advice = f"did you mean {', '.join(near)}?" if near else ""
            raise UsageError(
                f"{name!r} is not the id of a check", hint=("podid", "doctor", "--list"), subject=name, advice=advice
            )
    chosen = tuple(c for c in ALL if (not only or c.id in only) and c.id not in skip)
    if not chosen:
        raise UsageError("no check is left to run: --skip takes away all that --check selects")
    return chosen


def sections(checks: Iterable[Check]) -> frozenset[str]:
    """Every section that the checks need or want: what has to be read."""
    return frozenset(name for c in checks for name in (*c.needs, *c.wants))


def examine(
    clients: Clients, place: Place, checks: Iterable[Check], *, now: datetime, scope: Scope | None = None
) -> Snapshot:
    """Reads what the checks need of the cluster at `place`."""
    from podid.ops.collect import Clients as Readers
    from podid.ops.collect import collect

    assert place.cluster is not None
    kube = clients.kube
    readers = Readers(
        clients.eks,
        clients.iam,
        kube=None if kube.failure is not None else kube.reader,
        kube_failure=kube.failure,
    )
    return collect(readers, place.cluster, sections(checks), now=now, scope=scope)


def diagnose(snapshot: Snapshot, *, checks: Sequence[Check] = ALL, scope: Scope | None = None) -> DoctorReport:
    """The report on the scope. NotFound for a pod or workload that does not exist; the error that stood in the way
    when it could not be looked for."""
    scope = scope or Scope()
    targets = resolve(scope, snapshot)
    snapshot = replace(snapshot, targets=targets)
    verdicts = run_checks(checks, snapshot)
    if scope != Scope():
        names = None if not scope.kind else {str(ref) for ref in targets}
        verdicts = tuple(v for v in (_narrow(v, scope.namespace, names) for v in verdicts) if v is not None)
    cluster = snapshot.cluster
    return DoctorReport(
        cluster=cluster_name(snapshot),
        cluster_arn=cluster.value.arn if isinstance(cluster, Known) else "",
        taken_at=snapshot.taken_at,
        verdicts=mask(verdicts, ORDER),
        scope=str(scope),
        checks=tuple(c.id for c in checks),
    )


def resolve(scope: Scope, snapshot: Snapshot) -> tuple[ServiceAccountRef, ...]:
    """The service accounts that the user named, by themselves or through a pod or workload."""
    if not scope.kind:
        return ()
    if scope.kind == "ServiceAccount":
        return (ServiceAccountRef(scope.namespace, scope.name),)
    pods = _readable(snapshot.pods, scope)
    found = {
        pod.ref
        for pod in pods
        if pod.namespace == scope.namespace
        and (
            pod.name == scope.name
            if scope.kind == "Pod"
            else (workload_subject(pod).kind, workload_subject(pod).name) == (scope.kind, scope.name)
        )
    }
    if scope.kind != "Pod":
        found |= {
            w.ref
            for w in (snapshot.workloads.value if isinstance(snapshot.workloads, Known) else ())
            if (w.kind, w.namespace, w.name) == (scope.kind, scope.namespace, scope.name)
        }
        if not found:
            _readable(snapshot.workloads, scope)
    if not found:
        raise NotFound(f"{scope.kind} {scope.namespace}/{scope.name} does not exist", subject=str(scope))
    return tuple(sorted(found))


def _readable(section: Section[T], scope: Scope) -> T:
    if isinstance(section, Missing):
        what = f"cannot look for {scope.kind} {scope.namespace}/{scope.name}: {section.reason}"
        if section.permission:
            raise AccessDenied(what, permission=section.permission, subject=str(scope))
        raise Undetermined(what, subject=str(scope))
    return section.value


def _narrow(verdict: Verdict, namespace: str, names: set[str] | None) -> Verdict | None:
    """The verdict with only those in scope left in its chain; None when it concerns none of them."""
    if verdict.chain == EVERYONE:
        return verdict
    if names is not None:
        chain = tuple(name for name in verdict.chain if name in names)
    else:
        chain = tuple(name for name in verdict.chain if name.startswith(f"{namespace}/"))
    return replace(verdict, chain=chain) if chain else None


# --- what a doctor needs to be allowed ------------------------------------------------------------------------------

KubeRule = tuple[str, str, tuple[str, ...]]

# section -> IAM actions and Kubernetes (API group, resource, verbs) that reading it takes
RIGHTS: Mapping[str, tuple[tuple[str, ...], tuple[KubeRule, ...]]] = {
    "cluster": (("eks:DescribeCluster",), ()),
    "associations": (("eks:ListPodIdentityAssociations", "eks:DescribePodIdentityAssociation"), ()),
    "agent_addon": (("eks:DescribeAddon",), ()),
    "addons": (("eks:ListAddons", "eks:DescribeAddon"), ()),
    "node_groups": (("eks:ListNodegroups", "eks:DescribeNodegroup"), ()),
    "roles": (("iam:GetRole",), ()),
    "role_policies": (("iam:ListAttachedRolePolicies", "iam:ListRolePolicies", "iam:GetRolePolicy"), ()),
    "node_role_allowed": (("iam:SimulatePrincipalPolicy",), ()),
    "namespaces": ((), (("", "namespaces", ("list",)),)),
    "service_accounts": ((), (("", "serviceaccounts", ("list",)),)),
    "pods": ((), (("", "pods", ("list",)),)),
    "agent_pods": ((), (("", "pods", ("list",)), ("apps", "daemonsets", ("list",)))),
    "nodes": ((), (("", "nodes", ("list",)),)),
    "daemon_sets": ((), (("apps", "daemonsets", ("list",)),)),
    "workloads": (
        (),
        (
            ("apps", "deployments", ("list",)),
            ("apps", "statefulsets", ("list",)),
            ("apps", "daemonsets", ("list",)),
            ("batch", "cronjobs", ("list",)),
            ("batch", "jobs", ("list",)),
        ),
    ),
    "webhook_present": ((), (("admissionregistration.k8s.io", "mutatingwebhookconfigurations", ("get",)),)),
}


@dataclass(frozen=True, slots=True)
class CheckInfo:
    """One line of `podid doctor --list`; `kubernetes` reads like "list pods"."""

    id: str
    severity: str
    link: int
    title: str
    fix: str
    needs: tuple[str, ...]
    wants: tuple[str, ...]
    iam: tuple[str, ...]
    kubernetes: tuple[str, ...]


def describe_checks(checks: Iterable[Check] = ALL) -> tuple[CheckInfo, ...]:
    found = []
    for each in checks:
        iam, rules = permissions((each,))
        found.append(
            CheckInfo(
                id=each.id,
                severity=each.severity.value,
                link=each.link,
                title=each.title,
                fix=each.fix.value,
                needs=each.needs,
                wants=each.wants,
                iam=iam,
                kubernetes=tuple(f"{verb} {resource}" for _, resource, verbs in rules for verb in verbs),
            )
        )
    return tuple(found)


def permissions(checks: Iterable[Check]) -> tuple[tuple[str, ...], tuple[KubeRule, ...]]:
    """IAM actions and Kubernetes rules (group, resource, verbs) for a policy and a ClusterRole; each once."""
    iam: dict[str, None] = {}
    rules: dict[KubeRule, None] = {}
    for each in checks:
        for name in (*each.needs, *each.wants):
            actions, kubernetes = RIGHTS[name]
            iam.update(dict.fromkeys(actions))
            rules.update(dict.fromkeys(kubernetes))
    return tuple(iam), tuple(rules)


def rights(checks: Iterable[Check]) -> Rights:
    """The same as one value."""
    iam, rules = permissions(checks)
    return rights_of((*iam, *(KubeRight(group, resource, verb) for group, resource, verbs in rules for verb in verbs)))
