"""A session has the permissions that its role and its session policy both allow. EKS accepts the policy only while
session tags are off, with at most 2,048 characters:
https://docs.aws.amazon.com/eks/latest/APIReference/API_CreatePodIdentityAssociation.html.
"""

import json

from podid.checks.base import Check, Missing, Severity, Snapshot, Verdicts, known, part, rule
from podid.domain.aws import Association, described
from podid.domain.iam import SESSION_POLICY_QUOTA, allows_any_action


@rule(needs=("associations",), wants=("assume_permissions",))
def session_policy_misconfig(check: Check, snapshot: Snapshot) -> Verdicts:
    yield from check.undescribed(snapshot)
    for association in described(known(snapshot.associations)):
        case = check.case(association.subject, (str(association.ref),))
        if not association.policy:
            yield case.skip("the association has no session policy")
            continue
        problem = _problem(association, association.policy)
        if isinstance(problem, Missing):
            yield case.unknown(problem)
        elif problem:
            role = association.pods_role_arn
            evidence = (f"limited sessions: those of {role}", f"characters of the policy: {len(association.policy)}")
            yield case.fail(problem, *evidence)
        elif not (allows := _allows(snapshot, association)):
            yield case.ok("the session policy is valid; it was not compared with the role's policies")
        elif not allows_any_action(allows, json.loads(association.policy)):
            yield case.fail(
                "the session policy allows no action that the role's policies allow: its pods have only permissions "
                "from resource-based policies",
                f"the session policy limits the sessions of {association.pods_role_arn}",
                severity=Severity.WARN,
            )
        else:
            yield case.ok("the session policy allows some of the role's actions")


def _allows(snapshot: Snapshot, association: Association) -> tuple[str, ...]:
    """Return the actions that the role's policies allow; empty if they are not known. With a target role, the session
    policy limits the target role's sessions, which are not checked."""
    permissions = part(snapshot.assume_permissions, association.role_arn)
    if association.target_role_arn or isinstance(permissions, Missing):
        return ()
    return permissions.value.allows


def _problem(association: Association, policy: str) -> str | Missing:
    if association.session_tags:
        return "the association has a session policy while session tags are on: STS rejects this"
    if len(policy) > SESSION_POLICY_QUOTA:
        return f"the session policy is longer than {SESSION_POLICY_QUOTA} characters: STS rejects it"
    try:
        document = json.loads(policy)
    except (ValueError, RecursionError):
        return "the session policy is not JSON: STS rejects it"
    statements = document.get("Statement") if isinstance(document, dict) else None
    listed = [statements] if isinstance(statements, dict) else statements
    if not isinstance(listed, list) or not all(isinstance(statement, dict) for statement in listed):
        return Missing("podid does not support the form of the session policy")
    if not any(statement.get("Effect") == "Allow" for statement in listed):
        return "the session policy has no Allow statement, so the pods have no permissions, whatever their role allows"
    return ""
