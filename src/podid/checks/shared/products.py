"""Link 2 and 4, where a product fetches the credentials: which service account acts, and by which way."""

from collections.abc import Iterator

from podid.checks.base import Case, Check
from podid.domain.findings import EVERYONE, Subject, Verdict
from podid.domain.products import ProductSetting
from podid.domain.snapshot import Snapshot
from podid.facts.index import cluster_subject
from podid.facts.products import settings


def unread(check: Check, snapshot: Snapshot) -> Iterator[Verdict]:
    """One for each reason why objects could not be read."""
    for why, kinds in settings(snapshot).missing:
        case = check.case(cluster_subject(snapshot), EVERYONE)
        yield case.unknown(why, f"could not read {', '.join(kinds)}: {why.reason}")


def case_of(check: Check, setting: ProductSetting, chain: tuple[str, ...]) -> Case:
    return check.case(Subject(setting.kind, setting.name, setting.namespace), chain)
