"""The transport of requests: limits of time and size, reports of attempts (`-v`), and a faster path for one operation
that is called thousands of times."""

import hashlib
import hmac
import random
import re
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from types import SimpleNamespace
from typing import Any

import botocore.auth
import urllib3
from botocore import xform_name
from botocore.auth import SIGV4_TIMESTAMP
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import HTTPClientError, NoCredentialsError
from botocore.parsers import ResponseParserFactory
from botocore.utils import parse_timestamp

from podid.calls.http import FAILURE, ROUTE, limit_pools, read_whole

# three times a page of IAM roles with the longest trust policies
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
        return _whole(request.url, response.status_code, response.raw)

    def get(self, pool: Any, target: str, request: AWSPreparedRequest) -> AWSResponse:
        """Return the answer to a request without a body, as `send` does, by a pool that `send` has chosen before."""
        try:
            raw = pool.urlopen(
                *("GET", target),
                headers=request.headers,
                retries=_ONCE,
                assert_same_host=False,
                preload_content=False,
                decode_content=False,
            )
        except Exception as error:  # noqa: BLE001  the session raises its own error instead
            token = FAILURE.set(error)
            try:
                return self.send(request)
            finally:
                FAILURE.reset(token)
        return _whole(request.url, raw.status, raw)

    def close(self) -> None:
        self._session.close()


def _whole(url: str, status: int, raw: Any) -> AWSResponse:
    try:
        body = read_whole(raw, LARGEST_ANSWER)
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise HTTPClientError(error=error) from error
    # botocore reads this attribute
    return AWSResponse(url, status, raw.headers, SimpleNamespace(stream=lambda: iter((body,))))


# podid retries itself
_ONCE = urllib3.Retry(False)


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

# the time at which a call was sent whose answer botocore parses
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
# botocore's signature of a request without query and body, in which it signs exactly these headers
_SIGNED = re.compile(
    r"AWS4-HMAC-SHA256 Credential=[^/]+/\d{8}/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request, "
    r"SignedHeaders=host;x-amz-date(;x-amz-security-token)?, Signature=[0-9a-f]{64}"
)
_PER_REQUEST = frozenset({"authorization", "x-amz-date", "x-amz-security-token", "amz-sdk-invocation-id"})
_NO_BODY = hashlib.sha256().hexdigest()


@dataclass(frozen=True, slots=True)
class Template:
    """The parts that all requests of an operation share. Its signatures equal botocore's and take a tenth of the time:
    the signed headers are known, and the key of the day is cached."""

    base: str
    pool: Any
    target: str
    headers: dict[str, str]
    region: str
    signing_name: str

    @classmethod
    def of(cls, request: AWSPreparedRequest, path: str, credentials: Any) -> "Template | None":
        """Return the template of a request that botocore has sent in this thread; None if it is not a plain signed GET
        of this path, or if the template signs it in another way."""
        headers = {
            name: value.decode() if isinstance(value, bytes) else value for name, value in request.headers.items()
        }
        signed = _SIGNED.fullmatch(headers.get("Authorization", ""))
        pool, target = ROUTE.get() or (None, "")
        if request.method != "GET" or request.body or signed is None:
            return None
        if not request.url.endswith(path) or not target.endswith(path):
            return None
        kept = {name: value for name, value in headers.items() if name.lower() not in _PER_REQUEST}
        base, target = request.url.removesuffix(path), target.removesuffix(path)
        template = cls(base, pool, target, kept, signed["region"], signed["service"])
        again = template._signature(path, credentials, headers.get("X-Amz-Date", ""))
        return template if again.items() <= headers.items() else None

    def request(self, path: str, credentials: Any) -> AWSPreparedRequest:
        signature = self._signature(path, credentials, botocore.auth.get_current_datetime().strftime(SIGV4_TIMESTAMP))
        headers = {**self.headers, **signature, "amz-sdk-invocation-id": _invocation_id()}
        return AWSPreparedRequest("GET", self.base + path, headers, None, stream_output=True)

    def _signature(self, path: str, credentials: Any, stamp: str) -> dict[str, str]:
        """Return the headers of Signature Version 4."""
        scheme, _, host = self.base.partition("://")
        host, _, prefix = host.partition("/")
        host = host.removesuffix(":443" if scheme == "https" else ":80")
        signed = {"host": host, "x-amz-date": stamp}
        headers = {"X-Amz-Date": stamp}
        if credentials.token:
            headers["X-Amz-Security-Token"] = signed["x-amz-security-token"] = credentials.token
        lines = "".join(f"{name}:{value}\n" for name, value in signed.items())
        before = f"/{prefix}" if prefix else ""
        request = f"GET\n{before}{path}\n\n{lines}\n{';'.join(signed)}\n{_NO_BODY}"
        scope = f"{stamp[:8]}/{self.region}/{self.signing_name}/aws4_request"
        text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
        key = _signing_key(credentials.secret_key, scope)
        headers["Authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={credentials.access_key}/{scope}, SignedHeaders={';'.join(signed)}, "
            f"Signature={hmac.digest(key, text.encode(), 'sha256').hex()}"
        )
        return headers


@lru_cache(maxsize=64)
def _signing_key(secret: str, scope: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


class Repeats:
    """An operation as a function with the parameters, results and errors of the client's own method.

    For each call, botocore resolves the endpoint, builds the user agent and runs two dozen hooks. Here it does so for
    the first call only. Later requests are copies with their own path, time, invocation ID and signature. HTTP session
    and parser are botocore's. botocore also handles errors and lost connections, as the outcome of a call of its own.

    `http` is the client's HTTP session; `credentials` returns the client's credentials, None without any.
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
            request = template.request(path, credentials.get_frozen_credentials())
            response = self._http.get(template.pool, template.target + path, request)
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
        call = self._call
        call.path, call.outcome, call.request = path, outcome, None
        ROUTE.set(None)
        token = sent_at.set(began or None)
        try:
            return self._method(**params)
        finally:
            sent_at.reset(token)
            credentials = self._credentials() if call.request is not None else None
            if credentials is not None:
                self._template = Template.of(call.request, path, credentials.get_frozen_credentials())
            call.path, call.outcome, call.request = "", None, None

    def _send(self, request: AWSPreparedRequest, **_: object) -> Any:
        """Handle botocore's hook before it sends: the returned or raised value is the outcome of the request."""
        outcome, path = getattr(self._call, "outcome", None), getattr(self._call, "path", "")
        if isinstance(outcome, Exception):
            raise outcome
        if outcome is None and path:
            self._call.request = request
        return outcome


def _invocation_id() -> str:
    """Return an ID by which AWS groups the attempts of one call. It is not a secret."""
    return str(uuid.UUID(int=random.getrandbits(128), version=4))


def _instant(value: Any) -> Any:
    """Return the time as botocore does, but in UTC: the local time zone takes as long as the rest of the answer."""
    try:
        return datetime.fromtimestamp(value, UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return parse_timestamp(value)
