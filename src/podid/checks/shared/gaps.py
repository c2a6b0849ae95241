"""podid's own access: what could not be looked at, and why. None of it says that a pod is broken."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from podid.checks.base import Check
from podid.domain.findings import EVERYONE, Subject, Verdict
from podid.domain.section import TRIALS
from podid.domain.snapshot import COSTS, INTERNAL, NOT_READ, SERVICES, Known, Missing, Section, Service, Snapshot
from podid.facts.index import unread
from podid.facts.products import settings

DENIED = ("AccessDenied", "Credentials")
NETWORK = ("Unavailable", "TimedOut", "Throttled")
FAILED = ("Failed", "Rejected", "NotServed", "UnreadableAnswer", INTERNAL)


def gaps(snapshot: Snapshot, service: Service) -> dict[Missing, list[str]]:
    """What is missing of a service and was asked for -> the sections that it is missing from."""
    sections: dict[Missing, list[str]] = defaultdict(list)
    for name, origin in SERVICES.items():
        if origin == service:
            # what a single trial met is evidence, or the want of it
            for missing in _missing(getattr(snapshot, name), parts=not COSTS[name] & TRIALS):
                sections[missing].append(name)
    for missing in unread(snapshot) if service == "aws" else ():
        sections[missing].append("associations")
    return sections


def _missing(section: Section[object], *, parts: bool = True) -> Iterator[Missing]:
    if isinstance(section, Missing):
        if section.error_code != NOT_READ.error_code:
            yield section
    elif isinstance(section.value, Mapping) and parts:
        for part in section.value.values():
            if isinstance(part, Known | Missing):
                yield from _missing(part)


def blind(check: Check, subject: Subject, sections: Mapping[Missing, list[str]], codes: Iterable[str]) -> list[Verdict]:
    """One unknown verdict per permission (or reason) that stood in the way."""
    by_cause: dict[str, tuple[Missing, set[str]]] = {}
    for missing, names in sections.items():
        if missing.error_code in codes:
            _, seen = by_cause.setdefault(missing.permission or missing.reason, (missing, set()))
            seen.update(names)
    case, verdicts = check.case(subject, EVERYONE), []
    for missing, seen in by_cause.values():
        names_read = ", ".join(sorted(name.replace("_", " ") for name in seen))
        verdicts.append(case.unknown(missing, f"could not read {names_read}: {missing.reason}"))
    return verdicts


def unread_products(check: Check, snapshot: Snapshot) -> Iterator[Verdict]:
    """One for each reason why objects of products could not be read."""
    for why, kinds in settings(snapshot).missing:
        yield check.of_everyone(snapshot).unknown(why, f"could not read {', '.join(kinds)}: {why.reason}")
