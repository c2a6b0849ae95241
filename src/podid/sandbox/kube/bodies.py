"""Bodies of requests and answers: JSON, YAML and Kubernetes' protobuf in, JSON out."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from podid.sandbox.http import HttpAnswer, HttpRequest
from podid.sandbox.kube import protobuf
from podid.sandbox.kube.objects import Obj
from podid.sandbox.kube.status import bad_request, not_acceptable, unsupported_media_type

_JSON = ("", "application/json", "application/x-www-form-urlencoded")


def check_acceptable(request: HttpRequest) -> None:
    """Raises the API server's 406 for a client that takes neither JSON nor everything."""
    offers = [offer.partition(";")[0].strip() for offer in request.header("accept").split(",")]
    if not {"", "application/json", "application/*", "*/*"} & set(offers):
        raise not_acceptable()


def decoded(request: HttpRequest, kind_name: str) -> Any:
    """The decoded body. Raises the API server's 400 and 415."""
    if request.media_type == "application/yaml":
        return from_yaml(request.body)
    if request.media_type == protobuf.MEDIA_TYPE:
        return protobuf.decode(request.body)
    if request.media_type not in _JSON:
        raise unsupported_media_type()
    return from_json(request.body, kind_name)


def from_yaml(body: bytes) -> Any:
    import yaml

    return yaml.safe_load(body)


def from_json(body: bytes, kind_name: str) -> Any:
    try:
        return json.loads(body or b"{}")
    except ValueError as error:
        told = f"couldn't get version/kind; json parse error: {go_json_error(body, error)}"
        raise bad_request(
            f"the object provided is unrecognized (must be of type {kind_name}): {told} "
            f"({body.decode(errors='replace')})"
        ) from None


def go_json_error(body: bytes, error: Exception) -> str:
    """How Go's encoding/json says what Python's decoder found."""
    position = getattr(error, "pos", 0)
    text = body.decode("latin-1")
    if position >= len(text):
        return "unexpected end of JSON input"
    character = text[position]
    shown = character if character.isprintable() and character.isascii() else f"\\u{ord(character):04x}"
    looking = "beginning of object key string" if "property name" in str(error) else "beginning of value"
    return f"invalid character '{shown}' looking for {looking}"


@dataclass(slots=True)
class KubeAnswer:
    """JSON when `body` is an object, else text; `lines` is a watch, one JSON document a line."""

    status: int
    body: Obj | str = ""
    lines: Iterator[Obj] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def encode(self) -> HttpAnswer:
        text = isinstance(self.body, str) and self.lines is None
        headers = {"Content-Type": "text/plain; charset=utf-8" if text else "application/json", **self.headers}
        headers["Cache-Control"] = "no-cache, private"
        if self.lines is not None:
            return HttpAnswer(self.status, headers, chunks=map(_line, self.lines))
        return HttpAnswer(self.status, headers, self.body.encode() if isinstance(self.body, str) else _line(self.body))


def _line(document: Obj) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode() + b"\n"
