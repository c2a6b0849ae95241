"""A trust policy: parsed without loss of its form, and printed with equal values in the same order. The three-valued
truth of one statement for one request: its principal, its action and its conditions.

A Deny for everyone, "*" or {"AWS": "*"}, also denies AWS services: AWS excepts them by a condition on
aws:PrincipalIsAWSService. Sources: IAM User Guide, "AWS global condition context keys", aws:PrincipalIsAWSService;
AWS Organizations User Guide, "Resource control policy examples" (a Deny of sts:* for service principals); the trust
policy in https://github.com/aws-samples/data-perimeter-policy-examples (resource_based_policies). AWS does not
document whether an Allow for everyone includes services, so that is unknown.

Further sources: IAM User Guide, "Grammar of the IAM JSON policy language", "AWS JSON policy elements: Principal",
"NotPrincipal" and "NotAction", and "Policy evaluation logic". IAM's API returns the document percent-encoded; SDKs may
decode it to text or to an object.
"""

import copy
import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol, TypeVar
from urllib.parse import unquote

from podid.domain.errors import InvalidInput
from podid.domain.names import PODS_PRINCIPAL, Arn
from podid.domain.trust.conditions import Condition, Truth, Value, all_of, any_of, compile_condition, negate
from podid.domain.trust.request import PodIdentity, Request, RequestContext
from podid.domain.wildcards import matches, pattern

Raw = Mapping[str, object]

ASSUME_ROLE = "sts:AssumeRole"
TAG_SESSION = "sts:TagSession"
ACTIONS = (ASSUME_ROLE, TAG_SESSION)
ASSUMING = (ASSUME_ROLE, "sts:AssumeRoleWithWebIdentity", "sts:AssumeRoleWithSAML")
_FOR_PODS = ("Service", PODS_PRINCIPAL)
# kinds of principals in a trust policy; "*" has no kind, so it stays unknown
_KINDS = frozenset({"Service", "AWS", "Federated", "CanonicalUser"})

# more digits than any number that IAM compares
_MOST_DIGITS = 1000

KNOWN_MEMBERS = ("Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Condition")
KNOWS_VARIABLES = {"2008-10-17": False, "2012-10-17": True}


class TrustPolicyError(InvalidInput):
    """A document that IAM would reject as a trust policy; `place` is like `Statement[1].Condition.StringEquals`."""

    def __init__(self, place: str, message: str) -> None:
        super().__init__(f"{place}: {message}" if place else message, subject=place)
        self.place, self.mistake = place, message


@dataclass(frozen=True, slots=True)
class Statement:
    """One compiled statement; `raw` is the statement of the document. `principals` are (kind, value), kind "*" for
    all."""

    raw: Raw
    index: int
    sid: str
    allow: bool
    principals: tuple[tuple[str, str], ...]
    not_principal: bool
    actions: tuple[str, ...]
    not_action: bool
    conditions: tuple[Condition, ...]
    strange: tuple[str, ...]

    @property
    def label(self) -> str:
        """Return the name for messages: `Statement[2]`, and the Sid if it has one."""
        return label_of(self.index, self.sid)

    def about(self, action: str) -> bool:
        """Return whether the statement covers `action`, NotAction included."""
        return _named(self.actions, action) is not self.not_action

    @property
    def lets_assume(self) -> bool:
        """Return whether the statement allows to assume the role. sts:TagSession alone does not."""
        return self.allow and any(map(self.about, ASSUMING))

    def covers(self, action: str) -> Truth:
        """Return whether the statement covers `action`; None for an Allow with NotAction, which podid does not
        evaluate."""
        return None if self.not_action and self.allow else self.about(action)

    @property
    def names_everyone(self) -> bool:
        """Return whether a wildcard is among the principals, of Principal or of NotPrincipal."""
        return any(name == "*" and kind in ("*", "AWS") for kind, name in self.principals)

    @property
    def only_for_pods(self) -> bool:
        return not self.not_principal and set(self.principals) == {_FOR_PODS}

    @property
    def others(self) -> list[str]:
        """Return the names of the principals other than EKS Pod Identity."""
        return [name for _, name in self.principals if name != PODS_PRINCIPAL]

    def names_caller(self, request: Request) -> Truth:
        """Return whether the statement names the caller, also by `*`; None if AWS does not document that."""
        base_role = None if isinstance(request, PodIdentity) else request.base_role_arn
        if self.not_principal:
            # NotPrincipal also excepts a session by its role or its account, in ways that differ between services
            return None if self.allow or base_role else negate(_names_caller(self.principals, base_role))
        if self.names_everyone and (base_role or not self.allow):
            return True
        return _names_caller(self.principals, base_role)

    def conditions_hold(self, context: RequestContext) -> Truth:
        return all_of(condition.holds(context) for condition in self.conditions)

    def truth(self, action: str, request: Request, context: RequestContext) -> Truth:
        """Return whether the whole statement applies; None if it has members that a trust policy cannot have."""
        applies = all_of((self.names_caller(request), self.covers(action)))
        if applies is False:
            return False
        return all_of((applies, self.conditions_hold(context), None if self.strange else True))


