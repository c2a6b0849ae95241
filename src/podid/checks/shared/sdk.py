"""Link 4: verdicts on the credentials that an SDK in the pod uses; their order: `podid.facts.credentials`."""

from collections.abc import Callable, Iterable, Mapping
from operator import attrgetter

from podid.checks.base import Case, Check, Missing, Severity, Snapshot, Subject, Verdict, short_list
from podid.domain.cluster import Container, Pod
from podid.domain.grouping import grouped
from podid.domain.workloads import RESTARTABLE, main_containers, served
from podid.facts.credentials import Own
from podid.facts.index import in_templates

NEEDS = ("associations", "pods")
WANTS = ("workloads",)


def per_workload(
    check: Check,
    snapshot: Snapshot,
    own_of: Callable[[Pod, Container], Own | None],
    healthy: str,
    unseen: Callable[[Pod, Container], Iterable[tuple[str, Missing]]] = lambda pod, container: (),
) -> Iterable[Verdict]:
    """Yield one verdict per workload. An error becomes a warning if another container of the same pods, other than a
    sidecar, uses Pod Identity: one of them may have its own credentials on purpose. Sources that are `unseen` make a
    healthy workload unknown, with severity warn: most environment variables of an application are not about AWS."""
    for case, (_, workload, pods) in check.of_workloads(snapshot):
        judged = [(pod, containers) for pod in pods if (containers := served(pod))]
        if not judged:
            yield case.skip("its pods are excluded from injection by their own labels or annotations")
            continue
        by_source: dict[Own, set[str]] = {}
        concerned: list[Pod] = []
        alone = False
        for pod, containers in judged:
            owns = {c.name: own for c in containers if (own := own_of(pod, c))}
            main = [c for c in main_containers(pod) if c in containers]
            alone |= bool(main) and all(c.name in owns and owns[c.name].severity is Severity.ERROR for c in main)
            concerned += [pod] if owns else []
            for name, own in owns.items():
                by_source.setdefault(own, set()).add(name)
        if by_source:
            yield _taken(case, snapshot, workload, by_source, concerned, alone=alone)
            continue
        hidden = dict(item for pod, containers in judged for c in containers for item in unseen(pod, c))
        for missing, sources in grouped((missing, source) for source, missing in hidden.items()).items():
            message = f"not checked whether envFrom {short_list(sources)} contains access keys: {missing.reason}"
            yield case.unknown(missing, message, severity=Severity.WARN)
        if not hidden:
            yield case.ok(healthy)


def _taken(
    case: Case,
    snapshot: Snapshot,
    workload: Subject,
    by_source: Mapping[Own, set[str]],
    pods: Iterable[Pod],
    *,
    alone: bool,
) -> Verdict:
    worst = min((own.severity for own in by_source), key=attrgetter("rank"))
    plain = (name for own in by_source if own.how == "sets" for name in own.variables)
    names = tuple(name for name in dict.fromkeys(plain) if " " not in name)
    template = in_templates(snapshot).get(workload, names)
    added = [name for name in names if name not in template]
    commands: tuple[tuple[str, ...], ...] = ()
    if added or any(own.how.startswith("lacks") for own in by_source):
        commands = (("kubectl", "get", "mutatingwebhookconfigurations"),)
    elif names and workload.kind in RESTARTABLE:
        target = f"{workload.kind.lower()}/{workload.name}"
        removed = (f"{name}-" for name in names)
        commands = (("kubectl", "-n", workload.namespace, "set", "env", target, *removed),)
    return case.fail(
        f"an SDK in the pods uses {' or '.join(dict.fromkeys(own.taken for own in by_source))}",
        *(
            f"container {short_list(sorted(containers))} {own.how} {', '.join(own.variables)}"
            for own, containers in by_source.items()
        ),
        *([f"{workload} does not set {', '.join(added)}: a webhook or a policy changes its pods"] if added else []),
        severity=Severity.WARN if worst is Severity.ERROR and not alone else worst,
        commands=commands,
        pods=pods,
    )
