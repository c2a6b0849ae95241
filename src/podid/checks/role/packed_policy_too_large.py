from collections.abc import Iterable

from podid.checks.base import Check
from podid.checks.shared.facts import chain_of, role_subject
from podid.checks.shared.roles import by_role
from podid.domain.findings import Severity, Verdict
from podid.domain.snapshot import Missing, Snapshot, known

# what applications add to it must fit too
CLOSE_PERCENT = 70


def rule(check: Check, snapshot: Snapshot) -> Iterable[Verdict]:
    associations = by_role(snapshot)
    for arn, section in known(snapshot.sessions).items():
        case = check.case(role_subject(arn), chain_of(associations.get(arn, ())))
        if isinstance(section, Missing):
            yield case.unknown(section, severity=Severity.WARN)
            continue
        percent = max((each.packed_percent for each in section.value if each.packed_percent is not None), default=None)
        if percent is None:
            yield case.skip("CloudTrail has no session of it")
        elif percent < CLOSE_PERCENT:
            yield case.ok(f"its sessions take {percent} percent of the room for tags and session policy")
        else:
            yield case.fail(
                f"its pods' sessions take {percent} percent of the room for tags and session policy: with tags "
                "or a policy of the application's own they may not fit",
                severity=Severity.WARN,
            )


CHECK = Check.of("packed-policy-too-large", rule, needs=("associations", "sessions"))
