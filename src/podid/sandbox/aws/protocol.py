"""REST-JSON by the service model that botocore ships: routes, request validation and response shapes.

https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any
from urllib.parse import parse_qs, unquote

from botocore.loaders import Loader
from botocore.model import ListShape, MapShape, OperationModel, ServiceModel, Shape, StringShape, StructureShape

from podid.sandbox.aws.errors import AwsError

Params = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Route:
    """One operation, and the path that leads to it."""

    operation: OperationModel
    pattern: re.Pattern[str]
    labels: tuple[str, ...]


class RestJsonService:
    """A REST-JSON service: `match` finds the operation, `parse` its input, `serialise` its output."""

    def __init__(self, name: str) -> None:
        self.model = ServiceModel(load_model(name), name)
        self._routes: dict[tuple[str, int], list[Route]] = {}
        for operation_name in self.model.operation_names:
            operation = self.model.operation_model(operation_name)
            uri = operation.http["requestUri"].split("?")[0]
            key = (operation.http["method"], uri.count("/"))
            self._routes.setdefault(key, []).append(_compile(operation, uri))
        self.error_statuses = {
            shape.error_code: shape.metadata["error"]["httpStatusCode"]
            for shape in self.model.error_shapes
            if "error" in shape.metadata
        }
        for routes in self._routes.values():
            routes.sort(key=lambda route: len(route.labels))

    def match(self, method: str, raw_path: str, target: str = "") -> tuple[OperationModel, dict[str, str]]:
        """The operation and its decoded path labels; UnknownOperationException when there is none.
        `target` is what the JSON protocol names it by."""
        path = raw_path.rstrip("/") or "/"
        for route in self._routes.get((method, path.count("/")), ()):
            found = route.pattern.fullmatch(path)
            if found:
                return route.operation, dict(
                    zip(route.labels, (unquote(value) for value in found.groups()), strict=True)
                )
        raise AwsError("UnknownOperationException", "The requested operation is not recognized by the service.", 404)

    def parse(self, operation: OperationModel, labels: Mapping[str, str], query: str, body: bytes) -> Params:
        """The input as botocore's callers write it; SerializationException or InvalidParameterException otherwise."""
        shape = operation.input_shape
        if shape is None:
            return {}
        document = _decode(body)
        arguments = parse_qs(query, keep_blank_values=True)
        params: Params = {}
        for name, member in shape.members.items():
            location = member.serialization.get("location")
            wire_name = member.serialization.get("name", name)
            if location == "uri":
                params[name] = labels[wire_name]
            elif location == "querystring":
                if wire_name in arguments:
                    params[name] = _from_query(member, arguments[wire_name], name)
            elif document.get(wire_name) is not None:
                params[name] = _checked_type(member, document[wire_name], name)
        _validate(shape, params, "")
        return params

    def serialise(self, operation: OperationModel, result: Mapping[str, Any]) -> bytes:
        """The JSON body; members that the model does not know are a bug of ours and raise KeyError."""
        shape = operation.output_shape
        return json.dumps(_to_wire(shape, result) if shape is not None else {}).encode()

    def error(self, code: str, message: str, members: Mapping[str, Any]) -> AwsError:
        """An error of the model, with the model's HTTP status and those of the members that it declares."""
        shape = self.model.shape_for_error_code(code)
        status = shape.metadata.get("error", {}).get("httpStatusCode", 400)
        known = {name: value for name, value in members.items() if name in shape.members and value is not None}
        return AwsError(code, message, status, **known)


class JsonService(RestJsonService):
    """A service of the JSON protocol: a header names the operation, and the body is its input.

    https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html
    """

    def match(self, method: str, raw_path: str, target: str = "") -> tuple[OperationModel, dict[str, str]]:
        name = target.rpartition(".")[2]
        if name not in self.model.operation_names:
            raise AwsError("UnknownOperationException", "The requested operation is not recognized by the service.")
        return self.model.operation_model(name), {}


@cache
def load_model(name: str) -> dict[str, Any]:
    """The newest service model of `name` in the installed botocore."""
    model: dict[str, Any] = Loader().load_service_model(name, "service-2")
    return model


def timestamp(seconds: float) -> datetime:
    """A moment for `serialise`, to the millisecond as EKS stores it."""
    return datetime.fromtimestamp(round(seconds, 3), UTC)


def _compile(operation: OperationModel, uri: str) -> Route:
    labels = tuple(re.findall(r"{([^}+]+)\+?}", uri))
    pattern = re.sub(r"\\{[^}]+\\}", "([^/]+)", re.escape(uri))
    return Route(operation, re.compile(pattern), labels)