def label_of(index: int, sid: str) -> str:
    return f"Statement[{index}] ({sid})" if sid else f"Statement[{index}]"


class _HasEffect(Protocol):
    @property
    def allow(self) -> bool: ...


S = TypeVar("S", bound=_HasEffect)


def decisive(judged: Iterable[tuple[S, Truth]]) -> tuple[S | None, S | None, S | None, S | None]:
    """Return the first statement that denies the request, that may deny it, that allows it, and that may allow it. The
    statements come with their truth; a certain Deny ends the search."""
    first: dict[tuple[bool, Truth], S] = {}
    for statement, truth in judged:
        if truth is not False:
            first.setdefault((statement.allow, truth), statement)
        if truth and not statement.allow:
            break
    return first.get((False, True)), first.get((False, None)), first.get((True, True)), first.get((True, None))


@lru_cache(maxsize=4096)
def _named(actions: tuple[str, ...], action: str) -> bool:
    return any(matches(pattern(name.lower()), action.lower()) for name in actions)


@lru_cache(maxsize=4096)
def _names_caller(principals: tuple[tuple[str, str], ...], base_role: str | None) -> Truth:
    return any_of(_is(kind, name, base_role) for kind, name in principals)


def _is(kind: str, name: str, base_role: str | None) -> Truth:
    if kind not in _KINDS or (name == "*" and kind == "AWS"):
        return None
    if base_role is None:
        # IAM rejects a wildcard here today; AWS does not document the effect of an old one
        return None if (kind, name) == ("Service", "*") else (kind, name) == _FOR_PODS
    return kind == "AWS" and names_role(name, base_role)


def names_role(name: str, role_arn: str) -> Truth:
    """Return whether the principal is the role or its account; None for a session, because EKS chooses its name."""
    role = Arn.parse(role_arn)
    if name in (role_arn, role.account, f"arn:{role.partition}:iam::{role.account}:root"):
        return True
    session = f"arn:{role.partition}:sts::{role.account}:assumed-role/{role.resource_name}/"
    return None if name.startswith(session) else False


@dataclass(frozen=True, slots=True)
class Policy:
    """A parsed trust policy. `single` is true if the document has its only statement without a list."""

    document: Mapping[str, object]
    statements: tuple[Statement, ...]
    single: bool = False

    def to_document(self) -> dict[str, object]:
        """Return a copy of the document, ready for an IAM call after JSON encoding."""
        return copy.deepcopy(dict(self.document))

    def to_json(self) -> str:
        """Return compact JSON, as it counts against the quota."""
        return json.dumps(self.document, separators=(",", ":"), ensure_ascii=False)

    def with_statements(self, raws: Iterable[Mapping[str, object]]) -> "Policy":
        """Return the document with other statements; a single one without a list if the original had none."""
        statements = [dict(raw) for raw in raws]
        document = dict(self.document)
        document["Statement"] = statements[0] if self.single and len(statements) == 1 else statements
        parsed = parse_policy(document)
        return Policy(parsed.document, parsed.statements, self.single)


