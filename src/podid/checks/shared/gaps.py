"""podid's own access: what could not be looked at, and why. None of it says that a pod is broken."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields

from podid.checks.base import EVERYONE, Check
from podid.domain.findings import Subject, Verdict
from podid.domain.snapshot import Missing, Snapshot

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


def gaps(snapshot: Snapshot, *, kubernetes: bool) -> dict[Missing, list[str]]:
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


def blind(check: Check, subject: Subject, found: Mapping[Missing, list[str]], codes: Iterable[str]) -> list[Verdict]:
    """One unknown verdict per permission (or reason) that stood in the way."""
    by_cause: dict[str, tuple[Missing, set[str]]] = {}
    for missing, names in found.items():
        if missing.error_code in codes:
            _, seen = by_cause.setdefault(missing.permission or missing.reason, (missing, set()))
            seen.update(names)
    case, verdicts = check.case(subject, EVERYONE), []
    for missing, seen in by_cause.values():
        what = ", ".join(sorted(name.replace("_", " ") for name in seen))
        verdicts.append(case.unknown(missing, f"could not read {what}: {missing.reason}"))
    return verdicts
