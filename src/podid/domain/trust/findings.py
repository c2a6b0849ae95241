"""What an evaluation means for the person: findings under the ids of podid's failure pages."""

from dataclasses import dataclass
from typing import Literal

from podid.domain.names import PODS_PRINCIPAL
from podid.domain.trust.conditions import Condition
from podid.domain.trust.engine import ASSUME_ROLE, TAG_SESSION, truth_of
from podid.domain.trust.explain import Request, condition_failure, failing, nearest, principals_of, why_not
from podid.domain.trust.policy import Policy, Statement
from podid.domain.trust.request import Context, PodIdentity, TargetHop

Severity = Literal["error", "warn", "info"]


@dataclass(frozen=True, slots=True)
class TrustFinding:
    """`id` is the failure mode's, `message` one sentence, `fix` what to change, in words."""

    id: str
    severity: Severity
    message: str
    fix: str


_UNIQUE_IDS = ("AROA", "AIDA", "AGPA", "AIPA", "ANPA", "ASIA", "AKIA")


def unwritable_principals(policy: Policy) -> tuple[str, ...]:
    """Unique ids that stand where a deleted role or user stood: IAM refuses to write them back.

    Source: IAM User Guide, "AWS JSON policy elements: Principal".
    """
    names = [name for s in policy.statements for kind, name in s.principals if kind == "AWS"]
    return tuple(dict.fromkeys(name for name in names if name.startswith(_UNIQUE_IDS)))


def find_all(policy: Policy, request: Request, context: Context, failed: tuple[str, ...]) -> list[TrustFinding]:
    """Findings for the actions that do not match (`failed`), and for principals that are gone."""
    found = [_recreated(name, request) for name in unwritable_principals(policy)]
    for action in failed:
        finding = _failure(policy, action, request, context)
        if finding not in found:
            found.append(finding)
    return found


def _recreated(name: str, request: Request) -> TrustFinding:
    return TrustFinding(
        "role-recreated",
        "error" if isinstance(request, TargetHop) else "warn",
        f"the trust names {name}, the unique id of a deleted role or user; a new one of that name does not count",
        "write the ARN of the role that is meant in its place; IAM takes no change of this trust before",
    )


def _failure(policy: Policy, action: str, request: Request, context: Context) -> TrustFinding:
    denying = [s for s in policy.statements if not s.allow and truth_of(s, action, request, context) is True]
    statement, stage = nearest(policy, action, request, context)
    severity: Severity = "error"
    if action == TAG_SESSION and not _pod(request).session_tags:
        severity = "warn"
    if isinstance(request, TargetHop):
        return _target_failure(policy, action, request, context, severity, denying)
    if denying:
        return TrustFinding(
            "trust-condition-never-matches",
            severity,
            f"{denying[0].label} denies {action} to {PODS_PRINCIPAL}, and Deny wins over every Allow",
            f"narrow {denying[0].label} so that it leaves this service account out",
        )
    if statement is None:
        return _wrong_principal(policy)
    if stage == "action":
        return TrustFinding(
            "trust-missing-tag-session",
            severity,
            f"{statement.label} lets {PODS_PRINCIPAL} in, but not for {action}; EKS Pod Identity needs both actions",
            f"add {action} to the Action of {statement.label}",
        )
    condition = failing(statement, context)[0]
    message = f"{statement.label} {condition_failure(condition, context)}"
    if not request.session_tags and _is_about_tags(condition):
        return TrustFinding(
            "trust-request-tag-with-tags-disabled",
            severity,
            message,
            "narrow by aws:SourceArn and aws:SourceAccount instead, or turn session tags on for the association",
        )
    return TrustFinding("trust-condition-never-matches", severity, message, f"correct {condition.key}, or remove it")


def _pod(request: Request) -> PodIdentity:
    return request.pod if isinstance(request, TargetHop) else request


def _is_about_tags(condition: Condition) -> bool:
    return condition.name.startswith("aws:requesttag/") or condition.name in ("aws:tagkeys", "sts:transitivetagkeys")


def _wrong_principal(policy: Policy) -> TrustFinding:
    names = principals_of(policy)
    federated = {kind for s in policy.statements if s.allow for kind, _ in s.principals} == {"Federated"}
    if federated:
        message = f"this is an IRSA role: its trust names only {', '.join(names)}, and not {PODS_PRINCIPAL}"
    elif names:
        message = f"no statement lets {PODS_PRINCIPAL} in; the trust names {', '.join(names)}"
    else:
        message = f"no statement lets {PODS_PRINCIPAL} in"
    return TrustFinding(
        "trust-wrong-principal",
        "error",
        message,
        f"add a statement for {PODS_PRINCIPAL} and keep the others until nothing uses them",
    )


def _target_failure(
    policy: Policy, action: str, hop: TargetHop, context: Context, severity: Severity, denying: list[Statement]
) -> TrustFinding:
    statement, stage = nearest(policy, action, hop, context)
    if denying:
        message = f"{denying[0].label} denies {action} to {hop.base_role_arn}, and Deny wins over every Allow"
        return TrustFinding("target-role-trust-broken", severity, message, f"narrow {denying[0].label}")
    if statement is not None and stage == "condition":
        condition = failing(statement, context)[0]
        if condition.name == "sts:externalid":
            return TrustFinding(
                "external-id-mismatch",
                severity,
                f"{statement.label} {condition_failure(condition, context)}",
                "use the externalId that DescribePodIdentityAssociation shows for the association",
            )
    return TrustFinding(
        "target-role-trust-broken",
        severity,
        why_not(policy, action, hop, context)[1],
        f"let {hop.base_role_arn} do {ASSUME_ROLE} and {TAG_SESSION} in the target role's trust",
    )


def too_broad(request: PodIdentity, statement: int | None) -> TrustFinding:
    where = "the trust" if statement is None else f"Statement[{statement}]"
    return TrustFinding(
        "trust-too-broad",
        "warn",
        f"{where} lets in every service account of every cluster: whoever may create an association can use the role",
        f"narrow it to account {request.account} and {request.cluster_arn}, best to the service accounts that use it",
    )
