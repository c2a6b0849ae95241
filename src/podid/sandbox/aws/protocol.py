"""AWS's wire protocols: REST-JSON by botocore's service models, the query protocol, and the errors of each.

https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html
https://smithy.io/2.0/aws/protocols/aws-query-protocol.html
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any
from urllib.parse import parse_qs, parse_qsl, unquote
from xml.sax.saxutils import escape

from botocore.loaders import Loader
from botocore.model import ListShape, MapShape, OperationModel, ServiceModel, Shape, StringShape, StructureShape

from podid.sandbox.http import HttpAnswer

_EC2_CODES = {
    "AccessDenied": "UnauthorizedOperation",
    "ExpiredToken": "RequestExpired",
    "InvalidClientTokenId": "AuthFailure",
    "SignatureDoesNotMatch": "AuthFailure",
    "Throttling": "RequestLimitExceeded",
    "InternalFailure": "InternalError",
    "ServiceUnavailable": "Unavailable",
}
_EC2_STATUS = {"RequestLimitExceeded": 503, "AuthFailure": 401, "RequestExpired": 400}
_REST_JSON_CODES = {
    "AccessDenied": "AccessDeniedException",
    "ExpiredToken": "ExpiredTokenException",
    "InvalidClientTokenId": "UnrecognizedClientException",
    "SignatureDoesNotMatch": "InvalidSignatureException",
    "Throttling": "ThrottlingException",
    "InternalFailure": "ServerException",
    "ServiceUnavailable": "ServiceUnavailableException",
    "MissingAuthenticationToken": "MissingAuthenticationTokenException",
}
_REST_JSON_STATUS = {"ThrottlingException": 429}
_NONE: Mapping[str, int] = {}

Form = dict[str, str]
XmlValue = str | Mapping[str, "XmlValue"] | Sequence["XmlValue"]


class Entries(dict[str, XmlValue]):
    """A map of any keys; other mappings have the names of elements."""


Params = dict[str, Any]
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


class AwsError(Exception):
    """An error answer. Codes are those of the query protocol; each protocol translates its own."""

    def __init__(self, code: str, message: str, status: int = 400, **members: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.members = members


def access_denied(arn: str, action: str, shown: str, reason: str) -> AwsError:
    """Return IAM's message. `shown` is the resource in the service's spelling, "" if the service omits it."""
    resource = f" on resource: {shown}" if shown else ""
    return AwsError(
        "AccessDenied", f"User: {arn} is not authorized to perform: {action}{resource} {reason}".strip(), 403
    )


def render_error(error: AwsError, protocol: str, request_id: str, statuses: Mapping[str, int] = _NONE) -> HttpAnswer:
    """Return the error in `protocol`: rest-json, json, query, ec2 or s3. `statuses` are those of the model."""
    if protocol in ("rest-json", "json"):
        return _json(error, protocol, request_id, statuses)
    if protocol == "ec2":
        return _ec2(error, request_id)
    if protocol == "s3":
        body = f"<Error><Code>{error.code}</Code><Message>{escape(error.message)}</Message></Error>"
        return _xml_answer(error.status, body, request_id)
    return _query(error, request_id)


def _json(error: AwsError, protocol: str, request_id: str, statuses: Mapping[str, int]) -> HttpAnswer:
    code = _REST_JSON_CODES.get(error.code, error.code)
    # the JSON protocol carries the code in the body
    kind = {"__type": code} if protocol == "json" else {}
    body = json.dumps({**kind, "message": error.message, **error.members}).encode()
    headers = {"Content-Type": "application/json", "x-amzn-ErrorType": code, "x-amzn-RequestId": request_id}
    status = statuses.get(code) or _REST_JSON_STATUS.get(code, error.status)
    return HttpAnswer(status, headers, body)


def _query(error: AwsError, request_id: str) -> HttpAnswer:
    kind = "Sender" if error.status < 500 else "Receiver"
    body = (
        f"<ErrorResponse><Error><Type>{kind}</Type><Code>{error.code}</Code>"
        f"<Message>{escape(error.message)}</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>"
    )
    return _xml_answer(error.status, body, request_id)


def _ec2(error: AwsError, request_id: str) -> HttpAnswer:
    code = _EC2_CODES.get(error.code, error.code)
    message = error.message
    if code == "UnauthorizedOperation":
        message = f"You are not authorized to perform this operation. {message}"
    body = (
        f"<Response><Errors><Error><Code>{code}</Code><Message>{escape(message)}</Message></Error></Errors>"
        f"<RequestID>{request_id}</RequestID></Response>"
    )
    return _xml_answer(_EC2_STATUS.get(code, error.status), body, request_id)


def _xml_answer(status: int, body: str, request_id: str) -> HttpAnswer:
    headers = {"Content-Type": "text/xml", "x-amzn-RequestId": request_id}
    return HttpAnswer(status, headers, f'<?xml version="1.0" encoding="UTF-8"?>{body}'.encode())


def parse_form(body: bytes, query: str) -> Form:
    """Return the parameters of the body and of the URL; the body takes precedence."""
    pairs = parse_qsl(query, keep_blank_values=True) + parse_qsl(
        body.decode("utf-8", "replace"), keep_blank_values=True
    )
    return dict(pairs)


def members(form: Form, name: str) -> list[str]:
    """Return the list `name.member.1`, `name.member.2`, …"""
    values: list[str] = []
    while (value := form.get(f"{name}.member.{len(values) + 1}")) is not None:
        values.append(value)
    return values


def form_tags(form: Form) -> tuple[tuple[str, str], ...]:
    """Return the pairs `Tags.member.1.Key`, `Tags.member.1.Value`, …"""
    tags: list[tuple[str, str]] = []
    while (key := form.get(f"Tags.member.{len(tags) + 1}.Key")) is not None:
        tags.append((key, form.get(f"Tags.member.{len(tags) + 1}.Value", "")))
    return tuple(tags)


def render(action: str, result: Mapping[str, XmlValue], namespace: str, request_id: str) -> HttpAnswer:
    """Return a successful answer. Lists become <member> elements."""
    body = (
        f'<{action}Response xmlns="{namespace}"><{action}Result>{_xml(result)}</{action}Result>'
        f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{action}Response>"
    )
    return HttpAnswer(200, {"Content-Type": "text/xml", "x-amzn-RequestId": request_id}, body.encode())


def _xml(value: XmlValue) -> str:
    if isinstance(value, str):
        return escape(value)
    if isinstance(value, Entries):
        return "".join(f"<entry>{_xml({'key': key, 'value': item})}</entry>" for key, item in value.items())
    if isinstance(value, Mapping):
        return "".join(f"<{name}>{_xml(item)}</{name}>" for name, item in value.items())
    return "".join(f"<member>{_xml(item)}</member>" for item in value)


@dataclass(frozen=True, slots=True)
class Route:
    """One operation and its path."""

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
        """Return the operation and its decoded path labels. Raise UnknownOperationException if there is none. `target`
        is the operation header of the JSON protocol."""
        path = raw_path.rstrip("/") or "/"
        for route in self._routes.get((method, path.count("/")), ()):
            labels = route.pattern.fullmatch(path)
            if labels:
                return route.operation, dict(
                    zip(route.labels, (unquote(value) for value in labels.groups()), strict=True)
                )
        raise AwsError("UnknownOperationException", "The requested operation is not recognized by the service.", 404)

    def parse(self, operation: OperationModel, labels: Mapping[str, str], query: str, body: bytes) -> Params:
        """Return the input with the names of botocore. Raise SerializationException or InvalidParameterException."""
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
        validate(shape, params, "")
        return params

    def serialise(self, operation: OperationModel, result: Mapping[str, Any]) -> bytes:
        """Return the JSON body. Members that the model lacks are a bug of the sandbox and raise KeyError."""
        shape = operation.output_shape
        return json.dumps(_to_wire(shape, result) if shape is not None else {}).encode()

    def error(self, code: str, message: str, members: Mapping[str, Any]) -> AwsError:
        """Return an error of the model, with the model's HTTP status and the members that the error declares."""
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
    """Return the newest service model of `name` in the installed botocore."""
    model: dict[str, Any] = Loader().load_service_model(name, "service-2")
    return model


