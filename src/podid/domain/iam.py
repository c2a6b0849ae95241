"""Permissions policies of roles: the roles that they allow to assume, which IAM's policy simulator takes as input; and
whether a permissions boundary or a session policy (a ceiling) allows any of their actions. Quotas, the use of
permissions as IAM reports it for a role, and policies in words.

Of ceilings only actions are compared, not resources and conditions. So the answer "no action" is certain, and the
answer "some action" is not. `*` and `?` are wildcards:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html and
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html

Quotas: EKS User Guide, "Service quotas", and EKS API Reference, "CreatePodIdentityAssociation"; IAM User Guide, "IAM
and AWS STS quotas". IAM counts characters without white space.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from podid.domain import wildcards
from podid.domain.text import count_of, short_list
from podid.domain.wildcards import VARIABLE, covers, overlap

ASSOCIATION_QUOTA = 5000  # of one cluster
NEAR_ASSOCIATION_QUOTA = ASSOCIATION_QUOTA * 8 // 10  # podid warns from here on
SESSION_POLICY_QUOTA = 2048  # characters, of one association
TRUST_POLICY_QUOTA = 2048  # characters; IAM's default
DEFAULT_SESSION_SECONDS = 3600  # of a role's MaxSessionDuration
INLINE_QUOTA = 10_240  # characters, of all inline policies of a role together
ATTACHED_QUOTA = 10  # managed policies of a role; IAM's default
ASSUME, TAG = "sts:assumerole", "sts:tagsession"
# keys whose values depend on the session's name, which Pod Identity chooses
SESSION_KEYS = ("aws:userid", "sts:rolesessionname")


Document = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class PolicyNames:
    """A role's permission policies: the ARNs of the attached ones, the names of the inline ones."""

    attached: tuple[str, ...] = ()
    inline: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.attached or self.inline)


@dataclass(frozen=True, slots=True)
class PolicyDocument:
    """A permissions policy of a principal: `name` is the name of an inline policy, or the ARN of a managed one."""

    name: str
    document: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Principal:
    """A user or role of the account with all of its policies, those of a user's groups included."""

    arn: str
    policies: tuple[PolicyDocument, ...] = ()
    boundary: PolicyDocument | None = None


@dataclass(frozen=True, slots=True)
class AssumePermissions:
    """The resources, as written, of statements that allow sts:AssumeRole and sts:TagSession. `clear` is False if a Deny
    or a statement with NotAction or NotResource also covers these actions, so that the resources are not certain.
    `allows` are the patterns of all actions that the statements allow, `*` if they are not known."""

    assume: tuple[str, ...] = ()
    tag: tuple[str, ...] = ()
    clear: bool = True
    allows: tuple[str, ...] = ("*",)

    @property
    def roles(self) -> tuple[str, ...]:
        """Return the roles that it names individually and allows to assume."""
        return tuple(arn for arn in self.assume if ":role/" in arn and not _wild(arn))

    def may_tag(self, arn: str) -> bool:
        return any(matches(pattern, arn) for pattern in self.tag)

    @property
    def untagged(self) -> tuple[str, ...]:
        """Return the patterns of roles that it allows to assume without sts:TagSession."""
        return tuple(
            pattern
            for pattern in self.assume
            if _wild(pattern) and pattern not in self.tag and not self.may_tag(pattern)
        )


def depends_on_sessions(document: Mapping[str, object]) -> bool:
    """Return whether a policy has a condition on the name of a session or on aws:userid, which ends with it, or uses
    one of them as a policy variable."""
    text = json.dumps(document).lower()
    return any(key in text for key in SESSION_KEYS)


def assume_permissions(
    documents: Iterable[Mapping[str, object]], allows: tuple[str, ...] = ("*",)
) -> AssumePermissions:
    """Return the permissions to assume roles in all policies of a role. Ignore statements of an unexpected form."""
    assume: list[str] = []
    tag: list[str] = []
    clear = True
    for statement in _statements(documents):
        actions = _actions(statement, "Action")
        about = {name for name in (ASSUME, TAG) if any(matches(action, name) for action in actions)}
        excluding = "NotAction" in statement or (bool(about) and "NotResource" in statement)
        if excluding or (about and statement.get("Effect") != "Allow"):
            clear = False
            continue
        resources = [resource for resource in listed(statement.get("Resource")) if isinstance(resource, str)]
        assume += resources if ASSUME in about else ()
        tag += resources if TAG in about else ()
    return AssumePermissions(tuple(dict.fromkeys(assume)), tuple(dict.fromkeys(tag)), clear, allows)


def matches(pattern: str, name: str) -> bool:
    """Return whether the pattern of a policy matches; a policy variable matches any text."""
    return wildcards.matches(wildcards.pattern(VARIABLE.sub("*", pattern)), name)


def _wild(pattern: str) -> bool:
    return "*" in pattern or "?" in pattern or "${" in pattern


def listed(value: object) -> list[object]:
    """Return the items of a member that is a single value or a list."""
    if isinstance(value, list | tuple):
        return list(value)
    return [] if value is None else [value]


EVERYTHING = ("*",)


