"""What an evaluation means for the person: findings under the ids of podid's failure pages. One is a role that
everybody in AWS can assume: a wildcard principal, and nothing that says who may come.

Sources: IAM User Guide, "AWS JSON policy elements: Principal" (a wildcard grants to all accounts unless a condition
limits it), "AWS global condition context keys" and "The confused deputy problem".
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Annotated

from podid.domain.findings import Severity
from podid.domain.members import HIDDEN
from podid.domain.names import PODS_PRINCIPAL
from podid.domain.trust.conditions import Condition
from podid.domain.trust.engine import ASSUME_ROLE, TAG_SESSION, about, names_everybody, truth_of
from podid.domain.trust.explain import Request, caller, condition_failure, failing, nearest, no_principal, why_denied
from podid.domain.trust.policy import Policy, Statement
from podid.domain.trust.request import PodIdentity, RequestContext, TargetHop
from podid.domain.trust.slips import action_meant

TOO_BROAD = "trust-too-broad"


@dataclass(frozen=True, slots=True)
class TrustFinding:
    """`id` is the failure mode's, `message` one sentence, `fix` what to change, in words. `denied` is whether a Deny
    says no, which no further statement outweighs."""

    id: str
    severity: Severity
    message: str
    fix: str
    denied: Annotated[bool, HIDDEN] = False

    @property
    def shuts_out(self) -> bool:
        """Whether it keeps the one who asks from the role; a trust that lets in too many is an error, too."""
        return self.severity is Severity.ERROR and self.id != TOO_BROAD


_UNIQUE_IDS = ("AROA", "AIDA", "AGPA", "AIPA", "ANPA", "ASIA", "AKIA")


def unwritable_principals(policy: Policy) -> tuple[str, ...]:
    """Unique ids that stand where a deleted role or user stood: IAM refuses to write them back.

    Source: IAM User Guide, "AWS JSON policy elements: Principal".
    """
    names = [name for s in policy.statements for kind, name in s.principals if kind == "AWS"]
    return tuple(dict.fromkeys(name for name in names if name.startswith(_UNIQUE_IDS)))


def find_all(policy: Policy, request: Request, context: RequestContext, failed: tuple[str, ...]) -> list[TrustFinding]:
    """Findings for the actions that do not match (`failed`), and for principals that are gone."""
    gone = Severity.ERROR if failed and isinstance(request, TargetHop) else Severity.WARN
    recreated = [
        TrustFinding(
            "role-recreated",
            gone,
            f"the trust names {name}, the unique id of a deleted role or user; a new one of that name does not count",
            "write the ARN of the role that is meant in its place; IAM takes no change of this trust before",
        )
        for name in unwritable_principals(policy)
    ]
    failures = (finding for action in failed for finding in _failures(policy, action, request, context))
    said = {(finding.id, finding.message): finding for finding in recreated}
    for finding in failures:
        said.setdefault((finding.id, finding.message), finding)
    return list(said.values())


def _failures(policy: Policy, action: str, request: Request, context: RequestContext) -> Iterable[TrustFinding]:
    target = isinstance(request, TargetHop)
    tags = request.pod.session_tags if isinstance(request, TargetHop) else request.session_tags
    # EKS passes no tags then; AWS still asks for both actions.
    severity: Severity = Severity.WARN if action == TAG_SESSION and not tags else Severity.ERROR
    denying = next((s for s in policy.statements if not s.allow and truth_of(s, action, request, context)), None)
    if denying is not None:
        about_tags = not tags and not target and any(_is_about_tags(c) for c in denying.conditions)
        message = why_denied(denying, context)
        fix = f"narrow {denying.label} so that it leaves this request out"
        return [TrustFinding(_condition_id(target, about_tags), severity, message, fix, denied=True)]
    statement, stage = nearest(policy, action, request, context)
    if statement is None:
        return [_no_principal(policy, request)]
    if stage == "action":
        id_ = "target-role-trust-broken" if target else "trust-missing-tag-session"
        return [TrustFinding(id_, severity, *_action_missing(statement, action, request))]
    return [
        _condition_finding(condition, statement, target, tags, severity, context)
        for condition in failing(statement, context)
    ]


def _action_missing(statement: Statement, action: str, request: Request) -> tuple[str, str]:
    """Message and fix."""
    label = statement.label
    slip = next((written for written in statement.actions if action_meant(written) == action), "")
    if slip:
        return f"{label} has {slip}, which is no action: {action} is meant", f"write {action} for {slip} in {label}"
    message = f"{label} lets {caller(request)} in, but not for {action}; both actions are needed"
    if isinstance(request, TargetHop):
        return message, f"add {action} to the Action of {label}"
    return message, f"add a statement that allows both actions, or {action} to the Action of {label}"


def _condition_id(target: bool, tags_are_off: bool) -> str:
    if target:
        return "target-role-trust-broken"
    return "trust-request-tag-with-tags-disabled" if tags_are_off else "trust-condition-never-matches"


def _condition_finding(
    condition: Condition, statement: Statement, target: bool, tags: bool, severity: Severity, context: RequestContext
) -> TrustFinding:
    message = f"{statement.label} {condition_failure(condition, context)}"
    if target and condition.name == "sts:externalid":
        fix = "use the externalId that DescribePodIdentityAssociation shows for the association"
        return TrustFinding("external-id-mismatch", severity, message, fix)
    if not tags and _is_about_tags(condition):
        fix = "narrow by aws:SourceArn and aws:SourceAccount instead, or turn session tags on for the association"
        return TrustFinding(_condition_id(target, True), severity, message, fix)
    fix = (
        f"correct {condition.key}, or remove it" if target else f"add a statement that fits, or correct {condition.key}"
    )
    return TrustFinding(_condition_id(target, False), severity, message, fix)


def _is_about_tags(condition: Condition) -> bool:
    return condition.name.startswith("aws:requesttag/") or condition.name in ("aws:tagkeys", "sts:transitivetagkeys")


def _no_principal(policy: Policy, request: Request) -> TrustFinding:
    message = no_principal(policy, request)
    if isinstance(request, TargetHop):
        fix = f"let {request.base_role_arn} do {ASSUME_ROLE} and {TAG_SESSION} in the target role's trust"
        return TrustFinding("target-role-trust-broken", Severity.ERROR, message, fix)
    fix = f"add a statement for {PODS_PRINCIPAL} and keep the others until nothing uses them"
    return TrustFinding("trust-wrong-principal", Severity.ERROR, message, fix)


def too_broad(request: PodIdentity, label: str) -> TrustFinding:
    """`label` is the statement's that lets in strangers."""
    return TrustFinding(
        TOO_BROAD,
        Severity.WARN,
        f"{label} lets in every service account of every cluster: whoever may create an association can use the role",
        f"narrow it to account {request.account} and {request.cluster_arn}, best to the service accounts that use it",
    )


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
    findings = []
    for statement in policy.statements:
        if statement.allow and _for_everybody(statement):
            narrowing = [c for c in statement.conditions if _narrows(c)]
            if not narrowing:
                findings.append(_finding(statement, doubt))
            elif all(c.name == "sts:externalid" for c in narrowing):
                findings.append(_by_external_id(statement))
    return findings


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
