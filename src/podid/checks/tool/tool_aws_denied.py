from collections.abc import Iterable

from podid.checks.base import Check
from podid.checks.shared.gaps import DENIED, NETWORK, blind, gaps
from podid.domain.findings import Subject, Verdict
from podid.domain.snapshot import Snapshot

CODES = (*DENIED, *NETWORK, "Failed", "Rejected")


def rule(check: Check, snapshot: Snapshot) -> Iterable[Verdict]:
    subject = Subject("Caller", "AWS")
    verdicts = blind(check, subject, gaps(snapshot, kubernetes=False), CODES)
    return verdicts or [check.case(subject).ok("everything that was asked of AWS could be read")]


CHECK = Check.of("tool-aws-denied", rule, needs=())
