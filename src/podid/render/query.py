"""--query: a JMESPath expression on a result, with a limit on the values that it reads and creates.

A list of the same value twice, nested thirty times, has a billion values.
"""

import math
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, cast

from podid.domain.encoding import Json
from podid.domain.errors import UsageError
from podid.domain.text import count_of, cut, did_you_mean

# values read or created, in some seconds; thirty members of each of 5,000 associations are 450,000
MOST_STEPS = 3_000_000
DEEPEST = 100
# errors of Python that jmespath does not catch: a slice with step 0, a number out of a text, a literal too long
_SLIPS = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
_MAKING = ("flatten", "slice", "projection", "select", "function_expression")


class _Boundless(Exception):
    """The reason why the query was stopped."""


def check(query: str) -> None:
    """Raise UsageError if the query is not an expression."""
    import jmespath
    from jmespath.exceptions import JMESPathError
    from jmespath.functions import Functions

    try:
        called = list(_called(jmespath.compile(query).parsed))
    except (JMESPathError, *_SLIPS) as error:
        raise UsageError(f"--query {_short(query)} is not a JMESPath expression: {_error_words(error)}") from error
    for name in called:
        if name not in Functions.FUNCTION_TABLE:
            near = did_you_mean(name, Functions.FUNCTION_TABLE, 1)
            raise UsageError(f"--query {_short(query)}: JMESPath has no function {name}(){near}")


def search(query: str, value: Json) -> Json:
    """Return the result. Raise UsageError if the expression does not fit the value or exceeds the limit."""
    import jmespath
    from jmespath.exceptions import JMESPathError

    try:
        interpreter = _interpreter()()
        result = interpreter.visit(jmespath.compile(query).parsed, value)
        interpreter.weigh(result, shown=True)
    except (JMESPathError, _Boundless, *_SLIPS) as error:
        raise UsageError(f"--query {_short(query)} does not fit this result: {_error_words(error)}") from error
    return cast(Json, result)


@cache
def _interpreter() -> Any:
    from jmespath.visitor import TreeInterpreter

    class Counting(TreeInterpreter):
        """Counts the values that it reads and creates."""

        def __init__(self) -> None:
            super().__init__()
            self._remaining = MOST_STEPS

        def visit(self, node: Any, *args: Any, **kwargs: Any) -> Any:
            made_value = super().visit(node, *args, **kwargs)
            creates = node["type"].endswith(_MAKING) or "_select_" in node["type"]
            self._spend(1 + (len(made_value) if creates and isinstance(made_value, list | dict | str) else 0))
            return made_value

        def visit_comparator(self, node: Any, value: Any) -> Any:
            sides = [self.visit(child, value) for child in node["children"]]
            for side in sides:
                self.weigh(side)
            compared: Any = {**node, "children": [{"type": "literal", "value": side} for side in sides]}
            return super().visit_comparator(compared, value)

        def visit_function_expression(self, node: Any, value: Any) -> Any:
            name, arguments = node["value"], [self.visit(child, value) for child in node["children"]]
            if name in ("contains", "to_string"):
                for argument in arguments:
                    self.weigh(argument)
            elif (
                name == "join"
                and len(arguments) == 2
                and isinstance(arguments[0], str)
                and isinstance(arguments[1], list)
            ):
                self._spend(sum(len(arguments[0]) + len(item) for item in arguments[1] if isinstance(item, str)))
            return self._functions.call_function(name, arguments)  # type: ignore[attr-defined]

        def weigh(self, value: Any, *, shown: bool = False) -> None:
            """Count the value and everything in it; `shown` for the result."""
            layer, depth = [value], 0
            while layer:
                below: list[Any] = []
                for item in layer:
                    if isinstance(item, dict | list):
                        self._spend(len(item))
                        below += item.values() if isinstance(item, dict) else item
                    elif shown and (why := _no_value(item)):
                        raise _Boundless(why)
                layer, depth = below, depth + 1
                if depth > DEEPEST:
                    raise _Boundless(f"it is nested deeper than {DEEPEST} levels")

        def _spend(self, steps: int) -> None:
            self._remaining -= steps
            if self._remaining < 0:
                raise _Boundless(f"it processes more than {MOST_STEPS:,} values")

    return Counting


def _no_value(item: object) -> str:
    """Return the reason why no format can print the item; empty if one can."""
    if isinstance(item, float) and not math.isfinite(item):
        return "a number in it is too large or not valid"
    if isinstance(item, int) and item.bit_length() > 4096:
        return "a number in it is too large"
    return "" if item is None or isinstance(item, str | bool | int | float) else "a part of it is an expression"


def _called(node: object) -> Iterator[str]:
    """Yield the functions that a parsed expression calls."""
    if isinstance(node, Mapping):
        if node.get("type") == "function_expression":
            yield str(node.get("value"))
        for child in node.get("children") or ():
            yield from _called(child)


def _short(query: str) -> str:
    return repr(cut(query, 200))


def _error_words(error: Exception) -> str:
    """Return the error in one clause; the text of jmespath has several lines and repeats the value."""
    from jmespath import exceptions

    match error:
        case exceptions.EmptyExpressionError():
            return "it is empty"
        case exceptions.IncompleteExpressionError():
            return "it ends too soon"
        case exceptions.ArityError():
            few = "at least " if isinstance(error, exceptions.VariadictArityError) else ""
            arguments = f"{few}{count_of(error.expected_arity, 'argument')}"
            return f"{error.function_name}() takes {arguments}, not {error.actual_arity}"
        case exceptions.ParseError():
            return f"syntax error at character {error.lex_position + 1}"
        case exceptions.JMESPathTypeError():
            return f"{error.function_name}() takes {' or '.join(error.expected_types)}, not {error.actual_type}"
        case RecursionError():
            return "it is nested too deeply"
    return cut(str(error).partition("\n")[0], 200) or type(error).__name__
