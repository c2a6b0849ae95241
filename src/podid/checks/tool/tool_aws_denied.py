from podid.checks.base import Check, Snapshot, Subject, Verdicts, rule
from podid.checks.shared.gaps import DENIED, FAILED, NETWORK, blind, gaps

CODES = (*DENIED, *NETWORK, *FAILED)


@rule(needs=())
def tool_aws_denied(check: Check, snapshot: Snapshot) -> Verdicts:
    subject = Subject("Caller", "AWS")
    verdicts = blind(check, subject, gaps(snapshot, "aws"), CODES)
    return verdicts or [check.case(subject).ok("AWS denied no read request")]