def _decode(body: bytes) -> dict[str, Any]:
    if not body:
        return {}
    try:
        document = json.loads(body)
    except ValueError as error:
        raise AwsError("SerializationException", "The request body is not valid JSON.") from error
    if not isinstance(document, dict):
        raise AwsError("SerializationException", "Start of structure or map found where not expected.")
    return document


def _from_query(shape: Shape, values: list[str], name: str) -> Any:
    if isinstance(shape, ListShape):
        return values
    if shape.type_name in ("integer", "long"):
        try:
            return int(values[0])
        except ValueError as error:
            raise AwsError("SerializationException", f"{values[0]} can not be converted to an Integer") from error
    if shape.type_name == "boolean":
        return values[0].lower() == "true"
    return values[0]


_PYTHON_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "long": (int,),
    "boolean": (bool,),
    "double": (int, float),
    "float": (int, float),
    "timestamp": (int, float),
    "list": (list,),
    "map": (dict,),
    "structure": (dict,),
}


def _checked_type(shape: Shape, value: Any, name: str) -> Any:
    wanted = _PYTHON_TYPES.get(shape.type_name, ())
    matches: bool = isinstance(value, wanted)
    if not matches or (isinstance(value, bool) and bool not in wanted):
        found = {dict: "STRUCTURE_VALUE", list: "LIST_VALUE", str: "STRING_VALUE", bool: "TRUE_VALUE"}.get(
            type(value), "NUMBER_VALUE"
        )
        raise AwsError("SerializationException", f"{found} can not be converted to {shape.type_name} ({name})")
    if isinstance(shape, StructureShape):
        return {
            key: _checked_type(member, value[wire], key)
            for key, member in shape.members.items()
            if value.get(wire := member.serialization.get("name", key)) is not None
        }
    if isinstance(shape, ListShape):
        return [_checked_type(shape.member, item, name) for item in value]
    if isinstance(shape, MapShape):
        return {key: _checked_type(shape.value, item, f"{name}.{key}") for key, item in value.items()}
    return value


def _validate(shape: Shape, value: Any, path: str) -> None:
    if isinstance(shape, StructureShape):
        for name in shape.required_members:
            if value.get(name) is None:
                raise _invalid(
                    f"1 validation error detected: Value null at '{_join(path, name)}' failed to satisfy constraint: "
                    "Member must not be null"
                )
        for name, item in value.items():
            _validate(shape.members[name], item, _join(path, name))
        return
    _check_bounds(shape, value, path)
    if isinstance(shape, ListShape):
        for index, item in enumerate(value, start=1):
            _validate(shape.member, item, f"{path}.{index}.member")
    elif isinstance(shape, MapShape):
        for key, item in value.items():
            _check_bounds(shape.key, key, f"{path}.key")
            _check_bounds(shape.value, item, f"{path}.{key}")


def _check_bounds(shape: Shape, value: Any, path: str) -> None:
    limits = shape.metadata
    if isinstance(shape, StringShape):
        if shape.enum and value not in shape.enum:
            raise _violation(value, path, f"Member must satisfy enum value set: [{', '.join(shape.enum)}]")
        if "pattern" in limits and not re.match(f"(?:{limits['pattern']})\\Z", value):
            raise _violation(value, path, f"Member must satisfy regular expression pattern: {limits['pattern']}")
    sized = isinstance(value, str | list | dict)
    size = len(value) if sized else value
    if isinstance(size, bool) or not isinstance(size, int | float):
        return
    noun = "length" if sized else "value"
    if "min" in limits and size < limits["min"]:
        raise _violation(value, path, f"Member must have {noun} greater than or equal to {limits['min']}")
    if "max" in limits and size > limits["max"]:
        raise _violation(value, path, f"Member must have {noun} less than or equal to {limits['max']}")


def _violation(value: Any, path: str, constraint: str) -> AwsError:
    shown = value if isinstance(value, str | int) and path != "token" else "***"
    return _invalid(
        f"1 validation error detected: Value '{shown}' at '{path}' failed to satisfy constraint: {constraint}"
    )


def _invalid(message: str) -> AwsError:
    return AwsError("InvalidParameterException", message)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _to_wire(shape: Shape, value: Any) -> Any:
    if isinstance(shape, StructureShape):
        return {
            shape.members[name].serialization.get("name", name): _to_wire(shape.members[name], item)
            for name, item in value.items()
            if item is not None
        }
    if isinstance(shape, ListShape):
        return [_to_wire(shape.member, item) for item in value]
    if isinstance(shape, MapShape):
        return {key: _to_wire(shape.value, item) for key, item in value.items()}
    if isinstance(value, datetime):
        return value.timestamp()
    return value
