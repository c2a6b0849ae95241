"""A principal of another account should need an external ID that others cannot guess to assume a role.

Source: IAM User Guide, "Access to AWS accounts owned by third parties" and "The confused deputy problem".
"""

import re
from collections.abc import Iterator

from podid.checks.base import Check, Missing, Snapshot, Verdicts, known, part, rule, short_list
from podid.domain.aws import described
from podid.domain.grouping import grouped
from podid.domain.snapshot import NOT_READ, Known, Section
from podid.domain.trust import Policy, open_to_all
from podid.domain.trust.strangers import strangers_allowed
from podid.facts.index import by_role, parsed_trust, role_section, show_role, under

# wildcards match any value; the caller knows the values of policy variables
_VARIABLE = re.compile(r"\$\{[^}]*\}|[*?]")
# shorter ones can be guessed, as can an account ID
_SHORTEST = 12


@rule(needs=("cluster", "associations", "roles"), wants=("target_roles",))
def cross_account_trust_without_external_id(check: Check, snapshot: Snapshot) -> Verdicts:
    yield from check.undescribed(snapshot)
    account = known(snapshot.cluster).account
    associations = described(known(snapshot.associations))
    own = by_role(snapshot)
    users = grouped((arn, a) for a in associations for arn in (a.role_arn, a.target_role_arn) if arn)
    for arn, members in sorted(users.items()):
        case, section = check.of_role(arn, members), _role(snapshot, arn, account)
        if isinstance(section, Missing):
            yield case.unknown(section)
        elif section.value is None:
            yield case.skip("the role is in another account, or does not exist")
        elif evidence := tuple(_open(section.value, account, known_elsewhere=arn in own)):
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


def _open(policy: Policy, account: str, *, known_elsewhere: bool) -> Iterator[str]:
    """Yield the statements that allow other accounts. trust-too-broad reports those of an association's role that allow
    any account."""
    everyone = tuple(finding.message for finding in open_to_all(policy)) if known_elsewhere else ()
    for access in strangers_allowed(policy, account):
        if any(message.startswith(f"{access.statement.label} ") for message in everyone):
            continue
        named = [f"account {short_list(access.accounts)}"] if access.accounts else []
        who = " and ".join((*named, *(["other accounts" if named else "any account"] if access.unnamed else [])))
        ids = access.external_ids
        if ids is None:
            yield f"{access.statement.label} allows {who} without sts:ExternalId"
        elif all(any(map(_guessable, values)) for values in ids):
            yield f"{access.statement.label} allows {who} with an external ID that can be guessed"


def _guessable(value: str) -> bool:
    value = _VARIABLE.sub("", value)
    return len(value) < _SHORTEST or value.isdecimal() or len(set(value)) < _SHORTEST // 2
