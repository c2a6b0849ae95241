"""Evaluate a trust policy for a request: each action separately, in three values.

An explicit Deny decides first; then at least one Allow is required. A request that no Allow can match is no-match
whatever else is unknown. A Deny that may match makes an Allow unknown. Source: IAM User Guide, "Policy evaluation
logic".
"""

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Literal

from podid.domain.members import HIDDEN, About
from podid.domain.trust.explain import Request, why_denied, why_not, why_unknown
from podid.domain.trust.findings import TrustFinding, find_all, open_to_all, too_broad
from podid.domain.trust.policy import ACTIONS, ASSUME_ROLE, Policy, Statement
from podid.domain.trust.request import PodIdentity, RequestContext, TargetHop, context_of
from podid.domain.trust.scope import Scope, ScopeKind, scope_of, stranger


class TrustVerdict(StrEnum):
    MATCH = "match"
    NO_MATCH = "no-match"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class ActionVerdict:
    """The verdict on one action. `statement` is the index of the deciding statement; None if no statement applies."""

    action: Annotated[str, HIDDEN]
    verdict: TrustVerdict
    statement: Annotated[int | None, About("Index of the deciding statement, from 0.")]
    sid: str | None
    reason: Annotated[str, About("One sentence; may be empty.")]


@dataclass(frozen=True)
class Evaluation:
    """The evaluation of a policy for one request. `findings` and `scope` are computed on first use."""

    policy: Policy
    request: Request
    assume_role: ActionVerdict
    tag_session: ActionVerdict

    @property
    def pod(self) -> PodIdentity:
        """Return the pods that use the role."""
        return self.request.pod if isinstance(self.request, TargetHop) else self.request

    @property
    def hop(self) -> Literal[1, 2]:
        return 2 if isinstance(self.request, TargetHop) else 1

    @property
    def actions(self) -> tuple[ActionVerdict, ActionVerdict]:
        return self.assume_role, self.tag_session

    @cached_property
    def verdict(self) -> TrustVerdict:
        """Return the verdict on both actions: no-match if one does not match, match if both do."""
        return combined(self.assume_role.verdict, self.tag_session.verdict)

    @cached_property
    def findings(self) -> tuple[TrustFinding, ...]:
        failed = tuple(action.action for action in self.actions if action.verdict is TrustVerdict.NO_MATCH)
        to_all = open_to_all(self.policy)
        findings = [*to_all, *find_all(self.policy, self.request, context_of(self.request), failed)]
        if to_all:
            return tuple(findings)
        if isinstance(self.request, PodIdentity) and self.scope is not None and not self.scope.narrowed:
            anyone = stranger(self.request, ScopeKind.ANY)
            wide = _judge(self.policy, ASSUME_ROLE, anyone, context_of(anyone)).statement
            findings.append(too_broad(self.request, self.policy.statements[wide or 0].label))
        return tuple(findings)

    @cached_property
    def scope(self) -> Scope | None:
        """Return the scope of access by the trust policy; None at hop 2 and if sts:AssumeRole does not match."""
        index = self.assume_role.statement
        if not isinstance(self.request, PodIdentity) or index is None:
            return None
        if self.assume_role.verdict is not TrustVerdict.MATCH:
            return None

        def may_assume(other: PodIdentity) -> bool:
            return _judge(self.policy, ASSUME_ROLE, other, context_of(other)).verdict is not TrustVerdict.NO_MATCH

        return scope_of(self.request, self.policy.statements[index], may_assume)


def combined(*verdicts: TrustVerdict) -> TrustVerdict:
    """Return the worst verdict: no-match, then unknown, then match."""
    for verdict in (TrustVerdict.NO_MATCH, TrustVerdict.UNKNOWN):
        if verdict in verdicts:
            return verdict
    return TrustVerdict.MATCH


def evaluate(policy: Policy, request: Request) -> Evaluation:
    """Evaluate the policy for the request. Never raises for a parsed policy.

    A condition on a value that differs from pod to pod matches if it matches for one live pod.
    """
    context = context_of(request)
    assume_role, tag_session = (_evaluate(policy, action, request, context) for action in ACTIONS)
    return Evaluation(policy, request, assume_role, tag_session)


def _evaluate(policy: Policy, action: str, request: Request, context: RequestContext) -> ActionVerdict:
    verdict = _judge(policy, action, request, context)
    pods = (request.pod if isinstance(request, TargetHop) else request).pods
    if verdict.verdict is TrustVerdict.UNKNOWN and pods:
        for pod in pods:
            of_pod = _judge(policy, action, request, context_of(request, pod))
            if of_pod.verdict is TrustVerdict.MATCH:
                return of_pod
    return verdict


def _judge(policy: Policy, action: str, request: Request, context: RequestContext) -> ActionVerdict:
    may_deny: Statement | None = None
    may_allow: Statement | None = None
    allows: Statement | None = None
    for statement in policy.statements:
        truth = statement.truth(action, request, context)
        if truth is False:
            continue
        if not statement.allow:
            if truth:
                return _verdict(action, TrustVerdict.NO_MATCH, statement, why_denied(statement, context))
            may_deny = may_deny or statement
        elif truth:
            allows = allows or statement
        else:
            may_allow = may_allow or statement
    doubtful = may_deny or may_allow
    if allows is not None and may_deny is None:
        return _verdict(action, TrustVerdict.MATCH, allows, f"{allows.label} allows the request")
    if doubtful is not None and (allows is not None or may_allow is not None):
        return _verdict(action, TrustVerdict.UNKNOWN, doubtful, why_unknown(doubtful, action, request, context))
    nearest, reason = why_not(policy, action, request, context)
    return _verdict(action, TrustVerdict.NO_MATCH, nearest, reason)


def _verdict(action: str, verdict: TrustVerdict, statement: Statement | None, reason: str) -> ActionVerdict:
    if statement is None:
        return ActionVerdict(action, verdict, None, "", reason)
    return ActionVerdict(action, verdict, statement.index, statement.sid, reason)
