"""One check by itself: what its rule says, or that it could not look."""

from collections.abc import Iterable

from podid.checks.base import Check
from podid.domain.findings import EVERYONE, Verdict
from podid.domain.snapshot import NOT_READ, Missing, Snapshot
from podid.facts.index import cluster_subject


def judge(check: Check, snapshot: Snapshot) -> Iterable[Verdict]:
    """Unknown for each section that it needs and that is missing; nothing where nobody asked for one of them."""
    missing = dict.fromkeys(section for name in check.needs if isinstance(section := getattr(snapshot, name), Missing))
    if NOT_READ in missing:
        return ()
    if missing:
        whole = check.case(cluster_subject(snapshot), EVERYONE)
        return [whole.unknown(section) for section in missing]
    return check.judge(snapshot)
