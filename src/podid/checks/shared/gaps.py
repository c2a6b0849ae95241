"""podid's own access: the data that could not be read, and why. It never means that a pod is broken."""

from collections.abc import Iterable, Iterator, Mapping

from podid.checks.base import EVERYONE, Check, Severity, Subject, Verdict
from podid.domain.grouping import grouped
from podid.domain.products import OBJECTS, SECRETS_STORE
from podid.domain.section import TRIALS
from podid.domain.snapshot import (
    COSTS,
    INTERNAL,
    NOT_READ,
    SERVICES,
    Known,
    Missing,
    Section,
    Service,
    Snapshot,
    known_or,
)
from podid.domain.workloads import live
from podid.facts.index import unread
from podid.facts.products import associated, controllers, settings

DENIED = ("AccessDenied", "Credentials")
THROTTLED = "Throttled"
NETWORK = ("Unavailable", "TimedOut", THROTTLED)
FAILED = ("Failed", "Rejected", "NotServed", "UnreadableAnswer", INTERNAL)


def gaps(snapshot: Snapshot, service: Service) -> dict[Missing, list[str]]:
    """Return the missing data of a service that was requested -> the sections that lack it."""
    missing = [
        (gap, name)
        for name, origin in SERVICES.items()
        if origin == service
        # the result of a single trial is evidence, even if it is missing
        for gap in _missing(getattr(snapshot, name), parts=not COSTS[name] & TRIALS)
    ]
    missing += [(gap, "associations") for gap in unread(snapshot)] if service == "aws" else []
    return grouped(missing)


def _missing(section: Section[object], *, parts: bool = True) -> Iterator[Missing]:
    if isinstance(section, Missing):
        if section.error_code != NOT_READ.error_code:
            yield section
    elif isinstance(section.value, Mapping) and parts:
        for part in section.value.values():
            if isinstance(part, Known | Missing):
                yield from _missing(part)


def blind(check: Check, subject: Subject, sections: Mapping[Missing, list[str]], codes: Iterable[str]) -> list[Verdict]:
    """Return one unknown verdict per missing permission, or per reason."""
    case, verdicts = check.case(subject, EVERYONE), []
    causes = grouped((gap.permission or gap.reason, gap) for gap in sections if gap.error_code in codes)
    for first, *more in causes.values():
        names = {name.replace("_", " ") for gap in (first, *more) for name in sections[gap]}
        verdicts.append(case.unknown(first, f"{', '.join(sorted(names))} could not be read: {first.reason}"))
    return verdicts


def unread_products(check: Check, snapshot: Snapshot) -> Iterator[Verdict]:
    """Yield unknown verdicts for each reason why objects of products could not be read: a warning for all identities,
    and the check's severity for those of the products and of pods that mount such objects."""
    for why, kinds in settings(snapshot).missing:
        message = f"{', '.join(kinds)} could not be read: {why.reason}"
        yield check.of_everyone(snapshot).unknown(why, message, severity=Severity.WARN)
        if chain := _users(snapshot, kinds):
            yield check.of_cluster(snapshot, chain).unknown(why, message)


def _users(snapshot: Snapshot, kinds: Iterable[str]) -> tuple[str, ...]:
    products = {OBJECTS[kind] for kind in kinds}
    refs = {ref for product in products for ref in controllers(snapshot).get(product, ())}
    if SECRETS_STORE in products:
        refs |= {pod.ref for pod in known_or(snapshot.pods, ()) if live(pod) and pod.secret_classes}
    return tuple(sorted(str(ref) for ref in refs if associated(snapshot, ref)))
