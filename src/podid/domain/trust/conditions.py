"""One line of a Condition block: an operator, a key and its values, compiled once and evaluated often, in three-valued
logic (Kleene's): True, False, and None for unknown.

Source: IAM User Guide, "IAM JSON policy elements: Condition operators", "Multivalued context keys" and "Variables and
tags".
"""

import base64
import operator
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import partial
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any, TypeVar

from podid.domain.trust.request import NoValue, RequestContext, Sent
from podid.domain.wildcards import Pattern, Wild, joined, lowered, matches, matches_arn, matches_beginning, pattern

T = TypeVar("T")
Truth = bool | None
Value = str | bool | int | float
# the possible beginnings of a value that is known only at run time
Beginnings = tuple[str, ...]
# compares one value of a condition with one that is sent
Compare = Callable[[str | Beginnings, RequestContext], Truth]


def all_of(truths: Iterable[Truth]) -> Truth:
    """Return False if one is False, else None if one is unknown."""
    result: Truth = True
    for truth in truths:
        if truth is False:
            return False
        if truth is None:
            result = None
    return result


def any_of(truths: Iterable[Truth]) -> Truth:
    """Return True if one is True, else None if one is unknown."""
    result: Truth = False
    for truth in truths:
        if truth is True:
            return True
        if truth is None:
            result = None
    return result


def negate(truth: Truth) -> Truth:
    return None if truth is None else not truth


def agreed(truths: Iterable[Truth]) -> Truth:
    """Return the value that all have; None if they differ."""
    answers = set(truths)
    return answers.pop() if len(answers) == 1 else None


@dataclass(frozen=True, slots=True)
class Condition:
    """`operator`, `key` and `values` are as written; `known` is False for an operator that IAM does not document."""

    operator: str
    key: str
    values: tuple[str, ...]
    name: str
    family: str
    negated: bool
    quantifier: str
    if_exists: bool
    compares: tuple[Compare, ...] = field(compare=False, repr=False)

    @property
    def known(self) -> bool:
        return self.family != ""

    @property
    def selects(self) -> bool:
        """Return whether the request must have one of its values: it is neither negated nor ForAllValues."""
        return not self.negated and self.quantifier != "forallvalues"

    @property
    def exact(self) -> bool:
        """Return whether it matches one value only."""
        if len(self.values) != 1 or self.negated or self.quantifier or self.if_exists or "${" in self.values[0]:
            return False
        plain = not set("*?") & set(self.values[0])
        return self.family == "equals" or (plain and self.family in ("like", "arn"))

    def holds(self, context: RequestContext) -> Truth:
        """Return whether the condition matches. The context caches the result, because several callers use it."""
        key = id(self)
        if key not in context.answers:
            # with the condition, because another one may get the id of a deleted one
            context.answers[key] = self, self._holds(context)
        return context.answers[key][1]

    def _holds(self, context: RequestContext) -> Truth:
        sent = context.find(self.name)
        if not self.known or not self.compares or sent is NoValue.UNKNOWN:
            return None
        if not isinstance(sent, Sent):
            return self._when_absent()
        if sent.optional:
            return agreed((self._when_sent(sent, context), self._when_absent()))
        return self._when_sent(sent, context)

    def _when_absent(self) -> Truth:
        if self.family == "null":
            return any_of(_flag(value) for value in self.values)
        if self.quantifier == "foranyvalue" and self.if_exists:
            # for an absent key AWS documents IfExists as true and ForAnyValue as false, but not both together
            return None
        if self.quantifier == "forallvalues" or self.if_exists:
            return True
        # ForAnyValue is false without a value, for negated operators too
        return self.negated and not self.quantifier

    def _when_sent(self, sent: Sent, context: RequestContext) -> Truth:
        if self.family == "null":
            # IAM treats an empty value as null too, but does not document for which operators
            return None if sent.values == ("",) else any_of(negate(_flag(value)) for value in self.values)
        actual: tuple[str | Beginnings, ...] = (sent.open,) if sent.open else sent.values
        truths = [self._signed(match(value, context) for match in self.compares) for value in actual]
        if self.quantifier == "forallvalues":
            return True if sent.values == ("",) else all_of(truths)
        if self.quantifier == "foranyvalue":
            return any_of(truths)
        # IAM requires a set operator for a multivalued key, and does not document the result without one
        return agreed((any_of(truths), all_of(truths)))

    def _signed(self, truths: Iterable[Truth]) -> Truth:
        truth = any_of(truths)
        return negate(truth) if self.negated else truth


