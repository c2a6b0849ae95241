"""A role that everybody in AWS can assume: a wildcard principal, and nothing that says who may come.

Sources: IAM User Guide, "AWS JSON policy elements: Principal" (a wildcard grants to all accounts unless a condition
limits it), "AWS global condition context keys" and "The confused deputy problem".
"""

import re
from collections.abc import Iterable
from ipaddress import ip_network

from podid.domain.findings import Severity
from podid.domain.trust.conditions import Condition
from podid.domain.trust.engine import ASSUME_ROLE, about, names_everybody
from podid.domain.trust.findings import TOO_BROAD, TrustFinding
from podid.domain.trust.policy import Policy, Statement

# what a caller chooses for itself, or what holds for every caller now and then
_OF_THE_CALLER = (
    *("aws:requesttag/", "aws:principaltag/", "aws:tagkeys", "sts:transitivetagkeys", "sts:rolesessionname"),
    *("sts:sourceidentity", "sts:durationseconds", "aws:username", "aws:useragent", "aws:referer"),
    *("aws:securetransport", "aws:currenttime", "aws:epochtime", "aws:tokenissuetime", "aws:requestedregion"),
    *("aws:multifactorauth", "aws:principaltype", "aws:viaawsservice", "aws:resourcetag/", "iam:resourcetag/"),
)
# a signed request always has these, so that IfExists lets nobody by
_ALWAYS_SENT = frozenset({"aws:principalarn", "aws:principalaccount"})
_ARN_KEYS = frozenset({"aws:principalarn", "aws:sourcearn"})
_OF_THE_PRINCIPAL = re.compile(r"\$\{aws:principal[^}]*\}", re.IGNORECASE)


def open_to_all(policy: Policy) -> list[TrustFinding]:
    """A finding for every Allow by which any AWS account can assume the role, whatever the trust says to EKS."""
    if any(_shuts_all_out(statement) for statement in policy.statements):
        return []
    doubt = next((s for s in policy.statements if _may_keep_out(s)), None)
    found = []
    for statement in policy.statements:
        if statement.allow and _for_everybody(statement):
            narrowing = [c for c in statement.conditions if _narrows(c)]
            if not narrowing:
                found.append(_finding(statement, doubt))
            elif all(c.name == "sts:externalid" for c in narrowing):
                found.append(_by_external_id(statement))
    return found


def _finding(statement: Statement, doubt: Statement | None) -> TrustFinding:
    who = "everybody but those whom NotPrincipal names" if statement.not_principal else 'everybody ("*")'
    message = f"{statement.label} lets {who} assume the role, from any AWS account"
    if doubt is not None:
        message += f", unless {doubt.label} denies it"
    fix = f"name in {statement.label} who may assume the role; for pods that is the service pods.eks.amazonaws.com"
    return TrustFinding(TOO_BROAD, Severity.WARN if doubt is not None else Severity.ERROR, message, fix)


def _by_external_id(statement: Statement) -> TrustFinding:
    message = f'{statement.label} lets everybody ("*") of any AWS account assume the role who knows the sts:ExternalId'
    fix = f"name in {statement.label} who may assume the role: an external id is no secret"
    return TrustFinding(TOO_BROAD, Severity.WARN, message, fix)


def _for_everybody(statement: Statement) -> bool:
    """Whether it is about sts:AssumeRole by everybody."""
    return about(statement, ASSUME_ROLE) and (statement.not_principal or names_everybody(statement))


def _shuts_all_out(statement: Statement) -> bool:
    unconditional = not statement.conditions and not statement.not_principal
    return not statement.allow and unconditional and _for_everybody(statement)


def _may_keep_out(statement: Statement) -> bool:
    about_who = any(not c.name.startswith(_OF_THE_CALLER) for c in statement.conditions)
    deny = not statement.allow and _for_everybody(statement)
    return deny and (about_who or statement.not_principal)


def _narrows(condition: Condition) -> bool:
    """Whether somebody of an account of their own, who asks as they like, is kept out."""
    if condition.negated or condition.quantifier == "forallvalues" or not condition.known:
        return False
    if condition.name.startswith(_OF_THE_CALLER):
        return False
    if condition.if_exists and condition.name not in _ALWAYS_SENT:
        return False
    if condition.family == "null":
        return False
    return not any(_takes_all(condition, value) for value in condition.values)


def _takes_all(condition: Condition, value: str) -> bool:
    if condition.family == "ip":
        return _whole_internet(value)
    if condition.family not in ("like", "arn"):
        return bool(_OF_THE_PRINCIPAL.fullmatch(value))
    bare = _OF_THE_PRINCIPAL.sub("*", value)
    if _only_wildcards((bare,)):
        return True
    if condition.name not in _ARN_KEYS:
        return False
    # the name of a role or a cluster is free in every account: it is the account that tells
    return _only_wildcards(bare.split(":", 5)[4:5])


def _only_wildcards(parts: Iterable[str]) -> bool:
    return all(part and not part.strip("*?") for part in parts)


def _whole_internet(value: str) -> bool:
    try:
        return ip_network(value, strict=False).prefixlen == 0
    except ValueError:
        return False
