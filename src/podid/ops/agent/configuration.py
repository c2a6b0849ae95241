"""An add-on's configuration values: set by key, merged over what is there, and held against the version's schema."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from podid.aws.addon_values import Path, Schema, Values
from podid.domain.errors import InvalidInput, PodidError

# a dot that is part of a name is written \. as in Helm's --set
_DOT = re.compile(r"(?<!\\)\.")
_MOST_PROBLEMS = 5


@dataclass(frozen=True, slots=True)
class Assignment:
    """KEY=VALUE as it was typed: `path` is the key's parts, `text` the value."""

    path: Path
    text: str

    @property
    def key(self) -> str:
        return ".".join(self.path)


def parse_assignment(given: str) -> Assignment:
    """Raises InvalidInput for what is no KEY=VALUE. A value of `null` takes the key away."""
    key, equals, value = given.partition("=")
    path = tuple(part.replace("\\.", ".") for part in _DOT.split(key))
    if not equals or not all(path):
        raise InvalidInput(
            f"{given!r} is not KEY=VALUE: write agent.probePort=2704, with dots between the parts of the key",
            subject=given,
        )
    return Assignment(path, value)


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> Values:
    """`base` with the members of `over`: objects are merged, lists and everything else replaced, null takes away."""
    merged = dict(deepcopy(dict(base)))
    for key, value in over.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, Mapping):
            below = merged.get(key)
            merged[key] = merge(below if isinstance(below, Mapping) else {}, value)
        else:
            merged[key] = deepcopy(value)
    return merged


def assign(values: Mapping[str, Any], assignments: Iterable[Assignment], schema: Schema) -> Values:
    """The values with each key set, typed by the schema: what is typed is taken as JSON where the schema takes that,
    else as text. Raises InvalidInput where a key leads through something that is no object."""
    done = dict(values)
    for each in assignments:
        candidates = [_set(done, each, candidate) for candidate in _readings(each.text)]
        done = min(candidates, key=lambda candidate: _wrong(schema, candidate, each.path))
    return done


def _readings(text: str) -> list[Any]:
    """What the text may mean, the likelier first: min takes the first of equals."""
    try:
        meant = json.loads(text)
    except (ValueError, RecursionError):
        return [text]
    return [text] if meant != meant or meant in (float("inf"), float("-inf")) else [meant, text]


def _wrong(schema: Schema, values: Values, path: Path) -> int:
    """How many violations concern what is at `path`."""
    return sum(found[: len(path)] == path for found, _ in schema.errors(values))


def _set(values: Values, assignment: Assignment, value: Any) -> Values:
    done = deepcopy(values)
    *way, last = assignment.path
    below: Any = done
    for number, part in enumerate(way):
        below = below.setdefault(part, {})
        if not isinstance(below, dict):
            raise InvalidInput(
                f"{assignment.key}: {'.'.join(way[: number + 1])} is no object and has no keys", subject=assignment.key
            )
    if value is None:
        below.pop(last, None)
    else:
        below[last] = value
    return done


class ConfigurationInvalid(InvalidInput):
    """Configuration values do not follow the version's schema; EKS would refuse them."""

    code = "ConfigurationInvalid"


def check_values(values: Mapping[str, Any], schema: Schema, *, addon: str, version: str) -> PodidError | None:
    """The error that names every violation, None for values that the schema takes or cannot judge."""
    if not values:
        return None
    errors = schema.errors(values)
    if not errors:
        return None
    told = [f"{'.'.join(path) or 'the whole'} {sentence}" for path, sentence in errors[:_MOST_PROBLEMS]]
    more = f"; and {len(errors) - _MOST_PROBLEMS} more" if len(errors) > _MOST_PROBLEMS else ""
    return ConfigurationInvalid(
        f"addon-config-schema-invalid: {addon} {version or 'at its default version'} does not take this configuration: "
        f"{'; '.join(told)}{more}",
        subject=addon,
        advice="Nothing was sent. The keys are those of the schema that aws eks describe-addon-configuration prints.",
    )