_STRING_FAMILIES = {
    "stringequals": ("equals", False),
    "stringnotequals": ("equals", True),
    "stringequalsignorecase": ("ignorecase", False),
    "stringnotequalsignorecase": ("ignorecase", True),
    "stringlike": ("like", False),
    "stringnotlike": ("like", True),
    "arnequals": ("arn", False),
    "arnlike": ("arn", False),
    "arnnotequals": ("arn", True),
    "arnnotlike": ("arn", True),
    "bool": ("bool", False),
    "null": ("null", False),
    "binaryequals": ("binary", False),
    "ipaddress": ("ip", False),
    "notipaddress": ("ip", True),
}
_ORDERS: dict[str, tuple[Callable[[Decimal, Decimal], bool], bool]] = {
    "equals": (operator.eq, False),
    "notequals": (operator.eq, True),
    "lessthan": (operator.lt, False),
    "lessthanequals": (operator.le, False),
    "greaterthan": (operator.gt, False),
    "greaterthanequals": (operator.ge, False),
}
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)", re.ASCII)
_W3C_DATE = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:[.]\d+)?)?(Z|[+-]\d\d:\d\d))?)?)?", re.ASCII
)


def compile_condition(operator_name: str, key: str, values: tuple[Value, ...], *, variables: bool | None) -> Condition:
    """Compile one condition. `variables` is whether the policy's Version has them; None for an unknown one."""
    # as IAM compares them: JSON's own spelling for booleans and numbers
    texts = tuple(str(value).lower() if isinstance(value, bool) else str(value) for value in values)
    quantifier, base, if_exists = _taken_apart(operator_name.lower())
    family, negated, compile_value = _family(base)
    if family == "null" and (quantifier or if_exists):
        family = ""
    compares = tuple(compile_value(text, variables) for text in texts) if family else ()
    return Condition(operator_name, key, texts, key.lower(), family, negated, quantifier, if_exists, compares)


def is_operator(name: str) -> bool:
    return _family(_taken_apart(name.lower())[1])[0] != ""


def _taken_apart(name: str) -> tuple[str, str, bool]:
    quantifier = ""
    for prefix in ("forallvalues", "foranyvalue"):
        if name.startswith(prefix + ":"):
            quantifier, name = prefix, name[len(prefix) + 1 :]
    if_exists = name.endswith("ifexists")
    return quantifier, name.removesuffix("ifexists"), if_exists


def _family(base: str) -> tuple[str, bool, Callable[[str, bool | None], Compare]]:
    if base in _STRING_FAMILIES:
        family, negated = _STRING_FAMILIES[base]
        return family, negated, _COMPILERS[family]
    for family, parse in (("numeric", _number), ("date", _instant)):
        order = _ORDERS.get(base.removeprefix(family)) if base.startswith(family) else None
        if order is not None:
            compare, negated = order
            return family, negated, _reading(compare, parse)
    return "", False, _COMPILERS["equals"]


def _flag(text: str) -> Truth:
    return {"true": True, "false": False}.get(text.lower())


def _reading(
    compare: Callable[[Any, Any], bool], read: Callable[[str], Any], read_sent: Callable[[str], Any] | None = None
) -> Callable[[str, bool | None], Compare]:
    """Return the compiler of an operator without policy variables, which compares the values that `read` returns. A
    value that cannot be read, or is known only at run time, stays unknown."""

    def compile_value(text: str, _: bool | None) -> Compare:
        bound = read(text)

        def match(sent: str | Beginnings, _: RequestContext) -> Truth:
            actual = (read_sent or read)(sent) if isinstance(sent, str) else None
            return None if bound is None or actual is None else compare(actual, bound)

        return match

    return compile_value


def _or_none(parse: Callable[[str], T], text: str) -> T | None:
    try:
        return parse(text)
    except ValueError:
        return None


def network_of(text: str) -> IPv4Network | IPv6Network | None:
    return _or_none(partial(ip_network, strict=False), text)


def _number(text: str) -> Decimal | None:
    return Decimal(text) if _NUMBER.fullmatch(text) else None


def _instant(text: str) -> Decimal | None:
    """Return the seconds since 1970 of a W3C date or an epoch time; four digits are a year."""
    match = _W3C_DATE.fullmatch(text)
    if match is None:
        return _number(text)
    year, month, day, hour, minute, second, zone = match.groups()
    try:
        moment = datetime.fromisoformat(
            f"{year}-{month or '01'}-{day or '01'}T{hour or '00'}:{minute or '00'}:{second or '00'}{zone or 'Z'}"
        )
        return Decimal(int(moment.timestamp()))
    except (ValueError, OverflowError):
        return None


