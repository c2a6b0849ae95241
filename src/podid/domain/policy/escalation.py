"""The ways of a session to more permissions than its role has: all of IAM, and the published ways.

The published ways: `podid.domain.policy.paths`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated

from podid.domain.members import OR_NULL, About, Names
from podid.domain.policy.evaluate import AccessVerdict, RoleAccess, Ruling
from podid.domain.policy.path_resources import required
from podid.domain.policy.paths import PASS_ROLE, PATHS, EscalationPath
from podid.domain.wildcards import ANY, covers_arn, overlap_arn

# all actions, or all of IAM, on any resource make a role an administrator; `*:*` are all actions, too
ADMINISTRATION = {"*:*": "all actions", "iam:*": "all actions of IAM"}
_MOST_FIRST = (AccessVerdict.ALLOWED, AccessVerdict.UNKNOWN, AccessVerdict.DENIED)


@dataclass(frozen=True, slots=True)
class EscalationAction:
    """An action of a path, with the patterns of its resources as far as they are known."""

    action: str
    resources: Annotated[Names, About("The patterns of the resources, as far as they are known.")] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Escalation:
    """A path that the role's policies allow, or may allow. `reason` is why that is not known."""

    id: str
    verdict: Annotated[AccessVerdict, About("unknown if an action depends on the request, or a policy was not read.")]
    actions: tuple[EscalationAction, ...]
    words: Annotated[str, About('Continues "the pods can".')]
    reason: Annotated[str, OR_NULL, About("The reason why the access is not known; null if it is.")] = ""

    def __str__(self) -> str:
        first, *others = [item.action for item in self.actions]
        return f"{first} with {' and '.join(others)}" if others else first


def reach(access: RoleAccess, action: str, resource: str) -> Ruling | None:
    """Return the decision if the action is allowed on all resources of the pattern, or if that is not known; None if it
    is denied on one of them."""
    ruling = access.ruling(action)
    if ruling.verdict is AccessVerdict.ALLOWED and any(covers_arn(item, resource) for item in ruling.resources):
        return None if ruling.except_ else ruling
    if any(covers_arn(item, resource) for item in ruling.unclear):
        specific = access.ruling(action, resource)
        return specific if specific.verdict is AccessVerdict.UNKNOWN else None
    return None


def administration(access: RoleAccess) -> tuple[str, Ruling] | None:
    """Return the words and the decision if all actions, or all of IAM, are allowed on any resource, apart from those
    that policies name; the decision is unknown if that depends on the request."""
    doubtful = None
    for action, words in ADMINISTRATION.items():
        ruling = reach(access, action, ANY)
        if ruling is not None and ruling.verdict is AccessVerdict.ALLOWED:
            return words, ruling
        doubtful = doubtful or (None if ruling is None else (words, ruling))
    return doubtful


def is_administrator(access: RoleAccess) -> bool:
    broad = administration(access)
    return broad is not None and broad[1].verdict is AccessVerdict.ALLOWED


def escalations(access: RoleAccess, paths: Iterable[EscalationPath] = PATHS) -> Iterator[Escalation]:
    """Yield the paths whose actions are all allowed, or unknown, each on the resources that its requests have."""
    granted = _Granted(access)
    for path in paths:
        if granted.services is not None and not path.services <= granted.services:
            continue
        steps: list[_Step] = []
        for action in path.actions:
            steps.append(granted.step(action, path.principals if action == PASS_ROLE else ()))
            if steps[-1].verdict is AccessVerdict.DENIED:
                break
        else:
            if path.wide and not any(map(_is_wide, steps[0].patterns)):
                continue
            unknown = next((step for step in steps if step.verdict is AccessVerdict.UNKNOWN), None)
            yield Escalation(
                id=path.id,
                verdict=AccessVerdict.ALLOWED if unknown is None else AccessVerdict.UNKNOWN,
                actions=tuple(EscalationAction(step.action, step.patterns) for step in steps),
                words=path.words,
                reason=unknown.reason if unknown is not None else "",
            )


