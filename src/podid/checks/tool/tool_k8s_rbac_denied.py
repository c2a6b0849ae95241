from podid.checks.base import Check, Snapshot, Subject, Verdicts, rule
from podid.checks.shared.gaps import DENIED, FAILED, NETWORK, THROTTLED, blind, gaps

CODES = (*DENIED, *FAILED, THROTTLED, "NotFound", "Usage")


@rule(needs=())
def tool_k8s_rbac_denied(check: Check, snapshot: Snapshot) -> Verdicts:
    subject = Subject("Caller", "Kubernetes")
    sections = gaps(snapshot, "kubernetes")
    if verdicts := blind(check, subject, sections, CODES):
        return verdicts
    if any(missing.error_code in NETWORK for missing in sections):
        return [check.case(subject).skip("the API server did not answer")]
    return [check.case(subject).ok("Kubernetes denied no read request")]
