"""A report with a verdict of each outcome, and the same report with hostile names."""

import re
from datetime import UTC, datetime
from typing import Any

from podid.domain.findings import Fix, FixClass, Outcome, Severity, Subject, Verdict
from podid.domain.names import ServiceAccountRef
from podid.domain.report import DoctorReport
from podid.domain.status import IdentityState, IdentityStatus, PodStatus

HOSTILE = "x</text><script>document.title='owned'</script>\n::error::forged|`**]]>&\x1b[31m\x00\ud800@team"
UNSEEN = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b\u202a-\u202e\u2066-\u2069\u2028\U000e0000-\U000e007f]")
COUNTS = {"tests": "6", "failures": "2", "errors": "1", "skipped": "1"}


def verdict(name: str, check: str, outcome: Outcome, link: int, message: str = "", **more: Any) -> Verdict:
    subject = Subject("ServiceAccount", name, "shop")
    more |= {"link": link, "subject": subject, "chain": (f"shop/{name}",)}
    return Verdict(check=check, outcome=outcome, message=message, **more)


def report_of(name: str = "orders") -> DoctorReport:
    fix = Fix(FixClass.ASK, (("podid", "associate", f"shop/{name}"),))
    return DoctorReport(
        cluster="demo",
        cluster_arn="arn:aws:eks:us-west-2:111122223333:cluster/demo",
        taken_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        scope=name,
        checks=("association-missing",),
        associations=2,
        verdicts=(
            verdict(name, "association-missing", Outcome.FAIL, 1, message=name, evidence=(name,), fix=fix),
            verdict("cart", "association-sa-not-found", Outcome.PASS, 2, message="it is there"),
            verdict("cart", "pod-predates-association", Outcome.FAIL, 3, message="old", severity=Severity.WARN),
            verdict("cart", "sdk-too-old", Outcome.FAIL, 4, message="a note", severity=Severity.INFO),
            verdict(name, "agent-not-on-node", Outcome.FAIL, 6, message="later", masked_by="association-missing"),
            verdict(
                "cart", "trust-wrong-principal", Outcome.UNKNOWN, 9, reason=f"denied {name}", permission="iam:GetRole"
            ),
            verdict("cart", "webhook-config-altered", Outcome.NOT_APPLICABLE, 3),
        ),
        identities=(status(name, IdentityState.BROKEN), status("cart", IdentityState.DOUBTFUL)),
    )


def status(name: str, state: IdentityState) -> IdentityStatus:
    # a name that no service account has
    ref = ServiceAccountRef("shop", name)
    new = PodStatus(namespace="shop", name="", node="", workload=None, state=state)
    return IdentityStatus(ref=ref, association=None, state=state, cause=None, new_pod=new, pods=())
