"""Principals of other accounts that a trust policy allows to assume the role.

Each statement is evaluated for sample principals: of the accounts, ARNs and organizations that the policy names, of
those that its patterns match, and of an account and an organization that it does not name. Source: IAM User Guide, "AWS
global condition context keys": aws:PrincipalArn and aws:PrincipalAccount are in every signed request,
aws:PrincipalOrgID and aws:PrincipalOrgPaths in those of members of an organization, and aws:Source keys only in those
of AWS services.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from podid.domain.trust.conditions import Condition
from podid.domain.trust.policy import ASSUME_ROLE, Policy, Statement
from podid.domain.trust.request import ABSENT_IN_SESSION, RESOURCE_TAGS, RequestContext, Sent

EXTERNAL_ID = "sts:externalid"
_ACCOUNT = re.compile(r"(?<!\d)\d{12}(?!\d)")
_SESSION = re.compile(r"arn:([^:]+):sts::(\d{12}):assumed-role/([^/]+)/.*")
_ARN, _OF_ACCOUNT, _ORGANIZATION, _PATHS = (
    *("aws:principalarn", "aws:principalaccount", "aws:principalorgid", "aws:principalorgpaths"),
)
# an organization that no policy names
_OTHER_ORGANIZATION = "o-zzzzzzzzzz"
# tags are chosen by the principals' accounts
_UNREAD = ("aws:principaltag/", "aws:requesttag/", *RESOURCE_TAGS)


@dataclass(frozen=True, slots=True)
class Stranger:
    """A sample principal. `path` is its path in its organization; both are empty if it is in none."""

    account: str
    arn: str
    organization: str = ""
    path: str = ""

    def context(self, own: str, external_id: Sent | None) -> RequestContext:
        """Return the context of a request of the principal to a role of account `own`, without an external ID if it is
        None."""
        sent = {
            _ARN: Sent((self.arn,)),
            _OF_ACCOUNT: Sent((self.account,)),
            "aws:principalisawsservice": Sent(("false",)),
            "aws:viaawsservice": Sent(("false",)),
            "aws:securetransport": Sent(("true",)),
            "aws:resourceaccount": Sent((own,)),
            "aws:resourceorgid": Sent(("o-of-the-role",)),
            "aws:resourceorgpaths": Sent(("o-of-the-role/",), many=True),
        }
        if self.organization:
            sent |= {_ORGANIZATION: Sent((self.organization,)), _PATHS: Sent((self.path,), many=True)}
        if external_id is not None:
            sent[EXTERNAL_ID] = external_id
        absent = {*ABSENT_IN_SESSION - {"aws:username", "aws:federatedprovider"}, EXTERNAL_ID, _ORGANIZATION, _PATHS}
        return RequestContext(2, sent, frozenset(absent), _UNREAD)


@dataclass(frozen=True, slots=True)
class StrangerAccess:
    """An Allow statement and the other accounts whose principals it allows. `unnamed`: also accounts that it does not
    name. `external_ids` are the values of each condition that requires an external ID; None if none is required."""

    statement: Statement
    accounts: tuple[str, ...]
    unnamed: bool
    external_ids: tuple[tuple[str, ...], ...] | None


def strangers_allowed(policy: Policy, own: str) -> Iterator[StrangerAccess]:
    """Yield the statements that allow, or may allow, principals of accounts other than `own` to assume the role."""
    unnamed = next(digits * 12 for digits in "987654321" if digits * 12 not in str(policy.document))
    samples = list(dict.fromkeys(_samples(policy, own, unnamed)))
    anything = Sent(open=("",), optional=True)
    for statement in policy.statements:
        if not statement.allow or not statement.about(ASSUME_ROLE):
            continue
        allowed = [item for item in samples if _allows(policy, statement, item, own, anything)]
        without_id = [item for item in allowed if _allows(policy, statement, item, own, None)]
        if reported := without_id or allowed:
            accounts = {item.account for item in reported}
            ids = None if without_id else tuple(_external_ids(policy, statement))
            yield StrangerAccess(statement, tuple(sorted(accounts - {unnamed})), unnamed in accounts, ids)


def _allows(policy: Policy, statement: Statement, stranger: Stranger, own: str, external_id: Sent | None) -> bool:
    context = stranger.context(own, external_id)
    if not _names(statement, stranger) or statement.conditions_hold(context) is False:
        return False
    denies = (item for item in policy.statements if not item.allow and item.about(ASSUME_ROLE))
    return not any(_names(item, stranger) and item.conditions_hold(context) is True for item in denies)


def _names(statement: Statement, stranger: Stranger) -> bool:
    named = any(_is(name, stranger) for kind, name in statement.principals if kind in ("AWS", "*"))
    return named is not statement.not_principal


def _is(name: str, stranger: Stranger) -> bool:
    if name in ("*", stranger.account, stranger.arn):
        return True
    if (session := _SESSION.fullmatch(name)) is not None:
        return _role_of(session) == stranger.arn
    return name == f"{stranger.arn.partition(':iam:')[0]}:iam::{stranger.account}:root"


def _role_of(session: re.Match[str]) -> str:
    partition, account, role = session.groups()
    return f"arn:{partition}:iam::{account}:role/{role}"


def _external_ids(policy: Policy, statement: Statement) -> Iterator[tuple[str, ...]]:
    """Yield the values of the conditions that require an external ID, those of Deny statements included."""
    denied = (item for other in policy.statements if not other.allow for item in other.conditions if item.negated)
    required = (item for item in statement.conditions if item.selects and not item.if_exists)
    for condition in (*required, *denied):
        if condition.name == EXTERNAL_ID and condition.family in ("equals", "ignorecase", "like"):
            yield condition.values


# --- sample principals ------------------------------------------------------------------------------------------------


def _samples(policy: Policy, own: str, unnamed: str) -> Iterator[Stranger]:
    conditions = [item for statement in policy.statements for item in statement.conditions]
    names = [name for statement in policy.statements for kind, name in statement.principals if kind == "AWS"]
    patterns = [*_values(conditions, _ARN), *(name for name in names if ":" in name)]
    digits = [*_values(conditions, _OF_ACCOUNT), *(item.split(":", 5)[4] for item in patterns if item.count(":") > 4)]
    accounts = {account for text in (*names, *patterns, *digits) for account in _ACCOUNT.findall(text)}
    accounts |= {_filled_account(text) for text in digits} | {unnamed}
    partition = next((name.split(":")[1] for name in names if name.startswith("arn:")), "aws")
    organizations = [("", ""), (_OTHER_ORGANIZATION, _path(_OTHER_ORGANIZATION)), *_organizations(conditions)]
    for account in sorted(accounts - {own, ""}):
        for arn in (f"arn:{partition}:iam::{account}:role/zzzz", *(_filled_arn(item, account) for item in patterns)):
            for organization, path in organizations if arn else ():
                yield Stranger(account, arn, organization, path)


def _values(conditions: list[Condition], key: str) -> Iterator[str]:
    yield from (value for condition in conditions if condition.name == key for value in condition.values)


def _filled_account(pattern: str) -> str:
    """Return an account ID that matches a pattern of some digits; empty for another text."""
    if not re.fullmatch(r"(?=.*\d)[\d*?]*[*?][\d*?]*", pattern):
        return ""
    plain = pattern.replace("?", "0").replace("*", "", pattern.count("*") - 1)
    return plain.replace("*", "0" * (12 - len(plain) + 1))


def _filled_arn(pattern: str, account: str) -> str:
    """Return an ARN of the account that matches the pattern; empty if none does, or if it is not known."""
    if (session := _SESSION.fullmatch(pattern)) is not None:
        pattern = _role_of(session)
    parts = pattern.split(":", 5)
    if len(parts) < 6:
        return ""
    if set("*?$") & set(parts[4]):
        parts[4] = account
    filled = ":".join(parts).replace("*", "z").replace("?", "z")
    return filled if parts[4] == account else ""


def _path(organization: str) -> str:
    return f"{organization}/r-zzzz/ou-zzzz-zzzzzzzz/"


def _organizations(conditions: list[Condition]) -> Iterator[tuple[str, str]]:
    """Yield organizations, with a path, that match the patterns of the conditions. Those that they name are the account
    owner's own."""
    for value in _values(conditions, _ORGANIZATION):
        if set("*?") & set(value):
            organization = _filled_text(value)
            yield organization, _path(organization)
    for value in _values(conditions, _PATHS):
        if set("*?") & set(value.partition("/")[0]):
            path = _filled_text(value)
            yield path.partition("/")[0], path


def _filled_text(pattern: str) -> str:
    filled = pattern.replace("*", "zzzz").replace("?", "z")
    return filled if filled.startswith("o-") else f"o-{filled}"
