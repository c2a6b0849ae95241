from collections.abc import Iterable

from podid.checks.base import Check
from podid.checks.shared.facts import chain_of, role_subject
from podid.checks.shared.roles import by_role, undescribed
from podid.domain.findings import Verdict
from podid.domain.snapshot import Snapshot
from podid.domain.text import count_of, short_list


def rule(check: Check, snapshot: Snapshot) -> Iterable[Verdict]:
    """Within one namespace that is nothing to speak of."""
    yield from undescribed(check, snapshot)
    for arn, associations in by_role(snapshot).items():
        case = check.case(role_subject(arn), chain_of(associations))
        namespaces = sorted({a.namespace for a in associations})
        if len(namespaces) < 2:
            yield case.ok("service accounts of one namespace have it")
            continue
        yield case.fail(
            f"{count_of(len(associations), 'service account')} of {len(namespaces)} namespaces have it: what one may "
            "do, all may",
            evidence=(f"namespaces: {short_list(namespaces)}",),
        )


CHECK = Check.of("roles-shared-across-associations", rule, needs=("associations",))
