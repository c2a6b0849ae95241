"""A request as the API server sees it, and what it answers."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from podid.sandbox.kube.objects import Obj
from podid.sandbox.kube.status import bad_request, unsupported_media_type


@dataclass(slots=True)
class Request:
    """`caller` is the connection's number: one connection always meets the same API server."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes = b""
    caller: int = 0
    path: str = field(init=False)
    query: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        parts = urlsplit(self.target)
        self.path = unquote(parts.path)
        self.query = {key: values[-1] for key, values in parse_qs(parts.query, keep_blank_values=True).items()}

    def header(self, name: str) -> str:
        return self.headers.get(name.lower(), "")

    @property
    def media_type(self) -> str:
        return self.header("content-type").partition(";")[0].strip()

    def flag(self, name: str) -> bool:
        return self.query.get(name, "").lower() in ("true", "1")

    def json(self, kind_name: str) -> Any:
        """The decoded body. Raises the API server's 400 and 415."""
        if self.media_type not in ("", "application/json", "application/yaml", "application/x-www-form-urlencoded"):
            raise unsupported_media_type()
        if self.media_type == "application/yaml":
            import yaml

            return yaml.safe_load(self.body)
        try:
            return json.loads(self.body or b"{}")
        except ValueError as error:
            told = f"couldn't get version/kind; json parse error: {go_json_error(self.body, error)}"
            raise bad_request(
                f"the object provided is unrecognized (must be of type {kind_name}): {told} "
                f"({self.body.decode(errors='replace')})"
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
class Response:
    """JSON when `body` is an object, else text; `lines` is a watch, one JSON document a line."""

    status: int
    body: Obj | str = ""
    lines: Iterator[Obj] | None = None
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = ""

    def encode(self) -> tuple[bytes, str]:
        if isinstance(self.body, str):
            return self.body.encode(), self.content_type or "text/plain; charset=utf-8"
        return json.dumps(self.body, separators=(",", ":")).encode() + b"\n", "application/json"
