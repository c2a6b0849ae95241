"""An add-on's configuration values, and EKS's schema for them.

EKS accepts JSON or YAML: https://docs.aws.amazon.com/eks/latest/APIReference/API_CreateAddon.html. The schema is a JSON
Schema as text, for one version only.
"""

import json
from collections.abc import Mapping
from typing import Any

from podid.domain.errors import InvalidInput
from podid.domain.text import did_you_mean
from podid.local import data

Values = dict[str, Any]
Path = tuple[str, ...]


def parse_values(text: str, source: str) -> Values:
    """Return JSON or YAML as a mapping, empty for an empty text. Raise InvalidInput, which contains `source`, for any
    other value."""
    if not text.strip():
        return {}
    values = data.read(text, source)
    if values is None:
        return {}
    if not isinstance(values, dict) or not _of_json(values):
        raise InvalidInput(f"{source} is not an object of configuration values", subject=source)
    return values


def _of_json(value: object) -> bool:
    """Return whether JSON can represent the value with text as keys: YAML has dates, sets and numeric keys."""
    if isinstance(value, dict):
        return all(isinstance(key, str) and _of_json(item) for key, item in value.items())
    if isinstance(value, list):
        return all(map(_of_json, value))
    return value is None or isinstance(value, (str, int, float))


class Schema:
    """The JSON Schema of one version. `problem` is the reason why it cannot be used, else empty; without a schema,
    nothing is validated."""

    def __init__(self, text: str) -> None:
        self.problem = ""
        self._validator: Any = None
        if not text:
            self.problem = "EKS provides no schema for this version"
            return
        try:
            schema = json.loads(text)
            self._validator = _validator(schema)
        except Exception as error:  # noqa: BLE001  any error of the schema; EKS validates the values itself
            self.problem = f"the schema from EKS cannot be used ({type(error).__name__})"

    def errors(self, values: Mapping[str, Any]) -> list[tuple[Path, str]]:
        """Return (path, sentence) for each violation, the deepest first; empty if the schema cannot be used."""
        if self._validator is None:
            return []
        try:
            violations = list(self._validator.iter_errors(values))
        except Exception as error:  # noqa: BLE001  a $ref without target, a pattern that Python's re does not support
            self.problem = f"the schema from EKS cannot be used ({type(error).__name__})"
            return []
        rows = [(tuple(map(str, error.absolute_path)), _sentence(error)) for error in violations]
        return sorted(rows, key=lambda row: (-len(row[0]), row))


def _validator(schema: Any) -> Any:
    """Return a validator. Raise any error of the schema. A $ref to another document is not fetched."""
    from jsonschema import Draft7Validator
    from jsonschema.validators import validator_for
    from referencing.jsonschema import EMPTY_REGISTRY

    cls = validator_for(schema, default=Draft7Validator)
    cls.check_schema(schema)
    return cls(schema, registry=EMPTY_REGISTRY)


def _sentence(error: Any) -> str:
    """Return the violation as a sentence that quotes no long value."""
    kind, expected, instance = error.validator, error.validator_value, error.instance
    if kind == "type":
        names = expected if isinstance(expected, str) else " or ".join(map(str, expected))
        return f"is {_shown(instance)}, but must be {names}"
    if kind == "enum":
        return f"is {_shown(instance)}, but must be one of {', '.join(map(json.dumps, expected))}"
    if kind == "additionalProperties" and isinstance(instance, Mapping):
        known = list((error.schema.get("properties") or {}) if isinstance(error.schema, Mapping) else ())
        odd = sorted(set(map(str, instance)) - set(known))
        near = did_you_mean(odd[0], known, 1) if odd else ""
        return f"has no key {', '.join(odd)}{near}"
    return str(error.message).splitlines()[0][:200]


def _shown(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def to_text(values: Mapping[str, Any]) -> str:
    """Return the values as text for EKS; empty without values."""
    return json.dumps(values, separators=(",", ":")) if values else ""
