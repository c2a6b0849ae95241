"""The right service account on the pod: an association that nothing uses, and a workload that looks as if it should."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher

from podid.checks.base import Check
from podid.checks.shared.facts import index, podid_command, service_account_subject
from podid.domain.findings import Subject, Verdict
from podid.domain.model import Association, Workload
from podid.domain.names import ServiceAccountRef
from podid.domain.snapshot import Snapshot, known
from podid.domain.workloads import RESTARTABLE, live

NAME_LABELS = ("app.kubernetes.io/name", "app.kubernetes.io/instance", "app")
ALIKE = 0.85
DECORATIONS = ("-service-account", "-serviceaccount", "-sa", "-irsa", "-pod-identity", "-role")


def rule(check: Check, snapshot: Snapshot) -> Iterable[Verdict]:
    facts = index(snapshot)
    accounts = {account.ref for account in known(snapshot.service_accounts)}
    used = {w.ref for w in known(snapshot.workloads)} | set(facts.pods)
    strays = _strays(snapshot, facts.associations)
    for association in known(snapshot.associations):
        ref = association.ref
        case = check.case(service_account_subject(ref), (str(ref),))
        if ref in used:
            yield case.ok("pods or workloads use it")
        elif ref not in accounts:
            yield case.skip("the service account does not exist")
        elif suspects := _suspects(ref, strays.get(ref.namespace, ())):
            yield _mismatch(check, snapshot, association, suspects)
        else:
            yield case.skip("nothing uses it, and no workload looks as if it should")


CHECK = Check.of(
    "sa-mismatch", rule, needs=("associations", "service_accounts", "pods", "workloads"), wants=("cluster",)
)


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


def _mismatch(
    check: Check, snapshot: Snapshot, association: Association, suspects: list[tuple[Subject, str]]
) -> Verdict:
    ref = association.ref
    workload, runs_as = suspects[0]
    meant = f"{ref.namespace}/{runs_as}"
    set_account = ("kubectl", "-n", ref.namespace, "set", "serviceaccount", f"{workload.kind.lower()}/{workload.name}")
    associate = podid_command(snapshot, "associate", meant, "--role", association.role_arn)
    return check.case(service_account_subject(ref), (str(ref), meant)).fail(
        f"nothing runs as {ref}, while {workload} runs as {runs_as!r}, which has no association",
        evidence=tuple(f"{found} has serviceAccountName {account}" for found, account in suspects[:5]),
        commands=(
            *(((*set_account, ref.name),) if workload.kind in RESTARTABLE else ()),
            # every pod of the namespace that names no account runs as default: not one to hand a role to
            *((associate,) if runs_as != "default" else ()),
        ),
    )
