"""Findings of an evaluation, under the ids of podid's failure pages. One is a role that anyone in AWS can assume: its
trust policy has a wildcard principal and no condition that limits it.

Sources: IAM User Guide, "AWS JSON policy elements: Principal" (a wildcard grants to all accounts unless a condition
limits it), "AWS global condition context keys" and "The confused deputy problem".
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Annotated

from podid.domain.findings import Severity
from podid.domain.members import HIDDEN
from podid.domain.names import PODS_PRINCIPAL
from podid.domain.trust.conditions import Condition, network_of
from podid.domain.trust.explain import action_meant, condition_failure, failing, nearest, no_principal, why_denied
from podid.domain.trust.policy import ACTIONS, ASSUME_ROLE, TAG_SESSION, Policy, Statement
from podid.domain.trust.request import PodIdentity, Request, RequestContext, TargetHop

TOO_BROAD = "trust-too-broad"


@dataclass(frozen=True, slots=True)
class TrustFinding:
    """`id` is the failure mode's id, `message` one sentence, `fix` the change in words. `denied` is true if a Deny
    statement causes it or may do so, so that another statement may have no effect."""

    id: str
    severity: Severity
    message: str
    fix: str
    denied: Annotated[bool, HIDDEN] = False

    @property
    def denies_access(self) -> bool:
        """Return whether the caller cannot assume the role. A trust policy that is too broad is an error too, but
        allows."""
        return self.severity is Severity.ERROR and self.id != TOO_BROAD


_UNIQUE_IDS = ("AROA", "AIDA", "AGPA", "AIPA", "ANPA", "ASIA", "AKIA")


def unwritable_principals(policy: Policy) -> tuple[str, ...]:
    """Return the unique ids in place of deleted roles or users. IAM rejects a trust policy that contains them.

    Source: IAM User Guide, "AWS JSON policy elements: Principal".
    """
    names = [name for s in policy.statements for kind, name in s.principals if kind == "AWS"]
    return tuple(dict.fromkeys(name for name in names if name.startswith(_UNIQUE_IDS)))


def find_all(policy: Policy, request: Request, context: RequestContext, failed: tuple[str, ...]) -> list[TrustFinding]:
    """Return findings for the actions that do not match (`failed`), and for deleted principals."""
    gone = Severity.ERROR if failed and isinstance(request, TargetHop) else Severity.WARN
    recreated = [
        TrustFinding(
            "role-recreated",
            gone,
            f"the trust policy names {name}, the unique id of a deleted role or user; a new one of that name does not "
            "match",
            "replace it with the ARN of the intended role; until then IAM rejects any change of this trust policy",
        )
        for name in unwritable_principals(policy)
    ]
    failures = [finding for action in failed for finding in _failures(policy, action, request, context)]
    denies = (s for s in policy.statements if not s.allow)
    if doubtful := next((s for s in denies if any(s.truth(a, request, context) is None for a in ACTIONS)), None):
        also = f"; then narrow {doubtful.label}, which may deny the request"
        failures = [f if f.denied else replace(f, fix=f"{f.fix}{also}", denied=True) for f in failures]
    by_message = {(finding.id, finding.message): finding for finding in recreated}
    for finding in failures:
        by_message.setdefault((finding.id, finding.message), finding)
    return list(by_message.values())


def _failures(policy: Policy, action: str, request: Request, context: RequestContext) -> Iterable[TrustFinding]:
    target = isinstance(request, TargetHop)
    tags = request.pod.session_tags if isinstance(request, TargetHop) else request.session_tags
    # EKS then passes no tags, but AWS still requires both actions
    severity: Severity = Severity.WARN if action == TAG_SESSION and not tags else Severity.ERROR
    denying = next((s for s in policy.statements if not s.allow and s.truth(action, request, context)), None)
    if denying is not None:
        about_tags = not tags and not target and any(_is_about_tags(c) for c in denying.conditions)
        message = why_denied(denying, context)
        fix = f"narrow {denying.label} so that it does not apply to this request"
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
    label = statement.label
    misspelled = next((written for written in statement.actions if action_meant(written) == action), "")
    if misspelled:
        return (
            f"{label} has {misspelled}, which is not an action; {action} is probably meant",
            f"replace {misspelled} with {action} in {label}",
        )
    message = f"{label} applies to {request.caller}, but does not allow {action}; both actions are required"
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
        fix = "narrow by aws:SourceArn and aws:SourceAccount instead, or enable session tags for the association"
        return TrustFinding(_condition_id(target, True), severity, message, fix)
    fix = (
        f"correct {condition.key}, or remove it"
        if target
        else f"add a statement that matches, or correct {condition.key}"
    )
    return TrustFinding(_condition_id(target, False), severity, message, fix)


def _is_about_tags(condition: Condition) -> bool:
    return condition.name.startswith("aws:requesttag/") or condition.name in ("aws:tagkeys", "sts:transitivetagkeys")


def _no_principal(policy: Policy, request: Request) -> TrustFinding:
    message = no_principal(policy, request)
    if isinstance(request, TargetHop):
        fix = f"allow {request.base_role_arn} {ASSUME_ROLE} and {TAG_SESSION} in the target role's trust policy"
        return TrustFinding("target-role-trust-broken", Severity.ERROR, message, fix)
    fix = f"add a statement for {PODS_PRINCIPAL}, and keep the others until they are no longer used"
    return TrustFinding("trust-wrong-principal", Severity.ERROR, message, fix)


def too_broad(request: PodIdentity, label: str) -> TrustFinding:
    """Return the finding about the statement `label`, which allows every cluster."""
    return TrustFinding(
        TOO_BROAD,
        Severity.WARN,
        f"{label} allows every service account of every cluster: anyone who can create an association can use the role",
        f"limit it to account {request.account} and {request.cluster_arn}, or better to the service accounts that use "
        "it",
    )


# keys that the caller sets itself, or that match any caller at some time
_OF_THE_CALLER = (
    *("aws:requesttag/", "aws:principaltag/", "aws:tagkeys", "sts:transitivetagkeys", "sts:rolesessionname"),
    *("sts:sourceidentity", "sts:durationseconds", "aws:username", "aws:useragent", "aws:referer"),
    *("aws:securetransport", "aws:currenttime", "aws:epochtime", "aws:tokenissuetime", "aws:requestedregion"),
    *("aws:multifactorauth", "aws:principaltype", "aws:viaawsservice", "aws:resourcetag/", "iam:resourcetag/"),
)
# a signed request always has these, so IfExists makes no difference
_ALWAYS_SENT = frozenset({"aws:principalarn", "aws:principalaccount"})
_ARN_KEYS = frozenset({"aws:principalarn", "aws:sourcearn"})
_OF_THE_PRINCIPAL = re.compile(r"\$\{aws:principal[^}]*\}", re.IGNORECASE)


def open_to_all(policy: Policy) -> list[TrustFinding]:
    """Return a finding for every Allow statement by which any AWS account can assume the role."""
    wide = [s for s in policy.statements if s.about(ASSUME_ROLE) and (s.not_principal or s.names_everyone)]
    denies = [s for s in wide if not s.allow]
    if any(not s.conditions and not s.not_principal for s in denies):
        return []
    about_who = (
        s for s in denies if s.not_principal or any(not c.name.startswith(_OF_THE_CALLER) for c in s.conditions)
    )
    doubt = next(about_who, None)
    findings = []
    for statement in wide:
        if statement.allow:
            narrowing = [c for c in statement.conditions if narrows(c)]
            if not narrowing:
                findings.append(_finding(statement, doubt))
            elif all(c.name == "sts:externalid" for c in narrowing):
                who = 'anyone ("*") in any AWS account who has the sts:ExternalId'
                message = f"{statement.label} allows {who} to assume the role"
                fix = f"specify the allowed principals in {statement.label}: an external id is not a secret"
                findings.append(TrustFinding(TOO_BROAD, Severity.WARN, message, fix))
    return findings


def _finding(statement: Statement, doubt: Statement | None) -> TrustFinding:
    who = "everyone except the NotPrincipal entries" if statement.not_principal else 'everyone ("*")'
    message = f"{statement.label} allows {who} in any AWS account to assume the role"
    if doubt is not None:
        message += f", unless {doubt.label} denies it"
    fix = f"specify the allowed principals in {statement.label}; for pods that is the service pods.eks.amazonaws.com"
    return TrustFinding(TOO_BROAD, Severity.WARN if doubt is not None else Severity.ERROR, message, fix)


def narrows(condition: Condition) -> bool:
    """Return whether the condition excludes callers of other accounts, whatever values they set themselves."""
    if not condition.selects or not condition.known or condition.family == "null":
        return False
    if condition.name.startswith(_OF_THE_CALLER) or (condition.if_exists and condition.name not in _ALWAYS_SENT):
        return False
    return not any(_takes_all(condition, value) for value in condition.values)


def _takes_all(condition: Condition, value: str) -> bool:
    if condition.family == "ip":
        network = network_of(value)
        return network is not None and network.prefixlen == 0
    if condition.name == "aws:principalisawsservice":
        return value.lower() == "false"
    if condition.family not in ("like", "arn"):
        return bool(_OF_THE_PRINCIPAL.fullmatch(value))
    # the ID of every organization begins with o-
    bare = _OF_THE_PRINCIPAL.sub("*", value).removeprefix("o-")
    # of a path, only the organization limits the callers
    if _only_wildcards((bare.partition("/")[0] if condition.name.endswith("orgpaths") else bare,)):
        return True
    if condition.name not in _ARN_KEYS:
        return False
    # any account can have a role or cluster of that name, so only the account part limits the callers
    return _only_wildcards(bare.split(":", 5)[4:5])


def _only_wildcards(parts: Iterable[str]) -> bool:
    return all(part and not part.strip("*?") for part in parts)
