from collections.abc import Iterable

from podid.checks.base import Check
from podid.checks.shared.gaps import DENIED, FAILED, NETWORK, blind, gaps
from podid.domain.findings import Subject, Verdict
from podid.domain.snapshot import Snapshot

CODES = (*DENIED, *NETWORK, *FAILED)


def rule(check: Check, snapshot: Snapshot) -> Iterable[Verdict]:
    subject = Subject("Caller", "AWS")
    verdicts = blind(check, subject, gaps(snapshot, "aws"), CODES)
    return verdicts or [check.case(subject).ok("AWS denied no read")]


CHECK = Check.of("tool-aws-denied", rule, needs=())