def timestamp(seconds: float) -> datetime:
    """Return a moment for `serialise`, to the millisecond as EKS stores it."""
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


def _checked_type(shape: Shape, value: Any, name: str) -> Any:
    types = _PYTHON_TYPES.get(shape.type_name, ())
    matches: bool = isinstance(value, types)
    if not matches or (isinstance(value, bool) and bool not in types):
        json_type = {dict: "STRUCTURE_VALUE", list: "LIST_VALUE", str: "STRING_VALUE", bool: "TRUE_VALUE"}.get(
            type(value), "NUMBER_VALUE"
        )
        raise AwsError("SerializationException", f"{json_type} can not be converted to {shape.type_name} ({name})")
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


def validate(shape: Shape, value: Any, path: str) -> None:
    """Raise an error for a value that does not satisfy its shape. `path` is its place in the parameters."""
    if isinstance(shape, StructureShape):
        for name in shape.required_members:
            if value.get(name) is None:
                raise _invalid(
                    f"1 validation error detected: Value null at '{_join(path, name)}' failed to satisfy constraint: "
                    "Member must not be null"
                )
        for name, item in value.items():
            validate(shape.members[name], item, _join(path, name))
        return
    _check_bounds(shape, value, path)
    if isinstance(shape, ListShape):
        for index, item in enumerate(value, start=1):
            validate(shape.member, item, f"{path}.{index}.member")
    elif isinstance(shape, MapShape):
        for key, item in value.items():
            _check_bounds(shape.key, key, f"{path}.key")
            _check_bounds(shape.value, item, f"{path}.{key}")


def _check_bounds(shape: Shape, value: Any, path: str) -> None:
    limits = shape.metadata
    if isinstance(shape, StringShape):
        if shape.enum and value not in shape.enum:
            raise _violation(value, path, f"Member must satisfy enum value set: [{', '.join(shape.enum)}]")
        pattern = limits.get("pattern", ".*").replace(r"\p{L}\p{Z}\p{N}", r"\w\s")  # Java's classes
        if not re.match(f"(?s:{pattern})\\Z", value):
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
    shown = name[0].lower() + name[1:]
    return f"{path}.{shown}" if path else shown


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
