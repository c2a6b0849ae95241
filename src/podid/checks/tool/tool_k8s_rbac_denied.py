from collections.abc import Iterable

from podid.checks.base import Check
from podid.checks.shared.gaps import DENIED, FAILED, NETWORK, blind, gaps
from podid.domain.findings import Subject, Verdict
from podid.domain.snapshot import Snapshot

CODES = (*DENIED, *FAILED, "NotFound", "Usage")


def rule(check: Check, snapshot: Snapshot) -> Iterable[Verdict]:
    subject = Subject("Caller", "Kubernetes")
    found = gaps(snapshot, "kubernetes")
    if verdicts := blind(check, subject, found, CODES):
        return verdicts
    if any(missing.error_code in NETWORK for missing in found):
        return [check.case(subject).skip("the API server did not answer")]
    return [check.case(subject).ok("Kubernetes denied no read")]


CHECK = Check.of("tool-k8s-rbac-denied", rule, needs=())
