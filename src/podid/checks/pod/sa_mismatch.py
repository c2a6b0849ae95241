"""The service account of the pod: an association that no pod uses, and a workload that probably should use it."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from podid.checks.base import Case, Check, Severity, Snapshot, Subject, Verdict, Verdicts, known, rule, short_list
from podid.checks.shared.injection import hindrance
from podid.domain.aws import Association, Listed
from podid.domain.cluster import Pod, Workload
from podid.domain.grouping import grouped
from podid.domain.names import ServiceAccountRef
from podid.domain.text import Names
from podid.domain.workloads import RESTARTABLE, live, workload_subject
from podid.facts.index import index, podid_command, set_account, used_without_role

NAME_LABELS = ("app.kubernetes.io/name", "app.kubernetes.io/instance", "app")
ALIKE = 0.85
DECORATIONS = ("-service-account", "-serviceaccount", "-svc-account", "-sa", "-svc", "-irsa", "-pod-identity", "-role")


@rule(needs=("associations", "service_accounts", "pods", "workloads"), wants=("cluster",))
def sa_mismatch(check: Check, snapshot: Snapshot) -> Verdicts:
    facts = index(snapshot)
    accounts = {account.ref: account.irsa_role_arn for account in known(snapshot.service_accounts)}
    used = {w.ref for w in known(snapshot.workloads)} | set(facts.pods)
    # a service account with IRSA has its own role: its workload may not be migrated yet
    served = {*facts.associations, *(ref for ref, role in accounts.items() if role)}
    strays = _strays(snapshot, served)
    kept = {*facts.on_delete, *facts.partitions, *facts.paused}
    stuck = grouped((workload.ref, workload) for workload in known(snapshot.workloads) if workload.subject in kept)
    lost = {w.subject: w for w in known(snapshot.workloads) if w.ref not in accounts and w.kind in RESTARTABLE}
    for association in known(snapshot.associations):
        ref = association.ref
        case = check.of_account(ref)
        if ref in used:
            late = (
                verdict
                for workload in stuck.get(ref, ())
                for verdict in _left_behind(check, snapshot, workload, served)
            )
            yield (
                next(late, None) or _leaving(case, facts.pods.get(ref, ()), lost) or case.ok("pods or workloads use it")
            )
        elif ref not in accounts:
            yield case.skip("the service account does not exist")
        elif ref.namespace in strays and (suspects := strays[ref.namespace].meant_for(ref.name)):
            yield _mismatch(check, snapshot, association, suspects, accounts)
        elif len(homes := used_without_role(snapshot).get(ref.name, [])) == 1:
            yield _other_namespace(check, snapshot, association, *homes)
        else:
            yield case.skip("no pod or workload uses it, and none has a similar name")


def _left_behind(
    check: Check, snapshot: Snapshot, workload: Workload, served: Collection[ServiceAccountRef]
) -> Iterator[Verdict]:
    """Yield a finding if the workload does not replace its pods with another service account than its template has."""
    ref, subject = workload.ref, workload.subject
    pods = tuple(pod for pod in known(snapshot.pods) if live(pod) and workload_subject(pod) == subject)
    old = tuple(pod for pod in pods if pod.ref not in (ref, *served))
    if old and (kept := hindrance(snapshot, subject, old)) is not None:
        yield check.case(ref.subject, (str(ref), *sorted({str(pod.ref) for pod in old}))).fail_pods(
            old,
            len(pods),
            f"of {subject} still {'runs' if len(old) == 1 else 'run'} as "
            f"{short_list(sorted({pod.service_account for pod in old}))}, although its template specifies {ref.name}",
            kept.reason,
            severity=Severity.WARN if any(map(live, index(snapshot).pods.get(ref, ()))) else None,
            commands=(kept.command,) if kept.command else (),
            pods=old,
        )


def _leaving(case: Case, pods: Iterable[Pod], lost: Mapping[Subject, Workload]) -> Verdict | None:
    """Return a finding if a workload with pods of the service account now names one that does not exist."""
    old = [pod for pod in pods if live(pod) and (new := lost.get(workload_subject(pod))) and new.ref != pod.ref]
    if not old:
        return None
    workload = lost[workload_subject(old[0])]
    return case.fail(
        f"{workload.subject} names {workload.service_account!r}, which does not exist: no new pod can be created, and "
        f"only its previous pods run as {old[0].service_account}",
        f"pods: {short_list(pod.name for pod in old)}",
        severity=Severity.WARN,
        commands=set_account(workload.subject, old[0].service_account),
    )


@dataclass(frozen=True, slots=True)
class _Stray:
    """A workload, or a pod without a controller, whose service account has no role; `names` are its possible names."""

    subject: Subject
    account: str
    names: frozenset[str]

    @classmethod
    def of(cls, item: Workload | Pod) -> "_Stray":
        names = (item.name, *(item.labels[key] for key in NAME_LABELS if key in item.labels))
        return cls(item.subject, item.service_account, frozenset(map(_plain, names)))


class _Strays:
    def __init__(self, strays: Iterable[_Stray]) -> None:
        self._strays = sorted(strays, key=lambda s: s.subject)
        self._named = grouped((name, place) for place, stray in enumerate(self._strays) for name in stray.names)
        # a workload with its own service account counts only if the names are the same
        self._default = {name for stray in self._strays if stray.account == "default" for name in stray.names}
        self._longer: dict[str, set[str]] = defaultdict(set)
        for name in self._default:
            parts = name.split("-")
            for cut in range(1, len(parts)):
                self._longer["-".join(parts[:cut])].add(name)
                self._longer["-".join(parts[cut:])].add(name)
        self._alike = Names(self._default)

    def meant_for(self, account: str) -> list[tuple[Subject, str]]:
        """Return the workloads that probably should use an unused association, with their service account."""
        plain = _plain(account)
        same = set(self._named.get(plain, ()))
        near = {*self._longer.get(plain, ()), *self._alike.nearest(plain, len(self._default), ALIKE)}
        like = {place for name in near for place in self._named[name] if self._strays[place].account == "default"}
        return [(self._strays[place].subject, self._strays[place].account) for place in sorted(same | like)]


def _strays(snapshot: Snapshot, served: Collection[ServiceAccountRef]) -> Mapping[str, _Strays]:
    workloads = [
        w for w in known(snapshot.workloads) if w.owner is None or w.owner.kind not in ("CronJob", "Deployment")
    ]
    pods = [pod for pod in known(snapshot.pods) if pod.owner is None and live(pod)]
    items: tuple[Workload | Pod, ...] = (*workloads, *pods)
    strays = (_Stray.of(item) for item in items if item.ref not in served)
    by_namespace = grouped((stray.subject.namespace, stray) for stray in strays)
    return {namespace: _Strays(members) for namespace, members in by_namespace.items()}


def _plain(name: str) -> str:
    for end in DECORATIONS:
        name = name.removesuffix(end)
    return name


def _other_namespace(check: Check, snapshot: Snapshot, association: Listed, home: ServiceAccountRef) -> Verdict:
    ref, roles = association.ref, [association.role_arn] if isinstance(association, Association) else []
    return check.case(ref.subject, (str(ref), str(home))).fail(
        f"no pod or workload uses {ref}, but {home} is in use and has no association",
        f"associations with a service account of this name: {ref}",
        severity=Severity.WARN,
        commands=[podid_command(snapshot, "associate", str(home), "--role", role) for role in roles],
    )


def _mismatch(
    check: Check,
    snapshot: Snapshot,
    association: Listed,
    suspects: list[tuple[Subject, str]],
    accounts: Collection[ServiceAccountRef],
) -> Verdict:
    ref = association.ref
    workload, runs_as = suspects[0]
    meant = f"{ref.namespace}/{runs_as}"
    exists = ServiceAccountRef(ref.namespace, runs_as) in accounts
    named = f"runs as {runs_as!r}, which has no association" if exists else f"names {runs_as!r}, which does not exist"
    return check.case(ref.subject, (str(ref), meant)).fail(
        f"no pod runs as {ref}, but {workload} {named}",
        *(f"serviceAccountName of {suspect}: {account}" for suspect, account in suspects[:5]),
        commands=(
            *set_account(workload, ref.name),
            # every pod of the namespace that names no service account runs as default, so it gets no role
            *(
                (podid_command(snapshot, "associate", meant, "--role", association.role_arn),)
                if exists and runs_as != "default" and isinstance(association, Association)
                else ()
            ),
        ),
    )
