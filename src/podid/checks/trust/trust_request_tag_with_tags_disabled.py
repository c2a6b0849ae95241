from collections.abc import Iterable

from podid.checks.base import Check
from podid.checks.shared import trust
from podid.domain.findings import Verdict
from podid.domain.snapshot import Snapshot


def rule(check: Check, snapshot: Snapshot) -> Iterable[Verdict]:
    return trust.per_finding(check, snapshot, "the trust asks for no tag that is not sent")


CHECK = Check.of("trust-request-tag-with-tags-disabled", rule, needs=trust.NEEDS, wants=trust.WANTS)
