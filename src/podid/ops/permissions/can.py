"""Access of a service account's pods to actions: podid's own evaluation, with IAM's simulator beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated

from podid.aws.iam import Iam
from podid.calls import pacing
from podid.domain.errors import CredentialsError, ExitCode, InvalidInput, PodidError, combine
from podid.domain.grouping import grouped
from podid.domain.iam import NOT_BY_ORGANIZATION
from podid.domain.members import FLAT, HIDDEN, OR_NULL, About, kind, members
from podid.domain.policy.actions import AccessLevel, ActionTable
from podid.domain.policy.evaluate import AccessVerdict, LayerKind, Ruling
from podid.domain.policy.session import ASSUMED, RoleSession
from podid.domain.section import Unread
from podid.domain.status import Allowed
from podid.domain.text import meant, short_list
from podid.domain.wildcards import ANY, text_of
from podid.ops.association.simulation import simulate_on
from podid.ops.permissions.resources import NEVER_READ, OF_RESOURCES, ReadPolicies, with_resource_policy
from podid.ops.permissions.session import FREE, OfSession, SessionAccess

# podid alone evaluates further resources: each costs IAM's simulator a call
_MOST_SIMULATED = 20
_DECIDED = {AccessVerdict.ALLOWED: True, AccessVerdict.DENIED: False}
_CODES = {
    AccessVerdict.ALLOWED: ExitCode.OK,
    AccessVerdict.DENIED: ExitCode.ATTENTION,
    AccessVerdict.UNKNOWN: ExitCode.UNDETERMINED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedAction:
    """`simulated` is the decision of IAM's simulator; None if it was not called or could not decide."""

    ruling: Annotated[Ruling, FLAT]
    access_level: Annotated[
        AccessLevel | None, About("The access level of the action in AWS's documentation; null if it is not known.")
    ] = None
    simulated: Annotated[
        AccessVerdict | None, About("The decision of IAM's simulator; null if it did not run, or could not decide.")
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpandedPattern:
    """The actions of a pattern on one resource, by their verdict. The denied ones are not listed."""

    pattern: str
    resource: Annotated[str, OR_NULL, About("The requested resource; null if none was specified.")] = ""
    actions: Annotated[int, About("The actions that match the pattern and apply to the resource.")]
    allowed: int
    unknown: int

    @classmethod
    def of(cls, pattern: str, resource: str, verdicts: Sequence[AccessVerdict]) -> ExpandedPattern:
        counts = {verdict: sum(item is verdict for item in verdicts) for verdict in AccessVerdict}
        allowed, unknown = counts[AccessVerdict.ALLOWED], counts[AccessVerdict.UNKNOWN]
        return cls(pattern=pattern, resource=resource, actions=len(verdicts), allowed=allowed, unknown=unknown)

    @property
    def denied(self) -> int:
        return self.actions - self.allowed - self.unknown


@kind("AccessReport", "`podid can-i`.")
@members("cluster namespace service_account association_id role_arn items patterns not_checked assumed")
@dataclass(frozen=True, slots=True, kw_only=True)
class AccessReport(OfSession):
    """The access of one session. `patterns` are the requested patterns of actions: `items` has their allowed and
    unknown actions. `notes` are remarks about the request, in sentences."""

    access: Annotated[SessionAccess, HIDDEN]
    items: tuple[CheckedAction, ...]
    patterns: tuple[ExpandedPattern, ...]
    not_checked: Annotated[tuple[Unread, ...], About("The parts that could change an answer and were not checked.")]
    assumed: Annotated[tuple[str, ...], About("Facts about the requests that were assumed.")]
    notes: Annotated[tuple[str, ...], HIDDEN] = ()

    @property
    def exit_code(self) -> ExitCode:
        """Return 0 if all actions are allowed, 3 if one is denied, otherwise 9."""
        codes = {_CODES[item.ruling.verdict] for item in self.items}
        return combine(codes | {ExitCode.ATTENTION for item in self.patterns if item.denied})


@dataclass(frozen=True, slots=True)
class ActionQuery:
    """The actions and patterns of actions to evaluate, each on each resource; without resources on any."""

    actions: tuple[str, ...]
    resources: tuple[str, ...] = ()

    def notes(self, table: ActionTable) -> Iterator[str]:
        """Yield remarks about actions that the table does not have, or that do not apply to the resource. Raise
        InvalidInput for a pattern without an action."""
        dated = f"the action table of {table.date}"
        for action in self.actions:
            if is_pattern(action):
                if not table.expand(action):
                    raise InvalidInput(f"No action in {dated} matches {action!r}", subject=action)
                continue
            known = table.find(action)
            if known is None:
                yield f"{action} is not in {dated}{meant(table.similar(action))}"
                continue
            for resource in self.resources:
                if not known.types and resource != ANY:
                    yield f"{known.name} does not support resources: podid evaluated it on *"
                elif not table.applies(known, resource):
                    yield f"{known.name} does not apply to {resource}, but to {short_list(t.arn for t in known.types)}"


def requests(table: ActionTable, action: str, resource: str) -> Iterator[tuple[str, AccessLevel | None, str]]:
    """Yield (action, access level, resource) for an action, or for each action of a pattern that applies to the
    resource, which is empty for any. An action without types of resources is requested for `*`."""
    if not is_pattern(action) and table.find(action) is None:
        yield action, None, resource
    for item in table.expand(action):
        if not is_pattern(action) or not resource or table.applies(item, resource):
            yield item.name, item.level, resource if item.types else ANY


def is_pattern(action: str) -> bool:
    return bool(set("*?") & set(action))


def check_access(
    access: SessionAccess,
    query: ActionQuery,
    table: ActionTable,
    iam: Iam | None = None,
    resources: ReadPolicies | None = None,
) -> AccessReport:
    """Evaluate the actions. `iam` is the client of the role's account, for the simulator. `resources` are the policies
    of the requested resources, None if they were not read."""
    notes = tuple(dict.fromkeys(query.notes(table)))
    plain: list[CheckedAction] = []
    listed: list[CheckedAction] = []
    patterns: list[ExpandedPattern] = []
    for action in query.actions:
        for resource in query.resources or ("",):
            checked = [
                CheckedAction(ruling=table.fitting(access.ruling(name, target)), access_level=level)
                for name, level, target in requests(table, action, resource)
            ]
            if not is_pattern(action):
                plain += checked
                continue
            checked = [_beside(item, access, resources) for item in checked]
            patterns.append(ExpandedPattern.of(action, resource, [item.ruling.verdict for item in checked]))
            listed += [item for item in checked if item.ruling.verdict is not AccessVerdict.DENIED]
    simulation, session = _simulated(access, [item.ruling for item in plain], iam), access.access.session
    plain = [_simulated_and_beside(item, simulation, access, resources) for item in plain]
    return AccessReport(
        access=access,
        items=(*plain, *listed),
        patterns=tuple(patterns),
        not_checked=(*access.unread, *_not_checked(simulation, resources, patterns=bool(patterns))),
        assumed=tuple(
            words.format(region=session.region)
            for key, words in ASSUMED.items()
            if key not in session.specified and (session.region or "region" not in key)
        ),
        notes=notes,
    )


def _not_checked(simulation: _Simulation, resources: ReadPolicies | None, *, patterns: bool) -> Iterator[Unread]:
    yield from (OF_RESOURCES,) if resources is None else resources.unread
    yield from NEVER_READ
    scope = "service control policies"
    if simulation.missing is not None:
        yield Unread(scope, simulation.missing.reason, simulation.missing.permission)
    elif patterns:
        yield Unread(f"{scope} for patterns of actions", "only single actions are simulated")


@dataclass(frozen=True, slots=True)
class _Simulation:
    """The answers by action and requested resource; or why there are none."""

    answers: Mapping[tuple[str, str], Allowed]
    missing: Unread | None = None


def _simulated(access: SessionAccess, rulings: Sequence[Ruling], iam: Iam | None) -> _Simulation:
    """Return the simulator's answer for each ruling, one call for the actions of a resource."""
    obstacle = access.obstacle
    if iam is None or access.not_simulated is not None:
        return _Simulation({}, access.not_simulated)
    if obstacle is not None and obstacle.verdict is AccessVerdict.DENIED:
        return _Simulation({})
    simulated = (ruling for ruling in rulings if ruling.action.lower() != FREE)
    by_resource = grouped((_example(access.access.session, ruling), ruling) for ruling in simulated)
    policy = access.association.policy or "" if access.association is not None else ""
    named = _named(access)

    def simulate(resource: str) -> list[Allowed] | PodidError:
        actions = tuple(dict.fromkeys(ruling.action for ruling in by_resource[resource]))
        context = _context(access.access.session, resource)
        try:
            return simulate_on(iam, access.role_arn, actions, resource, context=context, policy=policy, named=named)
        except PodidError as error:
            return error

    answers: dict[tuple[str, str], Allowed] = {}
    failure: Unread | None = None
    for resource, answer in pacing.fan_out(simulate, list(by_resource)[:_MOST_SIMULATED]):
        if isinstance(answer, CredentialsError):
            raise answer
        if isinstance(answer, PodidError):
            failure = Unread.of("IAM's simulator", answer)
            continue
        by_action = {item.action: item for item in answer}
        answers |= {(item.action, item.resource): by_action[item.action] for item in by_resource[resource]}
    if failure is None and len(by_resource) > _MOST_SIMULATED:
        failure = Unread("IAM's simulator", f"only {_MOST_SIMULATED} resources are simulated")
    return _Simulation(answers, failure)


def _example(session: RoleSession, ruling: Ruling) -> str:
    """Return a resource for which the simulator must decide as the ruling does."""
    resource = ruling.resource
    if not resource and ruling.verdict is not AccessVerdict.DENIED:
        resource = next(iter((*ruling.resources, *ruling.unclear)), "")
    return session.example(resource, "example") if resource.strip(ANY) else ANY


def _context(session: RoleSession, resource: str) -> dict[str, str | Sequence[str]]:
    """Return the keys of the session whose values are known, and those that the user specified."""
    sent = session.context("", resource).sent
    names = ("aws:principal", "aws:requestedregion", "aws:resourceaccount")
    known = {key: value for key, value in sent.items() if key in session.specified or key.startswith(names)}
    return {
        key: value.values if value.many else value.values[0]
        for key, value in known.items()
        if value.values and not value.optional and not value.open and key not in _SELF_KNOWN
    }


# the simulator derives them from the role
_SELF_KNOWN = ("aws:principaltype", "aws:principalisawsservice")


def _named(access: SessionAccess) -> tuple[str, ...]:
    """Return the patterns of the actions that the policies of the role may allow."""
    identity = access.access.layers[0]
    if identity.unread is not None:
        return (ANY,)
    statements = [item for policy in identity.policies for item in policy.statements if item.allow]
    if any(item.not_action for item in statements):
        return (ANY,)
    return tuple(text_of(pattern) for item in statements for pattern in item.actions)


def _simulated_and_beside(
    item: CheckedAction, simulation: _Simulation, access: SessionAccess, resources: ReadPolicies | None
) -> CheckedAction:
    answer = simulation.answers.get((item.ruling.action, item.ruling.resource))
    item = _combined(item, answer)
    # the policies of the organization also limit what the policy of a resource allows
    by_organization = answer is not None and answer.reason == NOT_BY_ORGANIZATION
    return item if by_organization else _beside(item, access, resources)


def _beside(item: CheckedAction, access: SessionAccess, resources: ReadPolicies | None) -> CheckedAction:
    return replace(item, ruling=with_resource_policy(item.ruling, access, resources))


def _combined(item: CheckedAction, answer: Allowed | None) -> CheckedAction:
    """Return the ruling beside the simulator's answer. Only the simulator knows the policies of the organization; any
    other difference leaves the access unknown."""
    if answer is None or answer.allowed is None:
        return item
    ruling, own = item.ruling, _DECIDED.get(item.ruling.verdict)
    if not answer.allowed and answer.reason == NOT_BY_ORGANIZATION:
        if own is not False:
            layer, denied = LayerKind.ORGANIZATION.value, AccessVerdict.DENIED
            ruling = replace(ruling, verdict=denied, layer=layer, statement=None, reason=answer.reason, resources=())
    elif own is not None and own is not answer.allowed:
        words = "allows it" if answer.allowed else f"denies it, because {answer.reason}"
        reason = f"podid's evaluation and IAM's simulator differ: {ruling.reason}; the simulator {words}"
        ruling = replace(ruling, verdict=AccessVerdict.UNKNOWN, reason=reason)
    return replace(item, ruling=ruling, simulated=AccessVerdict.ALLOWED if answer.allowed else AccessVerdict.DENIED)