@dataclass(frozen=True, slots=True)
class _Step:
    """The access to one action of a path; `patterns` are those of the policies for its resources."""

    action: str
    verdict: AccessVerdict
    patterns: tuple[str, ...] = ()
    reason: str = ""


@dataclass
class _Granted:
    """The answers of one session, each action once."""

    access: RoleAccess
    steps: dict[tuple[str, tuple[str, ...]], _Step] = field(default_factory=dict)

    @cached_property
    def services(self) -> frozenset[str] | None:
        """Return the prefixes of the actions that the policies of the role may allow; None for any."""
        policies = self.access.layers[0].policies
        listed = [item.services for policy in policies for item in policy.statements if item.allow]
        services = [item for item in listed if item is not None]
        return frozenset().union(*services) if len(services) == len(listed) else None

    def step(self, action: str, principals: tuple[str, ...]) -> _Step:
        key = (action, principals)
        if key not in self.steps:
            self.steps[key] = self._step(action, principals)
        return self.steps[key]

    def _step(self, action: str, principals: tuple[str, ...]) -> _Step:
        if not any(item.allow for item in self.access.about(action.lower())[0]):
            # a policy that was not read is reported as a whole
            return _Step(action, AccessVerdict.DENIED)
        step = _on_resources(self.access, action)
        if step.verdict is not AccessVerdict.UNKNOWN or not principals:
            return step
        passing = (_on_resources(self.access.passing_to(principal), action) for principal in principals)
        return min(passing, key=lambda item: _MOST_FIRST.index(item.verdict))


def _on_resources(access: RoleAccess, action: str) -> _Step:
    """Return the access to the action on resources of every type that its requests have."""
    session = access.session
    everywhere = access.ruling(action)
    if everywhere.verdict is AccessVerdict.DENIED:
        return _Step(action, AccessVerdict.DENIED)
    partition = session.partition if session.role_arn else _partition((*everywhere.resources, *everywhere.unclear))
    groups = required(action, partition, session.account)
    if not groups:
        ruling = access.ruling(action, ANY)
        return _Step(action, ruling.verdict, tuple(ruling.resources), ruling.reason)
    patterns: dict[str, None] = {}
    doubt = ""
    for group in groups:
        rulings = [(access.ruling(action, arn), arn) for arn in group]
        ruling, _ = min(rulings, key=lambda item: _MOST_FIRST.index(_in_part(item[0])))
        verdict = _in_part(ruling)
        if verdict is AccessVerdict.DENIED:
            return _Step(action, AccessVerdict.DENIED)
        doubt = doubt or (ruling.reason if verdict is AccessVerdict.UNKNOWN else "")
        listed = everywhere.unclear if verdict is AccessVerdict.UNKNOWN else everywhere.resources
        known = [item for item in listed if not _is_linked(item)]
        patterns |= dict.fromkeys(item for item in known if any(overlap_arn(item, arn) for arn in group))
    return _Step(action, AccessVerdict.UNKNOWN if doubt else AccessVerdict.ALLOWED, tuple(patterns), doubt)


def _partition(patterns: Iterable[str]) -> str:
    """Return the partition of the policies' resources, for policies of a role that is not known."""
    named = (item.split(":")[1] for item in patterns if item.startswith("arn:aws"))
    return next((name for name in named if not _is_wide(name)), "aws")


def _in_part(ruling: Ruling) -> AccessVerdict:
    """Return the verdict for some resource of the pattern: of a way, one is sufficient."""
    if any(not _is_linked(item) for item in ruling.resources) and not ruling.missing_permission:
        return AccessVerdict.ALLOWED
    patterns = (*ruling.resources, *ruling.unclear)
    return AccessVerdict.DENIED if patterns and all(map(_is_linked, patterns)) else ruling.verdict


def _is_linked(pattern: str) -> bool:
    """Return whether all its resources are service-linked roles. Only their service can change or use them: IAM User
    Guide, "Create a service-linked role"."""
    return ":role/aws-service-role/" in pattern


def _is_wide(pattern: str) -> bool:
    return bool(set("*?") & set(pattern))
