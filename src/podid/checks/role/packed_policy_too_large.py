from podid.checks.base import Check, Missing, Severity, Snapshot, Verdicts, known, rule
from podid.facts.index import by_role

# tags and policies that applications add must fit too
CLOSE_PERCENT = 70


@rule(needs=("associations", "sessions"))
def packed_policy_too_large(check: Check, snapshot: Snapshot) -> Verdicts:
    associations = by_role(snapshot)
    for arn, section in known(snapshot.sessions).items():
        case = check.of_role(arn, associations.get(arn, ()))
        if isinstance(section, Missing):
            yield case.unknown(section, severity=Severity.WARN)
            continue
        percents = (session.packed_percent for session in section.value)
        percent = max((number for number in percents if number is not None), default=None)
        if percent is None:
            has = "no packed size of the role's sessions" if section.value else "no session of the role"
            yield case.skip(f"CloudTrail has {has}")
        elif percent < CLOSE_PERCENT:
            yield case.ok(f"its sessions use {percent} percent of the space for tags and session policy")
        else:
            yield case.fail(
                f"sessions of the role use {percent} percent of the space for tags and session policy: tags or a "
                "policy that the application adds may not fit",
                severity=Severity.WARN,
            )
