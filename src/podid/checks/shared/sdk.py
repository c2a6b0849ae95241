"""Link 4: which credentials an SDK in the pod would take. All that come before the container's win over Pod Identity:
https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from podid.checks.base import Check
from podid.checks.shared.placed import placed
from podid.domain.findings import Severity, Verdict
from podid.domain.model import Container, Pod
from podid.domain.report import RANK
from podid.domain.snapshot import Snapshot
from podid.domain.words import short_list
from podid.domain.workloads import RESTARTABLE, opted_out

NEEDS = ("associations", "pods")


class Own(NamedTuple):
    """What a container brings along: the variables that decide, and what an SDK makes of them."""

    severity: Severity
    variables: tuple[str, ...]
    taken: str


def per_workload(
    check: Check, snapshot: Snapshot, look: Callable[[Pod, Container], Own | None], healthy: str
) -> Iterable[Verdict]:
    """One verdict per workload. An error is a warning while another container of the same pods is free of it: a sidecar
    may be meant to have credentials of its own."""
    for association, workload, pods in placed(snapshot):
        case = check.case(workload, (str(association.ref),))
        judged = [pod for pod in pods if not opted_out(pod)]
        if not judged:
            yield case.skip("its pods are left alone by the webhook, as they ask")
            continue
        found: dict[Own, set[str]] = {}
        alone = False
        for pod in judged:
            main = [c for c in pod.containers if not c.init]
            owns = {c.name: own for c in pod.containers if (own := look(pod, c))}
            alone |= all(c.name in owns and owns[c.name].severity is Severity.ERROR for c in main)
            for name, own in owns.items():
                found.setdefault(own, set()).add(name)
        if not found:
            yield case.ok(healthy)
            continue
        worst = max((own.severity for own in found), key=RANK.__getitem__)
        names = tuple(dict.fromkeys(name for own in found for name in own.variables))
        target = f"{workload.kind.lower()}/{workload.name}"
        yield case.fail(
            f"an SDK in it takes {' or '.join(dict.fromkeys(own.taken for own in found))}",
            severity=Severity.WARN if worst is Severity.ERROR and not alone else worst,
            evidence=tuple(
                f"container {short_list(sorted(containers))} sets {', '.join(own.variables)}"
                for own, containers in found.items()
            ),
            commands=(
                (("kubectl", "-n", workload.namespace, "set", "env", target, *(f"{name}-" for name in names)),)
                if workload.kind in RESTARTABLE
                else ()
            ),
        )
