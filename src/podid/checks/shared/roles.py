"""The roles of associations, each with those who name it."""

from collections.abc import Iterator

from podid.checks.base import Check
from podid.domain.findings import Verdict
from podid.domain.snapshot import Snapshot
from podid.domain.text import short_list
from podid.facts.index import chain_of, cluster_subject, unread


def undescribed(check: Check, snapshot: Snapshot) -> Iterator[Verdict]:
    """What a check of what associations give cannot tell."""
    for why, members in unread(snapshot).items():
        names = short_list(str(each.ref) for each in members)
        case = check.case(cluster_subject(snapshot), chain_of(members))
        yield case.unknown(why, f"could not read the association of {names}: {why.reason}")