def allowed_actions(documents: Collection[Mapping[str, object]]) -> tuple[str, ...]:
    """Return the patterns of allowed actions in lower case, without those that the documents deny; only `*` if a
    statement allows without Action."""
    allows = list(_allows(documents))
    actions = dict.fromkeys(action for statement in allows for action in _actions(statement, "Action"))
    patterns = tuple(actions) if all("Action" in statement for statement in allows) else EVERYTHING
    denies = list(_denies(documents))
    return tuple(pattern for pattern in patterns if not any(_holds(statement, pattern) for statement in denies))


def extends(before: Mapping[str, object], after: Mapping[str, object]) -> bool:
    """Return whether the policy `after` still has every statement of `before`, and no further Deny."""
    old, new = list(_statements((before,))), list(_statements((after,)))
    return all(item in new for item in old) and all(item in old for item in _denies((after,)))


def denies_everything(document: Mapping[str, object]) -> bool:
    return any(_holds(statement, "*:*") for statement in _denies((document,)))


def granted_actions(documents: Iterable[Mapping[str, object]]) -> tuple[str, ...]:
    """Return the patterns of the Allow statements as written, each once; `*` for a statement with NotAction."""
    granted: dict[str, str] = {}
    for statement in _allows(documents):
        for action in EVERYTHING if "NotAction" in statement else listed(statement.get("Action")):
            if isinstance(action, str):
                granted.setdefault(action.lower(), action)
    return tuple(granted.values())


def not_granted(session: Mapping[str, object], granted: Iterable[Mapping[str, object]]) -> tuple[str, ...]:
    """Return the actions that a session policy allows and no policy of the role does, on any resource. NotAction is
    ignored."""
    allowed = (action for statement in _allows((session,)) for action in listed(statement.get("Action")))
    statements = list(_allows(granted))
    return tuple(
        action
        for action in dict.fromkeys(action for action in allowed if isinstance(action, str))
        if not any(_touches(statement, action.lower()) for statement in statements)
    )


def allows_any_action(allowed: Iterable[str], ceiling: Mapping[str, object]) -> bool:
    """Return whether the ceiling may allow any of these actions."""
    allows = list(_allows((ceiling,)))
    denies = list(_denies((ceiling,)))
    return any(
        any(_touches(statement, pattern) for statement in allows)
        and not any(_holds(statement, pattern) for statement in denies)
        for pattern in allowed
    )


def _touches(statement: Mapping[str, object], pattern: str) -> bool:
    """Return whether the statement covers any action of the pattern."""
    if "NotAction" in statement:
        return not any(covers(action, pattern) for action in _actions(statement, "NotAction"))
    # a statement without actions has an unexpected form, and proves nothing
    return "Action" not in statement or any(overlap(action, pattern) for action in _actions(statement, "Action"))


def _holds(statement: Mapping[str, object], pattern: str) -> bool:
    """Return whether the statement covers every action of the pattern."""
    if "NotAction" in statement:
        return not any(overlap(action, pattern) for action in _actions(statement, "NotAction"))
    return any(covers(action, pattern) for action in _actions(statement, "Action"))


def _statements(documents: Iterable[Mapping[str, object]]) -> Iterator[Mapping[str, object]]:
    for document in documents:
        yield from (statement for statement in listed(document.get("Statement")) if isinstance(statement, Mapping))


def _allows(documents: Iterable[Mapping[str, object]]) -> Iterator[Mapping[str, object]]:
    return (statement for statement in _statements(documents) if statement.get("Effect") == "Allow")


def _denies(documents: Iterable[Mapping[str, object]]) -> Iterator[Mapping[str, object]]:
    """Yield the Deny statements that apply to every resource, without a condition."""
    for statement in _statements(documents):
        wide = "*" in listed(statement.get("Resource")) and not statement.get("Condition")
        if wide and statement.get("Effect") == "Deny":
            yield statement


def _actions(statement: Mapping[str, object], member: str) -> list[str]:
    return [action.lower() for action in listed(statement.get(member)) if isinstance(action, str)]


_MOST_STATEMENTS = 6
_MOST_NAMES = 4


@dataclass(frozen=True, slots=True)
class PolicyFinding:
    """A finding of IAM Access Analyzer. `kind` is ERROR, SECURITY_WARNING, WARNING or SUGGESTION; `place` is its place
    in the document, empty for the whole document."""

    kind: str
    code: str
    details: str
    place: str = ""


NOT_BY_ORGANIZATION = "a service control policy of the organization does not allow it"
# why a simulated request is denied, by `Decision.denied_by`
DENIALS = {
    "policy": "a policy denies it",
    "boundary": "its permissions boundary does not allow it",
    "organization": NOT_BY_ORGANIZATION,
    "": "no policy of the role allows it",
}
# likewise, what allows it
_REPAIRS = {
    "policy": "remove the Deny of {} from the policies of role {}",
    "boundary": "allow {} also in the permissions boundary of role {}",
    "organization": "allow {} for role {} in the service control policies of the organization",
    "": "allow {} in a policy of role {}",
}