class _Object(list[tuple[str, object]]):
    """A JSON object as its pairs, so that an error can name the place of a duplicate key."""


def parse_policy(document: str | bytes | Mapping[str, object]) -> Policy:
    """Parse a trust policy and keep unknown members. Raise TrustPolicyError with the place if IAM would reject it."""
    plain = plain_json(document, "") if isinstance(document, Mapping) else read_json(document)
    if not isinstance(plain, dict):
        raise TrustPolicyError("", f"a trust policy is a JSON object, not {kind_of(plain)}")
    version = plain.get("Version", "2008-10-17")
    if not isinstance(version, str):
        raise TrustPolicyError("Version", f"must be text, not {kind_of(version)}")
    if "Statement" not in plain:
        raise TrustPolicyError("Statement", "is missing")
    statement = plain["Statement"]
    single = isinstance(statement, dict)
    raws = [statement] if isinstance(statement, dict) else statement
    if not isinstance(raws, list):
        raise TrustPolicyError("Statement", f"must be a statement or a list of them, not {kind_of(statement)}")
    places = ["Statement"] if single else [f"Statement[{index}]" for index in range(len(raws))]
    statements = tuple(
        _statement(raw, index, place, version) for index, (raw, place) in enumerate(zip(raws, places, strict=True))
    )
    return Policy(plain, statements, single)


def read_json(document: str | bytes) -> object:
    """Return the JSON value of a policy's text, which may be URL-encoded as IAM returns it.

    Raise TrustPolicyError with the place for duplicate names, NaN, lone surrogates, and numbers or nesting beyond those
    of any policy.
    """
    return plain_json(_decode(document), "")


def _decode(document: str | bytes) -> object:
    try:
        text = document.decode("utf-8-sig") if isinstance(document, bytes) else document.removeprefix("\ufeff")
        if text.lstrip().startswith("%"):
            text = unquote(text, errors="strict")
        return json.loads(text, object_pairs_hook=_Object, parse_constant=_no_constant, parse_int=_whole_number)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise TrustPolicyError(place, f"this is not JSON: {error.msg}") from error
    except UnicodeDecodeError as error:
        raise TrustPolicyError("", "this is not JSON: the text is not UTF-8") from error
    except RecursionError as error:
        raise TrustPolicyError("", "this is not a policy: it is nested too deeply") from error
    except ValueError as error:
        raise TrustPolicyError("", f"this is not JSON: {error}") from error


def _whole_number(text: str) -> int:
    if len(text) > _MOST_DIGITS:
        raise ValueError(f"a number has {len(text):,} digits")
    return int(text)


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is not a JSON value")


def plain_json(value: object, place: str, depth: int = 0) -> object:
    """Return a copy in dicts and lists. Raise TrustPolicyError for duplicate keys and values that JSON does not
    have."""
    if depth > 20:
        raise TrustPolicyError(place, "is nested too deeply for a policy")
    if isinstance(value, _Object | Mapping):
        result: dict[str, object] = {}
        for key, member in value if isinstance(value, _Object) else value.items():
            if not isinstance(key, str):
                raise TrustPolicyError(place, f"has a member name that is not text: {key!r}")
            inner = f"{place}.{key}" if place else key
            if key in result:
                raise TrustPolicyError(inner, "appears twice")
            result[key] = plain_json(member, inner, depth + 1)
        return result
    if isinstance(value, list | tuple):
        return [plain_json(member, f"{place}[{index}]", depth + 1) for index, member in enumerate(value)]
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise TrustPolicyError(place, "contains a lone surrogate, half of a character") from error
        return value
    if value is None or isinstance(value, bool) or (isinstance(value, int) and abs(value) < 2**63):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    raise TrustPolicyError(place, "contains a value that is not JSON, or a number out of range")


