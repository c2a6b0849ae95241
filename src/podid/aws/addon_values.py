"""An add-on's configuration values as EKS takes them, and the schema that it gives for them.

EKS takes JSON or YAML: https://docs.aws.amazon.com/eks/latest/APIReference/API_CreateAddon.html. The schema is a JSON
Schema as text, for one version alone.
"""

import json
from collections.abc import Mapping
from typing import Any

from podid.domain.errors import InvalidInput
from podid.domain.text import did_you_mean
from podid.local import data

Values = dict[str, Any]
Path = tuple[str, ...]


def parse_values(given: str, source: str) -> Values:
    """JSON or YAML as a mapping, empty for no text. Raises InvalidInput, which names `what`, for anything else."""
    if not given.strip():
        return {}
    values = data.read(given, source)
    if values is None:
        return {}
    if not isinstance(values, dict) or not _of_json(values):
        raise InvalidInput(f"{source} is not an object of configuration values", subject=source)
    return values


def _of_json(value: object) -> bool:
    """Whether JSON can say it, names of members being text: YAML has dates, sets and numbers for names."""
    if isinstance(value, dict):
        return all(isinstance(key, str) and _of_json(item) for key, item in value.items())
    if isinstance(value, list):
        return all(map(_of_json, value))
    return value is None or isinstance(value, (str, int, float))


class Schema:
    """One version's JSON Schema. `problem` is why it cannot be used, and nothing is judged then; empty when it can."""

    def __init__(self, text: str) -> None:
        self.problem = ""
        self._validator: Any = None
        if not text:
            self.problem = "EKS gives no schema for this version"
            return
        try:
            schema = json.loads(text)
            self._validator = _validator(schema)
        except Exception as error:  # noqa: BLE001  foreign, and whatever is wrong with it EKS judges the values itself
            self.problem = f"the schema that EKS gives cannot be used ({type(error).__name__})"

    def errors(self, values: Mapping[str, Any]) -> list[tuple[Path, str]]:
        """(path, sentence) of each violation, the deepest first; none where the schema cannot be used."""
        if self._validator is None:
            return []
        try:
            violations = list(self._validator.iter_errors(values))
        except Exception as error:  # noqa: BLE001  a $ref into nowhere, a pattern that Python's re does not know
            self.problem = f"the schema that EKS gives cannot be used ({type(error).__name__})"
            return []
        rows = [(tuple(map(str, error.absolute_path)), _sentence(error)) for error in violations]
        return sorted(rows, key=lambda row: (-len(row[0]), row))


def _validator(schema: Any) -> Any:
    """Raises whatever is wrong with the schema. Nothing is fetched for a $ref that leads elsewhere."""
    from jsonschema import Draft7Validator
    from jsonschema.validators import validator_for
    from referencing.jsonschema import EMPTY_REGISTRY

    cls = validator_for(schema, default=Draft7Validator)
    cls.check_schema(schema)
    return cls(schema, registry=EMPTY_REGISTRY)


def _sentence(error: Any) -> str:
    """The violation in a sentence that quotes no long value."""
    kind, expected, instance = error.validator, error.validator_value, error.instance
    if kind == "type":
        names = expected if isinstance(expected, str) else " or ".join(map(str, expected))
        return f"is {_shown(instance)}, and {names} is expected"
    if kind == "enum":
        return f"is {_shown(instance)}, and must be one of {', '.join(map(json.dumps, expected))}"
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
    """As EKS is told; empty for no values."""
    return json.dumps(values, separators=(",", ":")) if values else ""