def repair_of(denied_by: str, request: str, role: str) -> str:
    """Return the change that allows the denied request of a role."""
    return _REPAIRS[denied_by].format(request, role)


def strings_in(value: object) -> Iterator[str]:
    """Yield every text in a policy document, names of members included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, member in value.items():
            yield str(key)
            yield from strings_in(member)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from strings_in(item)


def undecided(keys: Iterable[str]) -> str:
    """Return why a denied simulation without these context keys is not conclusive."""
    return f"the simulation depends on {', '.join(sorted(set(keys)))}, which only an actual request has"


def policy_words(document: Mapping[str, object]) -> tuple[str, ...]:
    """Return each statement in words, such as `may dynamodb:GetItem and dynamodb:Query on arn:…:table/orders`."""
    statements = listed(document.get("Statement"))
    words = [
        _statement_words(item) if isinstance(item, Mapping) else "a statement of an unexpected form"
        for item in statements
    ]
    if len(words) > _MOST_STATEMENTS:
        words = [*words[:_MOST_STATEMENTS], f"and {count_of(len(words) - _MOST_STATEMENTS, 'more statement')}"]
    return tuple(words) or ("nothing: the policy has no statement",)


def _statement_words(statement: Mapping[str, object]) -> str:
    may = "may not" if statement.get("Effect") == "Deny" else "may"
    conditions = list(_condition_words(statement.get("Condition")))
    only = f", if {' and '.join(conditions)}" if conditions else ""
    return f"{may} {_action_words(statement)} on {_resource_words(statement)}{only}"


def _action_words(statement: Mapping[str, object]) -> str:
    if "NotAction" in statement:
        return f"do everything but {_joined(_texts(statement['NotAction']))}"
    actions = _texts(statement.get("Action"))
    if "*" in actions:
        return "do everything"
    if actions and all(action.endswith(":*") for action in actions):
        return f"do everything in {_joined([action[:-2] for action in actions])}"
    return _joined(actions)


def _resource_words(statement: Mapping[str, object]) -> str:
    if "NotResource" in statement:
        return f"everything but {_joined(_texts(statement['NotResource']))}"
    resources = _texts(statement.get("Resource"))
    return "anything" if "*" in resources else _joined(resources)


def _condition_words(condition: object) -> Iterator[str]:
    if not isinstance(condition, Mapping):
        return
    for operator, keys in condition.items():
        verb = "is" if operator in ("StringEquals", "StringLike", "ArnEquals", "ArnLike", "Bool") else operator
        for key, value in keys.items() if isinstance(keys, Mapping) else ():
            yield f"{key} {verb} {_joined(_texts(value), last='or')}"


def _texts(value: object) -> list[str]:
    return [str(item).lower() if isinstance(item, bool) else str(item) for item in listed(value)]


def _joined(texts: list[str], last: str = "and") -> str:
    if 1 < len(texts) <= _MOST_NAMES:
        return f"{', '.join(texts[:-1])} {last} {texts[-1]}"
    return short_list(texts, _MOST_NAMES) or "nothing"


# --- last accessed information ----------------------------------------------------------------------------------------

# IAM reports attempts, denied ones included, of the last 400 days, about four hours late. A service's time covers all
# of its actions. Single actions are reported only for tracked actions, which are management actions of some services.
# IAM User Guide, "Refine permissions in AWS using last accessed information".
TRACKING = timedelta(days=400)
LATE = timedelta(hours=4)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessedAction:
    """A tracked action, without its service. `last` is None if it was not used in the tracking period."""

    name: str
    last: datetime | None = None
    region: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessedService:
    """A service that the role's policies allow, by its prefix in IAM actions."""

    name: str
    last: datetime | None = None
    region: str = ""
    actions: tuple[AccessedAction, ...] = ()

    def used(self, since: datetime) -> bool:
        return self.last is not None and self.last >= since

    def called(self, since: datetime) -> frozenset[str]:
        """Return the tracked actions that were called since then, as SERVICE:ACTION in lower case."""
        recent = (item.name for item in self.actions if item.last is not None and item.last >= since)
        return frozenset(f"{self.name}:{name}".lower() for name in recent)

    def tracked(self, patterns: Iterable[str]) -> tuple[AccessedAction, ...]:
        """Return the tracked actions that any of the patterns (SERVICE:ACTION) covers."""
        texts = tuple(pattern.lower() for pattern in patterns)
        return tuple(
            item for item in self.actions if any(matches(text, f"{self.name}:{item.name}".lower()) for text in texts)
        )


Usage = Mapping[str, AccessedService]


def service_of(action: str) -> str:
    """Return the service of an action pattern in lower case; `*` for a pattern of several services."""
    service, colon, _ = action.lower().partition(":")
    return service if colon and "*" not in service and "?" not in service else "*"


def patterns_of(service: str, actions: Iterable[str]) -> tuple[str, ...]:
    return tuple(action for action in actions if service_of(action) == service)


def of_several(service: str, actions: Iterable[str]) -> tuple[str, ...]:
    """Return the patterns that cover actions of this service and of others."""
    return tuple(a for a in actions if service_of(a) == "*" and overlap(a.lower(), f"{service}:*"))
