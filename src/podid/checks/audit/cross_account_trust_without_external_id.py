"""A principal of another account should need an external ID that others cannot guess to assume a role.

Source: IAM User Guide, "Access to AWS accounts owned by third parties" and "The confused deputy problem".
"""

import re
from collections.abc import Iterator

from podid.checks.base import Check, Missing, Snapshot, Verdicts, known, part, rule, short_list
from podid.domain.aws import described
from podid.domain.grouping import grouped
from podid.domain.snapshot import NOT_READ, Known, Section
from podid.domain.trust import ASSUME_ROLE, Policy
from podid.domain.trust.conditions import Condition
from podid.facts.index import parsed_trust, role_section, show_role, under

_ACCOUNT = re.compile(r"(?:arn:[^:]*:(?:iam|sts)::)?(\d{12})(?::.*)?")
# wildcards match any value; the caller knows the values of policy variables
_VARIABLE = re.compile(r"\$\{[^}]*\}|[*?]")
_EXTERNAL_ID = "sts:externalid"
_ORGANIZATION = ("aws:principalorgid", "aws:principalorgpaths")
# shorter ones can be guessed, as can an account ID
_SHORTEST = 12


@rule(needs=("cluster", "associations", "roles"), wants=("target_roles",))
def cross_account_trust_without_external_id(check: Check, snapshot: Snapshot) -> Verdicts:
    yield from check.undescribed(snapshot)
    account = known(snapshot.cluster).account
    associations = described(known(snapshot.associations))
    users = grouped((arn, a) for a in associations for arn in (a.role_arn, a.target_role_arn) if arn)
    for arn, members in sorted(users.items()):
        case, section = check.of_role(arn, members), _role(snapshot, arn, account)
        if isinstance(section, Missing):
            yield case.unknown(section)
        elif section.value is None:
            yield case.skip("the role is in another account, or does not exist")
        elif evidence := tuple(_open(section.value, account)):
            yield case.fail(
                "the trust policy allows principals of another account without an external ID that is hard to guess",
                *evidence,
                commands=(show_role(arn),),
            )
        else:
            yield case.ok(check.title)


def _role(snapshot: Snapshot, arn: str, account: str) -> Section[Policy | None]:
    """Return the trust policy of a role of the account; None for another account, and for a role that does not
    exist."""
    if f":iam::{account}:" not in arn:
        return Known(None)
    section = role_section(snapshot, arn)
    return parsed_trust(under(arn, part(snapshot.target_roles, arn)) if section == NOT_READ else section)


def _open(policy: Policy, account: str) -> Iterator[str]:
    for statement in policy.statements:
        matches = (_ACCOUNT.fullmatch(value) for kind, value in statement.principals if kind == "AWS")
        others = sorted({match[1] for match in matches if match is not None} - {account})
        # principals of one organization are not a service with other customers
        own = any(c.name in _ORGANIZATION and _requires(c) and "*" not in c.values for c in statement.conditions)
        if not statement.allow or not statement.about(ASSUME_ROLE) or not others or own:
            continue
        ids = [c.values for c in statement.conditions if c.name == _EXTERNAL_ID and _requires(c)]
        if not ids:
            yield f"{statement.label} allows account {short_list(others)} without sts:ExternalId"
        elif all(any(map(_guessable, values)) for values in ids):
            yield f"{statement.label} allows account {short_list(others)} with an external ID that can be guessed"


def _requires(condition: Condition) -> bool:
    return condition.selects and not condition.if_exists and condition.family in ("equals", "ignorecase", "like")


def _guessable(value: str) -> bool:
    value = _VARIABLE.sub("", value)
    return len(value) < _SHORTEST or value.isdecimal() or len(set(value)) < _SHORTEST // 2
