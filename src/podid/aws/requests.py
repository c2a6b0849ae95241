"""The transport of requests: limits of time and size, reports of attempts (`-v`), and a faster path for one operation
that is called thousands of times."""

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

from podid.aws.form import RawAnswer, last_answer
from podid.calls.http import limit_pools, read_whole

# the largest answer is a page of IAM roles with the longest trust policies; this is three times as much
LARGEST_ANSWER = 16 * 1024 * 1024


def limit_answers(client: Any) -> "Bounded":
    """Limit the size of this client's answers to LARGEST_ANSWER, and their time to that of the call; larger ones raise
    TooLarge. Return the client's HTTP session."""
    endpoint = client._endpoint  # there is no public access to the HTTP session
    limit_pools(endpoint.http_session._pool_classes_by_scheme)  # for all pool managers
    endpoint.http_session = Bounded(endpoint.http_session)
    return endpoint.http_session  # type: ignore[no-any-return]  # the value that was just assigned


class Bounded:
    """botocore's HTTP session with a limit on the size of answers."""

    def __init__(self, session: Any) -> None:
        self._session = session

    def send(self, request: Any) -> AWSResponse:
        request.stream_output = True
        response = self._session.send(request)
        try:
            body = read_whole(response.raw, LARGEST_ANSWER)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise HTTPClientError(error=error) from error
        last_answer.set(RawAnswer(response.status_code, body, response.headers))
        raw = SimpleNamespace(stream=lambda: iter((body,)))  # botocore reads this attribute
        return AWSResponse(response.url, response.status_code, response.headers, raw)


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One attempt of one call. Without an answer, `status` is 0 and `error` is the class of the failure."""

    service: str
    operation: str
    seconds: float
    status: int
    request_id: str
    error: str = ""


OnCall = Callable[[CallRecord], None]

# when podid sent a request whose outcome it passes to botocore; None if botocore sends the request itself
sent_at: ContextVar[float | None] = ContextVar("podid_sent_at", default=None)


def watch(client: Any, on_call: OnCall) -> None:
    """Report every attempt of the client, without secrets."""
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
    """Return the record of a call; `parsed` is the response as botocore parsed it."""
    metadata = parsed.get("ResponseMetadata", {}) if isinstance(parsed, Mapping) else {}
    error = parsed.get("Error", {}).get("Code", "") if isinstance(parsed, Mapping) else ""
    status = int(response.status_code)
    return CallRecord(service, operation, seconds, status, str(metadata.get("RequestId", "")), str(error))


# nearly every command calls it once for each association
REPEATED = {"eks": ("DescribePodIdentityAssociation",)}

# values that need no quoting in a path
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*", re.ASCII)
# the signature covers exactly the headers that podid signs
_SIGNED = re.compile(
    r"AWS4-HMAC-SHA256 Credential=[^/]+/\d{8}/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request, "
    r"SignedHeaders=host;x-amz-date(;x-amz-security-token)?, Signature=[0-9a-f]{64}"
)
_PER_REQUEST = frozenset({"authorization", "x-amz-date", "x-amz-security-token", "amz-sdk-invocation-id"})


@dataclass(frozen=True, slots=True)
class Template:
    """The parts that all requests of an operation share."""

    base: str
    headers: dict[str, str]
    region: str
    signing_name: str

    @classmethod
    def of(cls, request: AWSPreparedRequest, path: str) -> "Template | None":
        """Return the template of a request from botocore; None if it is not a plain signed GET of this path."""
        headers = {
            name: value.decode() if isinstance(value, bytes) else value for name, value in request.headers.items()
        }
        signed = _SIGNED.fullmatch(headers.get("Authorization", ""))
        if request.method != "GET" or request.body or signed is None or not request.url.endswith(path):
            return None
        kept = {name: value for name, value in headers.items() if name.lower() not in _PER_REQUEST}
        return cls(request.url.removesuffix(path), kept, signed["region"], signed["service"])

    def request(self, path: str, credentials: Any) -> AWSPreparedRequest:
        request = AWSRequest("GET", self.base + path)
        SigV4Auth(credentials, self.signing_name, self.region).add_auth(request)
        # by this id, AWS groups the attempts of one call; it is not a secret
        invocation = str(uuid.UUID(int=random.getrandbits(128), version=4))
        headers = {**self.headers, **dict(request.headers.items()), "amz-sdk-invocation-id": invocation}
        prepared = AWSPreparedRequest("GET", request.url, headers, None, stream_output=True)
        prepared.context = request.context  # the constructor of botocore 1.42 does not accept it
        return prepared


class Repeats:
    """An operation as a function with the parameters, results and errors of the client's own method.

    For each call, botocore resolves the endpoint, builds the user agent and runs two dozen hooks. Here it does so for
    the first call only. Later requests are copies with their own path, time, invocation ID and signature. Signer, HTTP
    session and parser are botocore's. botocore also handles errors and lost connections, as the outcome of a call of
    its own.

    `http` is the client's HTTP session; `credentials` returns the client's credentials, None without any.
    """

    def __init__(
        self, client: Any, operation: str, http: Any, credentials: Callable[[], Any], on_call: OnCall | None
    ) -> None:
        model = client.meta.service_model.operation_model(operation)
        self._method = getattr(client, xform_name(operation))
        self._service, self._operation = model.service_model.service_name, operation
        self._uri, self._output = model.http["requestUri"], model.output_shape
        # the members' names in the path
        self._names = {name: shape.serialization.get("name", name) for name, shape in model.input_shape.members.items()}
        self._http, self._credentials, self._on_call = http, credentials, on_call
        parsers = ResponseParserFactory()
        parsers.set_parser_defaults(timestamp_parser=_instant)
        self._parser = parsers.create_parser("rest-json")
        self._template: Template | None = None
        self._call = threading.local()
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
        """Call the client's own method. With an `outcome`, send nothing."""
        self._call.path, self._call.outcome = path, outcome
        token = sent_at.set(began or None)
        try:
            return self._method(**params)
        finally:
            sent_at.reset(token)
            self._call.path, self._call.outcome = "", None

    def _send(self, request: AWSPreparedRequest, **_: object) -> Any:
        """Handle botocore's hook before it sends: the returned or raised value is the outcome of the request."""
        outcome, path = getattr(self._call, "outcome", None), getattr(self._call, "path", "")
        if isinstance(outcome, Exception):
            raise outcome
        if outcome is None and path:
            self._template = Template.of(request, path)
        return outcome


def _instant(value: Any) -> Any:
    """Return the time as botocore does, but in UTC: the local time zone takes as long as the rest of the answer."""
    try:
        return datetime.fromtimestamp(value, UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return parse_timestamp(value)