def kind_of(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")


def _statement(raw: object, index: int, place: str, version: str) -> Statement:
    if not isinstance(raw, dict):
        raise TrustPolicyError(place, f"must be an object, not {kind_of(raw)}")
    sid = raw.get("Sid", "")
    if not isinstance(sid, str):
        raise TrustPolicyError(f"{place}.Sid", f"must be text, not {kind_of(sid)}")
    effect = one_of(raw, place, "Effect")
    if raw[effect] not in ("Allow", "Deny"):
        raise TrustPolicyError(f"{place}.Effect", f"must be Allow or Deny, not {raw[effect]!r}")
    principal = one_of(raw, place, "Principal", "NotPrincipal")
    action = one_of(raw, place, "Action", "NotAction")
    return Statement(
        raw=raw,
        index=index,
        sid=sid,
        allow=raw["Effect"] == "Allow",
        principals=_principals(raw[principal], f"{place}.{principal}"),
        not_principal=principal == "NotPrincipal",
        actions=texts_of(raw[action], f"{place}.{action}"),
        not_action=action == "NotAction",
        conditions=conditions_of(raw.get("Condition", {}), f"{place}.Condition", version),
        strange=tuple(name for name in raw if name not in KNOWN_MEMBERS),
    )


def one_of(raw: Mapping[str, object], place: str, *names: str) -> str:
    present = [name for name in names if name in raw]
    if not present:
        raise TrustPolicyError(f"{place}.{names[0]}", "is missing")
    if len(present) > 1:
        raise TrustPolicyError(f"{place}.{names[1]}", f"cannot be used together with {names[0]}")
    return present[0]


def values_in(raw: Raw, condition: Condition) -> object:
    block = raw["Condition"]
    assert isinstance(block, Mapping)
    return block[condition.operator][condition.key]


def with_values(raw: Raw, condition: Condition, values: object) -> Raw:
    """Return the statement with other values of the condition; the rest keeps its value and order."""
    block = raw["Condition"]
    assert isinstance(block, Mapping)
    return {**raw, "Condition": {**block, condition.operator: {**block[condition.operator], condition.key: values}}}


def without_principals(raw: Raw, kind: str, removed: Callable[[str], bool]) -> Raw:
    """Return the statement without these principals of a kind. A kind without a principal is omitted."""
    principal = raw["Principal"]
    assert isinstance(principal, Mapping)
    new: dict[str, object] = {}
    for key, names in principal.items():
        listed = names if isinstance(names, list) else [names]
        if kept := [name for name in listed if key != kind or not removed(name)]:
            new[key] = kept if isinstance(names, list) else names
    return {**raw, "Principal": new}


def _principals(value: object, place: str) -> tuple[tuple[str, str], ...]:
    if value == "*":
        return (("*", "*"),)
    if not isinstance(value, dict):
        raise TrustPolicyError(place, 'must be "*" or an object such as {"Service": "pods.eks.amazonaws.com"}')
    return tuple((kind, text) for kind, names in value.items() for text in texts_of(names, f"{place}.{kind}"))


def texts_of(value: object, place: str) -> tuple[str, ...]:
    return tuple(_one_or_many(value, place, str, "text"))


def conditions_of(value: object, place: str, version: str) -> tuple[Condition, ...]:
    conditions = []
    for operator, keys in _members(value, place):
        for key, values in _members(keys, f"{place}.{operator}"):
            scalars = tuple(_one_or_many(values, f"{place}.{operator}.{key}", Value, "text, a number, true or false"))
            conditions.append(compile_condition(operator, key, scalars, variables=KNOWS_VARIABLES.get(version)))
    return tuple(conditions)


def _members(value: object, place: str) -> Iterable[tuple[str, object]]:
    if not isinstance(value, dict):
        raise TrustPolicyError(place, f"must be an object, not {kind_of(value)}")
    return value.items()


def _one_or_many(value: object, place: str, kind: Any, words: str) -> list[Any]:
    """Return the values of a list, or a single value as a list. Raise TrustPolicyError for one of another kind."""
    values = value if isinstance(value, list) else [value]
    for index, item in enumerate(values):
        if not isinstance(item, kind):
            inner = f"{place}[{index}]" if isinstance(value, list) else place
            raise TrustPolicyError(inner, f"must be {words}, not {kind_of(item)}")
    return values
