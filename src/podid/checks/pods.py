"""Links 2 and 6 as the pods show them: the right service account, on a node where the agent can be."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher

from podid.checks.base import check
from podid.checks.facts import by_workload, index, podid_command, service_account_subject
from podid.domain.findings import FixClass, Severity, Subject, Verdict
from podid.domain.model import Association, Pod, Workload
from podid.domain.names import ServiceAccountRef
from podid.domain.snapshot import Snapshot, known
from podid.domain.words import short_list
from podid.domain.workloads import TOKEN_VOLUME, live, on_fargate, on_windows

NAME_LABELS = ("app.kubernetes.io/name", "app.kubernetes.io/instance", "app")
ALIKE = 0.85
DECORATIONS = ("-service-account", "-serviceaccount", "-sa", "-irsa", "-pod-identity", "-role")


@check(
    id="sa-mismatch",
    severity=Severity.ERROR,
    link=2,
    title="the workload that an association is meant for runs as its service account",
    needs=("associations", "service_accounts", "pods", "workloads"),
    wants=("cluster",),
    fix=FixClass.PRINT,
)
def sa_mismatch(snapshot: Snapshot) -> Iterable[Verdict]:
    facts = index(snapshot)
    accounts = {account.ref for account in known(snapshot.service_accounts)}
    used = {w.ref for w in known(snapshot.workloads)} | set(facts.pods)
    strays = _strays(snapshot, facts.associations)
    for association in known(snapshot.associations):
        ref = association.ref
        subject, chain = service_account_subject(ref), (str(ref),)
        if ref in used:
            yield sa_mismatch.ok(subject, "pods or workloads use it", chain=chain)
        elif ref not in accounts:
            yield sa_mismatch.skip(subject, "the service account does not exist", chain=chain)
        elif suspects := _suspects(ref, strays.get(ref.namespace, ())):
            yield _mismatch(snapshot, association, suspects)
        else:
            yield sa_mismatch.skip(subject, "nothing uses it, and no workload looks as if it should", chain=chain)


@dataclass(frozen=True, slots=True)
class _Stray:
    """A workload, or a bare pod, whose service account has no association."""

    subject: Subject
    account: str
    labels: Mapping[str, str]


def _strays(
    snapshot: Snapshot, associations: Mapping[ServiceAccountRef, Association]
) -> Mapping[str, tuple[_Stray, ...]]:
    """By namespace, in the order of their names."""
    found = [
        _Stray(Subject(w.kind, w.name, w.namespace), w.service_account, w.labels)
        for w in known(snapshot.workloads)
        if w.ref not in associations and not _owned(w)
    ]
    found += [
        _Stray(Subject("Pod", pod.name, pod.namespace), pod.service_account, pod.labels)
        for pod in known(snapshot.pods)
        if pod.ref not in associations and pod.owner is None and live(pod)
    ]
    places: dict[str, list[_Stray]] = defaultdict(list)
    for stray in sorted(found, key=lambda s: s.subject):
        places[stray.subject.namespace].append(stray)
    return {namespace: tuple(strays) for namespace, strays in places.items()}


def _suspects(ref: ServiceAccountRef, strays: Iterable[_Stray]) -> list[tuple[Subject, str]]:
    """Those that an unused association seems meant for, with the service account that they run as."""
    return [(s.subject, s.account) for s in strays if _meant_for(ref.name, s.subject.name, s.labels, s.account)]


def _owned(workload: Workload) -> bool:
    return workload.owner is not None and workload.owner.kind in ("CronJob", "Deployment")


def _meant_for(account: str, workload: str, labels: Mapping[str, str], runs_as: str) -> bool:
    wanted = _plain(account)
    names = {_plain(workload), *(_plain(labels[key]) for key in NAME_LABELS if key in labels)}
    if wanted in names:
        return True
    # a workload with an account of its own is left in peace unless the names are the same
    return runs_as == "default" and any(_similar(wanted, name) for name in names)


def _plain(name: str) -> str:
    for end in DECORATIONS:
        name = name.removesuffix(end)
    return name


def _similar(one: str, other: str) -> bool:
    parts = (f"{one}-", f"-{one}")
    if other.startswith(parts[0]) or other.endswith(parts[1]):
        return True
    matcher = SequenceMatcher(None, one, other)
    # the two bounds are cheap, the ratio is not: namespaces can hold thousands of names
    return all(ratio() >= ALIKE for ratio in (matcher.real_quick_ratio, matcher.quick_ratio, matcher.ratio))


def _mismatch(snapshot: Snapshot, association: Association, suspects: list[tuple[Subject, str]]) -> Verdict:
    ref = association.ref
    workload, runs_as = suspects[0]
    can_set = workload.kind in ("Deployment", "StatefulSet", "DaemonSet")
    set_account = ("kubectl", "-n", ref.namespace, "set", "serviceaccount", f"{workload.kind.lower()}/{workload.name}")
    associate = podid_command(snapshot, "associate", f"{ref.namespace}/{runs_as}", "--role", association.role_arn)
    return sa_mismatch.fail(
        service_account_subject(ref),
        f"nothing runs as {ref}, while {workload} runs as {runs_as!r}, which has no association",
        chain=(str(ref), f"{ref.namespace}/{runs_as}"),
        evidence=tuple(f"{found} has serviceAccountName {account}" for found, account in suspects[:5]),
        commands=(
            *(((*set_account, ref.name),) if can_set else ()),
            # every pod of the namespace that names no account runs as default: not one to hand a role to
            *((associate,) if runs_as != "default" else ()),
        ),
    )


@check(
    id="association-deleted-env-remains",
    severity=Severity.ERROR,
    link=1,
    title="every pod that carries Pod Identity's token still has its association",
    needs=("associations", "pods"),
    wants=("cluster",),
    fix=FixClass.ASK,
)
def association_deleted_env_remains(snapshot: Snapshot) -> Iterable[Verdict]:
    facts = index(snapshot)
    for ref, pods in sorted(facts.pods.items()):
        carriers = [pod for pod in pods if live(pod) and TOKEN_VOLUME in pod.volumes]
        if not carriers:
            continue
        subject, chain = service_account_subject(ref), (str(ref),)
        if ref in facts.associations:
            yield association_deleted_env_remains.ok(subject, "its pods and its association agree", chain=chain)
            continue
        yield association_deleted_env_remains.fail(
            subject,
            f"{len(carriers)} pod(s) carry Pod Identity's token, but {ref} has no association any more: "
            "they fail when their cached credentials run out",
            chain=chain,
            evidence=(
                f"pods: {short_list(pod.name for pod in carriers)}",
                "once the association is back, these pods work again without a restart",
            ),
            commands=(podid_command(snapshot, "history"),),
        )


def _placed(snapshot: Snapshot) -> Iterable[tuple[Association, Subject, list[Pod]]]:
    """(association, workload, its live pods) for every associated service account."""
    facts = index(snapshot)
    for ref, association in sorted(facts.associations.items()):
        for workload, pods in by_workload(p for p in facts.pods.get(ref, ()) if live(p)).items():
            yield association, workload, pods


@check(
    id="fargate-pod",
    severity=Severity.ERROR,
    link=6,
    title="no pod of an associated service account runs on Fargate",
    needs=("associations", "pods"),
    wants=("cluster", "nodes"),
    fix=FixClass.PRINT,
)
def fargate_pod(snapshot: Snapshot) -> Iterable[Verdict]:
    nodes = index(snapshot).nodes
    for association, workload, pods in _placed(snapshot):
        ref, there = association.ref, [pod for pod in pods if on_fargate(pod, nodes)]
        if not there:
            yield fargate_pod.ok(workload, "none of its pods runs on Fargate", chain=(str(ref),))
            continue
        yield fargate_pod.fail(
            workload,
            f"{len(there)} of {len(pods)} pod(s) run on Fargate, where there is no Pod Identity agent; use IRSA there",
            chain=(str(ref),),
            evidence=(
                f"pods: {short_list(f'{pod.name} on {pod.node}' for pod in there)}",
                "while the association exists, the webhook injects no IRSA credentials either",
            ),
            commands=(podid_command(snapshot, "disassociate", str(ref)),),
        )


@check(
    id="windows-pod",
    severity=Severity.ERROR,
    link=6,
    title="no pod of an associated service account runs on Windows",
    needs=("associations", "pods", "nodes"),
    wants=("cluster",),
    fix=FixClass.PRINT,
)
def windows_pod(snapshot: Snapshot) -> Iterable[Verdict]:
    nodes = index(snapshot).nodes
    for association, workload, pods in _placed(snapshot):
        ref, there = association.ref, [pod for pod in pods if on_windows(pod, nodes)]
        if not there:
            yield windows_pod.ok(workload, "none of its pods runs on Windows", chain=(str(ref),))
            continue
        yield windows_pod.fail(
            workload,
            f"{len(there)} of {len(pods)} pod(s) run on Windows, where there is no Pod Identity agent; use IRSA there",
            chain=(str(ref),),
            evidence=(f"pods: {short_list(f'{pod.name} on {pod.node}' for pod in there)}",),
            commands=(podid_command(snapshot, "disassociate", str(ref)),),
        )


@check(
    id="host-network-pod",
    severity=Severity.INFO,
    link=5,
    title="no pod of an associated service account shares its node's network",
    needs=("associations", "pods"),
    fix=FixClass.NONE,
)
def host_network_pod(snapshot: Snapshot) -> Iterable[Verdict]:
    for association, workload, pods in _placed(snapshot):
        chain, there = (str(association.ref),), [pod for pod in pods if pod.host_network]
        if not there:
            yield host_network_pod.ok(workload, "its pods have a network of their own", chain=chain)
        elif association.owner_arn:
            yield host_network_pod.skip(workload, "an add-on's pods use the node's network on purpose", chain=chain)
        else:
            yield host_network_pod.fail(
                workload,
                f"{len(there)} of {len(pods)} pod(s) use the node's network: Pod Identity works there, but a mistake "
                "falls back to the node's role unnoticed",
                chain=chain,
                evidence=(f"pods: {short_list(pod.name for pod in there)}",),
            )
