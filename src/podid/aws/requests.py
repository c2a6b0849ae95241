"""How requests are sent: each with a limit of time and size, each attempt told (`-v`), and one operation that is called
for thousands of objects at half of what it costs through botocore."""

import random
import re
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import urllib3.exceptions
from botocore import xform_name
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSPreparedRequest, AWSRequest, AWSResponse
from botocore.exceptions import HTTPClientError, NoCredentialsError
from botocore.parsers import ResponseParserFactory
from botocore.utils import parse_timestamp

from podid.calls.http import limit_pools, read_whole

# a page of IAM's roles with the longest trust policies takes a third of it
LARGEST_ANSWER = 16 * 1024 * 1024


def limit_answers(client: Any) -> "Bounded":
    """No answer of this client is read any further than LARGEST_ANSWER, nor longer than its call lasts; a larger one
    raises TooLarge. Returns its HTTP session."""
    endpoint = client._endpoint  # the only way to its HTTP session
    limit_pools(endpoint.http_session._pool_classes_by_scheme)  # of all its managers
    endpoint.http_session = Bounded(endpoint.http_session)
    return endpoint.http_session  # type: ignore[no-any-return]  # it is what was just put there


class Bounded:
    """botocore's HTTP session, but for how far it reads."""

    def __init__(self, session: Any) -> None:
        self._session = session

    def send(self, request: Any) -> AWSResponse:
        request.stream_output = True
        response = self._session.send(request)
        try:
            body = read_whole(response.raw, LARGEST_ANSWER)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise HTTPClientError(error=error) from error
        raw = SimpleNamespace(stream=lambda: iter((body,)))  # as botocore reads it
        return AWSResponse(response.url, response.status_code, response.headers, raw)

    def close(self) -> None:
        self._session.close()


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One attempt of one call. `status` is 0 and `error` the class of the failure when no answer came."""

    service: str
    operation: str
    seconds: float
    status: int
    request_id: str
    error: str = ""


OnCall = Callable[[CallRecord], None]

# when the call was really sent whose answer botocore is given to look at
sent_at: ContextVar[float | None] = ContextVar("podid_sent_at", default=None)


def watch(client: Any, on_call: OnCall) -> None:
    """Report every attempt of the client, and nothing that is secret."""
    service = client.meta.service_model.service_name

    def began(context: dict[str, Any], **_: object) -> None:
        context["podid_began"] = sent_at.get() or time.monotonic()

    def answered(http_response: Any, parsed: Any, model: Any, context: dict[str, Any], **_: object) -> None:
        on_call(call_record(service, model.name, time.monotonic() - context["podid_began"], http_response, parsed))

    def failed(exception: Exception, context: dict[str, Any], event_name: str, **_: object) -> None:
        operation = event_name.rsplit(".", 1)[-1]
        seconds = time.monotonic() - context.get("podid_began", time.monotonic())
        on_call(CallRecord(service, operation, seconds, 0, "", type(exception).__name__))

    client.meta.events.register_first("before-call", began)
    client.meta.events.register_last("after-call", answered)
    client.meta.events.register_last("after-call-error", failed)


def call_record(service: str, operation: str, seconds: float, response: Any, parsed: Any) -> CallRecord:
    """`parsed` is what botocore makes of the response."""
    metadata = parsed.get("ResponseMetadata", {}) if isinstance(parsed, Mapping) else {}
    error = parsed.get("Error", {}).get("Code", "") if isinstance(parsed, Mapping) else ""
    status = int(response.status_code)
    return CallRecord(service, operation, seconds, status, str(metadata.get("RequestId", "")), str(error))


# what nearly every command calls once for each association
REPEATED = {"eks": ("DescribePodIdentityAssociation",)}

# in no need of quoting
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*", re.ASCII)
# signed as podid signs: these headers, and no others
_SIGNED = re.compile(
    r"AWS4-HMAC-SHA256 Credential=[^/]+/\d{8}/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request, "
    r"SignedHeaders=host;x-amz-date(;x-amz-security-token)?, Signature=[0-9a-f]{64}"
)
_ITS_OWN = frozenset({"authorization", "x-amz-date", "x-amz-security-token", "amz-sdk-invocation-id"})


@dataclass(frozen=True, slots=True)
class Template:
    """What all requests of an operation have alike."""

    base: str
    headers: dict[str, str]
    region: str
    signing_name: str

    @classmethod
    def of(cls, request: AWSPreparedRequest, path: str) -> "Template | None":
        """From a request that botocore made; None for one that is not a plain signed GET of this path."""
        headers = {
            name: value.decode() if isinstance(value, bytes) else value for name, value in request.headers.items()
        }
        signed = _SIGNED.fullmatch(headers.get("Authorization", ""))
        if request.method != "GET" or request.body or signed is None or not request.url.endswith(path):
            return None
        kept = {name: value for name, value in headers.items() if name.lower() not in _ITS_OWN}
        return cls(request.url.removesuffix(path), kept, signed["region"], signed["service"])

    def request(self, path: str, credentials: Any) -> AWSPreparedRequest:
        made = AWSRequest("GET", self.base + path)
        SigV4Auth(credentials, self.signing_name, self.region).add_auth(made)
        headers = {**self.headers, **dict(made.headers.items()), "amz-sdk-invocation-id": _invocation_id()}
        return AWSPreparedRequest("GET", made.url, headers, None, stream_output=True, context=made.context)


class Repeats:
    """The operation as a function, which takes and gives what the client's own method takes and gives, errors too.

    botocore resolves the endpoint, builds the user agent and asks two dozen hooks for each call again. Here it does so
    for the first one, and the others are made after it: only path, time, invocation id and signature are their own.
    Signer, HTTP session and parser stay botocore's, and so does everything that is not a plain answer: errors and lost
    connections are put before it as what became of a call of its own.

    `http` is the client's HTTP session, `credentials` what the client signs with, None where there are none.
    """

    def __init__(
        self,
        client: Any,
        operation: str,
        http: Any,
        credentials: Callable[[], Any],
        on_call: OnCall | None,
    ) -> None:
        model = client.meta.service_model.operation_model(operation)
        self._method = getattr(client, xform_name(operation))
        self._service, self._operation = model.service_model.service_name, operation
        self._uri, self._output = model.http["requestUri"], model.output_shape
        # the names that the path has for the members
        self._names = {name: shape.serialization.get("name", name) for name, shape in model.input_shape.members.items()}
        self._http, self._credentials, self._on_call = http, credentials, on_call
        parsers = ResponseParserFactory()
        parsers.set_parser_defaults(timestamp_parser=_instant)
        self._parser = parsers.create_parser("rest-json")
        self._template: Template | None = None
        self._here = threading.local()
        client.meta.events.register(f"before-send.{model.service_model.service_id.hyphenize()}.{operation}", self._send)

    def __call__(self, **params: Any) -> Any:
        plain = params.keys() == self._names.keys() and all(
            isinstance(value, str) and _PLAIN.fullmatch(value) for value in params.values()
        )
        if not plain:
            return self._method(**params)
        path = self._uri.format_map({self._names[member]: value for member, value in params.items()})
        template = self._template
        if template is None:
            return self._by_botocore(params, path=path)
        began = time.monotonic()
        try:
            credentials = self._credentials()
            if credentials is None:
                raise NoCredentialsError
            response = self._http.send(template.request(path, credentials.get_frozen_credentials()))
        except Exception as error:  # noqa: BLE001  botocore raises it again, as it does
            return self._by_botocore(params, outcome=error, began=began)
        if response.status_code != 200:
            return self._by_botocore(params, outcome=response, began=began)
        answer = {"headers": response.headers, "status_code": 200, "body": response.content, "context": {}}
        parsed = self._parser.parse(answer, self._output)
        if self._on_call is not None:
            self._on_call(call_record(self._service, self._operation, time.monotonic() - began, response, parsed))
        return parsed

    def _by_botocore(self, params: dict[str, Any], *, path: str = "", outcome: Any = None, began: float = 0.0) -> Any:
        """With an `outcome`, nothing is sent."""
        self._here.path, self._here.outcome = path, outcome
        token = sent_at.set(began or None)
        try:
            return self._method(**params)
        finally:
            sent_at.reset(token)
            self._here.path, self._here.outcome = "", None

    def _send(self, request: AWSPreparedRequest, **_: object) -> Any:
        """botocore's hook before it sends: what it returns or raises is what became of the request."""
        outcome, path = getattr(self._here, "outcome", None), getattr(self._here, "path", "")
        if isinstance(outcome, Exception):
            raise outcome
        if outcome is None and path:
            self._template = Template.of(request, path)
        return outcome


def _invocation_id() -> str:
    """No secret: it tells AWS which attempts are one call."""
    return str(uuid.UUID(int=random.getrandbits(128), version=4))


def _instant(value: Any) -> Any:
    """As botocore does it, but in UTC: its local time zone takes as long as the rest of the answer."""
    try:
        return datetime.fromtimestamp(value, UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return parse_timestamp(value)
