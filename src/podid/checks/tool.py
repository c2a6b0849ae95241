"""podid's own access. Nothing here says that a pod is broken: it says what could not be looked at, and why."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields

from podid.checks.base import EVERYONE, Check, check
from podid.checks.facts import cluster_name
from podid.domain.findings import FixClass, Severity, Subject, Verdict
from podid.domain.snapshot import Known, Missing, Snapshot

KUBERNETES = (
    "namespaces",
    "service_accounts",
    "pods",
    "nodes",
    "daemon_sets",
    "workloads",
    "webhook_present",
    "agent_pods",
)
DENIED = ("AccessDenied", "Credentials")
NETWORK = ("Unavailable", "TimedOut", "Throttled")


def _gaps(snapshot: Snapshot, *, kubernetes: bool) -> dict[Missing, list[str]]:
    """What is missing and was asked for -> the sections that it is missing from."""
    found: dict[Missing, list[str]] = defaultdict(list)
    for field in fields(snapshot):
        if (field.name in KUBERNETES) is kubernetes:
            for section in _sections(getattr(snapshot, field.name)):
                found[section].append(field.name)
    return found


def _sections(value: object) -> Iterator[Missing]:
    for section in value.values() if isinstance(value, Mapping) else (value,):
        if isinstance(section, Missing) and section.error_code != "NotRead":
            yield section


def _blind(rule: Check, gaps: Mapping[Missing, list[str]], codes: Iterable[str], subject: Subject) -> Iterable[Verdict]:
    """One unknown verdict per permission (or reason) that stood in the way."""
    by_cause: dict[str, tuple[Missing, set[str]]] = {}
    for missing, names in gaps.items():
        if missing.error_code in codes:
            _, seen = by_cause.setdefault(missing.permission or missing.reason, (missing, set()))
            seen.update(names)
    for missing, seen in by_cause.values():
        what = ", ".join(sorted(name.replace("_", " ") for name in seen))
        yield rule.unknown(subject, missing, chain=EVERYONE, message=f"could not read {what}: {missing.reason}")


@check(
    id="tool-aws-denied",
    severity=Severity.ERROR,
    link=0,
    title="podid may read what it needs from AWS",
    needs=(),
    fix=FixClass.PRINT,
)
def tool_aws_denied(snapshot: Snapshot) -> Iterable[Verdict]:
    subject = Subject("Caller", "AWS")
    gaps = _gaps(snapshot, kubernetes=False)
    verdicts = list(_blind(tool_aws_denied, gaps, (*DENIED, *NETWORK, "Failed", "Rejected"), subject))
    yield from verdicts or [tool_aws_denied.ok(subject, "everything that was asked of AWS could be read")]


@check(
    id="tool-k8s-rbac-denied",
    severity=Severity.ERROR,
    link=0,
    title="podid may read what it needs from Kubernetes",
    needs=(),
    fix=FixClass.PRINT,
)
def tool_k8s_rbac_denied(snapshot: Snapshot) -> Iterable[Verdict]:
    subject = Subject("Caller", "Kubernetes")
    gaps = _gaps(snapshot, kubernetes=True)
    verdicts = list(_blind(tool_k8s_rbac_denied, gaps, (*DENIED, "Failed", "Rejected", "NotFound", "Usage"), subject))
    if not verdicts and any(missing.error_code in NETWORK for missing in gaps):
        yield tool_k8s_rbac_denied.skip(subject, "the API server did not answer")
        return
    yield from verdicts or [tool_k8s_rbac_denied.ok(subject, "everything that was asked of Kubernetes could be read")]


@check(
    id="private-endpoint-unreachable",
    severity=Severity.ERROR,
    link=0,
    title="the cluster's API server answers from here",
    needs=(),
    wants=("cluster",),
    fix=FixClass.PRINT,
)
def private_endpoint_unreachable(snapshot: Snapshot) -> Iterable[Verdict]:
    subject = Subject("Cluster", cluster_name(snapshot) or "-")
    gaps = [missing for missing in _gaps(snapshot, kubernetes=True) if missing.error_code in NETWORK]
    if not gaps:
        yield private_endpoint_unreachable.ok(subject, "the API server was not out of reach")
        return
    cluster = snapshot.cluster.value if isinstance(snapshot.cluster, Known) else None
    if cluster is not None and not cluster.public_endpoint:
        why = "its endpoint is private: podid must run inside the VPC, or through a VPN or tunnel into it"
    else:
        why = "its public endpoint may be closed to this address (publicAccessCidrs), or a proxy is in the way"
    missing = Missing(f"{gaps[0].reason}; {why}", gaps[0].permission, gaps[0].error_code)
    yield private_endpoint_unreachable.unknown(subject, missing, chain=EVERYONE)
