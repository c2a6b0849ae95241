"""Check whether pods' credentials allow an action: role policies, permissions boundary and session policy.

IAM's simulator decides. It accepts one boundary, so podid asks twice: with the role's own boundary, and with the
session policy in its place. Both must allow the action. The simulator covers neither resource policies nor conditions
in policies of the organization.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

from podid.aws.iam import Iam
from podid.calls import pacing
from podid.domain.aws import Association, Cluster, Decision
from podid.domain.errors import ExitCode, PodidError, combine
from podid.domain.iam import DENIALS, EVERYTHING, NOT_BY_ORGANIZATION, allowed_actions, allows_any_action, undecided
from podid.domain.names import Arn, ServiceAccountRef, role_name
from podid.domain.status import Allowed, IdentityStatus
from podid.domain.wildcards import overlap
from podid.facts.second_hop import elsewhere

NOT_SIMULATED = "resource policies, and conditions in policies of the organization"


def simulate_all(
    iam: Iam, cluster: Cluster, statuses: Sequence[IdentityStatus], actions: Sequence[str], resources: Sequence[str]
) -> dict[ServiceAccountRef, tuple[Allowed, ...]]:
    """Return an answer for each action on each resource, by service account. What cannot be checked is unknown."""
    known = {status.ref: status.association for status in statuses if isinstance(status.association, Association)}
    return dict(pacing.fan_out(lambda ref: _simulate(iam, cluster, known[ref], actions, resources), known))


def _simulate(
    iam: Iam, cluster: Cluster, association: Association, actions: Sequence[str], resources: Sequence[str]
) -> tuple[Allowed, ...]:
    arn = association.pods_role_arn
    lacking = elsewhere(arn, cluster.account)
    answers: list[Allowed] = []
    for resource in resources:
        if lacking is not None:
            permission = f"iam:SimulatePrincipalPolicy in account {Arn.parse(arn).account}"
            reason = f"role {arn} is in another account and can be simulated only with credentials of that account"
            answers += _all_unknown(actions, resource, reason, permission)
            continue
        try:
            context = _context(cluster, association, arn)
            answers += simulate_on(iam, arn, actions, resource, context=context, policy=association.policy or "")
        except PodidError as error:
            answers += _all_unknown(actions, resource, error.message, error.permission)
    return tuple(answers)


def _all_unknown(actions: Iterable[str], resource: str, reason: str, permission: str) -> list[Allowed]:
    return [Allowed(action, resource, None, reason, permission=permission) for action in actions]


def simulate_on(
    iam: Iam,
    arn: str,
    actions: Sequence[str],
    resource: str,
    *,
    context: Mapping[str, str | Sequence[str]],
    policy: str = "",
    named: Sequence[str] | None = None,
) -> list[Allowed]:
    """Return IAM's answer for each action of the role on the resource. `policy` is the session policy, as JSON.
    `named` are the patterns of allowed actions in the role's policies; without them, the policies are read if the
    answer depends on them. Raise as IAM does."""
    own = iam.simulate(arn, actions, (resource,), context=context)
    narrowed = iam.simulate(arn, actions, (resource,), context=context, boundary=policy) if policy else own
    session = {decision.action: decision for decision in narrowed}
    role = role_name(arn)
    hinges = any(not decision.allowed and decision.missing_context_keys for decision in own)
    if named is None:
        named = _named(iam, role) if hinges else EVERYTHING
    ceiling = json.loads(policy) if policy else {}
    return [_judged(decision, session[decision.action], resource, role, named, ceiling) for decision in own]


def _named(iam: Iam, role: str) -> tuple[str, ...]:
    """Return the action patterns that the role's policies allow under any condition, or everything if the policies
    cannot be read. The simulator reports the condition keys of all policies, also those of other actions."""
    try:
        policies = iam.get_policies(role)
        managed = [iam.get_managed_document(item.arn) for item in policies.attached]
    except PodidError:
        return EVERYTHING
    return allowed_actions((*policies.inline.values(), *managed))


def _judged(
    own: Decision, session: Decision, resource: str, role: str, named: Sequence[str], ceiling: Mapping[str, object]
) -> Allowed:
    """Combine both answers. The session policy, `ceiling`, can only restrict. `named` is as returned by `_named`."""
    if own.allowed and session.allowed:
        keys = ", ".join(sorted({*own.missing_context_keys, *session.missing_context_keys}))
        return Allowed(own.action, resource, True, f"unless it depends on {keys} of the actual request" if keys else "")
    refused, action = session if own.allowed else own, own.action.lower()
    hinges = (
        allows_any_action((action,), ceiling) if own.allowed else any(overlap(pattern, action) for pattern in named)
    )
    if refused.missing_context_keys and hinges:
        return Allowed(own.action, resource, None, undecided(refused.missing_context_keys))
    if own.allowed:
        reason = "the association's session policy does not allow it"
        return Allowed(own.action, resource, False, reason, "session-policy-misconfig")
    if own.denied_by == "boundary":
        reason = f"the permissions boundary of role {role} does not allow it"
        return Allowed(own.action, resource, False, reason, "permissions-boundary-denies")
    if own.denied_by == "organization":
        return Allowed(own.action, resource, False, NOT_BY_ORGANIZATION)
    reason = f"no policy of role {role} allows it" if own.lacks_a_policy else DENIALS[own.denied_by]
    return Allowed(own.action, resource, False, reason, "role-no-permissions")


def _context(cluster: Cluster, association: Association, arn: str) -> dict[str, str | Sequence[str]]:
    """Return the context keys of every request from such a pod. Pod names and UIDs differ and are omitted."""
    context: dict[str, str | Sequence[str]] = {"aws:PrincipalArn": arn, "aws:PrincipalAccount": Arn.parse(arn).account}
    context["aws:RequestedRegion"] = Arn.parse(cluster.arn).region
    if association.session_tags:
        tags = {
            "eks-cluster-arn": cluster.arn,
            "eks-cluster-name": cluster.name,
            "kubernetes-namespace": association.namespace,
            "kubernetes-service-account": association.service_account,
        }
        context |= {f"aws:PrincipalTag/{key}": value for key, value in tags.items()}
    return context


def allowed_code(answers: Iterable[Allowed]) -> ExitCode:
    """Return 3 if an action is denied, 9 if one is not known."""
    codes = {True: ExitCode.OK, False: ExitCode.ATTENTION, None: ExitCode.UNDETERMINED}
    return combine({codes[item.allowed] for item in answers})