@dataclass(frozen=True, slots=True)
class Variable:
    """`${key}` or `${key, 'default'}`; key names are not case-sensitive."""

    key: str
    default: str | None


Atom = str | Wild | Variable

_VARIABLE = re.compile(r"\$\{([^{}]*)\}")
_NAMED = re.compile(r"\s*([^\s,'][^,']*?)\s*(?:,\s*'([^']*)'\s*)?")


def parse_text(text: str, *, wildcards: bool, variables: bool | None) -> tuple[Atom, ...] | None:
    """Return the text as atoms; None if it has a policy variable that is not in IAM's grammar, or if `variables` is
    None: AWS does not document whether such a Version has them."""
    if variables is None and "${" in text:
        return None
    plain = pattern if wildcards else lambda piece: (piece,) if piece else ()
    # alternately: the text between the variables, and their content
    first, *pieces = _VARIABLE.split(text) if variables else [text]
    atoms: list[Atom] = [*plain(first)]
    for inner, after in zip(pieces[::2], pieces[1::2], strict=True):
        if inner in ("*", "?", "$"):
            atoms.append(inner)
        elif named := _NAMED.fullmatch(inner):
            atoms.append(Variable(named[1].lower(), named[2]))
        else:
            return None
        atoms += plain(after)
    return None if variables and "${" in (pieces[-1] if pieces else first) else tuple(atoms)


def _compile_text(family: str, text: str, variables: bool | None) -> Compare:
    atoms = parse_text(text, wildcards=family in ("like", "arn"), variables=variables)
    if atoms is None:
        return lambda _, __: None
    fixed = tuple(atom for atom in atoms if not isinstance(atom, Variable))
    ready = _ready(family, fixed) if len(fixed) == len(atoms) else None

    def match(sent: str | Beginnings, context: RequestContext) -> Truth:
        pattern = ready if ready is not None else resolve(atoms, context, family)
        if not isinstance(pattern, tuple):
            return pattern
        return _compare(family, pattern, sent) if isinstance(sent, str) else _compare_open(family, pattern, sent)

    return match


def resolve(atoms: tuple[Atom, ...], context: RequestContext, family: str) -> Pattern | bool | None:
    """Return the pattern with the request's values in it; False if a value is not sent, because then none is equal."""
    result: list[str | Wild] = []
    for atom in atoms:
        if not isinstance(atom, Variable):
            result.append(atom)
            continue
        sent = context.find(atom.key)
        if sent is NoValue.ABSENT:
            if atom.default is None:
                return False
            result.append(atom.default)
            continue
        if not isinstance(sent, Sent) or sent.open or sent.many or sent.optional:
            return None
        # AWS does not document whether a wildcard in the value of a variable is active
        if family in ("like", "arn") and any(wild.value in sent.values[0] for wild in Wild):
            return None
        result.append(sent.values[0])
    return _ready(family, tuple(result))


def _ready(family: str, atoms: Pattern) -> Pattern:
    return lowered(joined(atoms)) if family == "ignorecase" else joined(atoms)


def _compare(family: str, atoms: Pattern, sent: str) -> Truth:
    if family == "arn":
        # a single `*` has no six parts, and AWS's examples do not use it
        return None if atoms == (Wild.MANY,) else matches_arn(atoms, sent)
    return matches(atoms, sent.lower() if family == "ignorecase" else sent)


def _compare_open(family: str, atoms: Pattern, beginnings: Beginnings) -> Truth:
    if family == "arn":
        return None
    folded = map(str.lower, beginnings) if family == "ignorecase" else beginnings
    return agreed(matches_beginning(atoms, beginning) for beginning in folded)


_COMPILERS: dict[str, Callable[[str, bool | None], Compare]] = {
    **{family: partial(_compile_text, family) for family in ("equals", "ignorecase", "like", "arn")},
    "bool": _reading(operator.is_, _flag),
    "null": _reading(operator.eq, lambda _: None),
    "binary": _reading(
        operator.eq,
        partial(_or_none, partial(base64.b64decode, validate=True)),
        lambda sent: sent.encode(errors="surrogatepass"),
    ),
    "ip": _reading(lambda address, network: address in network, network_of, partial(_or_none, ip_address)),
}
