"""Prepare each read of an AWS service once: for every call botocore resolves the endpoint, builds the user agent,
checks the parameters and runs two dozen hooks, which takes longer than the sandbox takes to answer.

A second call with the same parameters copies the first request, with its own time and signature. HTTP session and
parser are botocore's. botocore also handles all errors except 404, as the outcome of a call of its own.
"""

import re
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSPreparedRequest, AWSRequest
from botocore.client import BaseClient
from botocore.endpoint import Endpoint, convert_to_response_dict
from botocore.exceptions import ClientError

from shared_caches import registered_later

# operations that take no idempotency token
_READ = re.compile(r"Describe|Get|List|Simulate|Validate")
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=[^/]+/\d{8}/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request, "
    r"SignedHeaders=(?P<signed>[a-z0-9;-]+), "
)
_OF_SIGNATURE = ("authorization", "x-amz-date", "x-amz-security-token")
# podid's handlers that change presigned URLs only
_PRESIGNING = {"provide-client-params.sts.GetCallerIdentity", "before-sign.sts.GetCallerIdentity"}
_ATTEMPTS = ("RetryAttempts", "MaxAttemptsReached")
_MOST = 5_000

# the requests that the present call sends
_sent: ContextVar[list[AWSPreparedRequest] | None] = ContextVar("sent_requests", default=None)
# the outcome of the request that the present call would send, an answer or an error
_outcome: ContextVar[Any] = ContextVar("outcome_of_request", default=None)


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A request without its signature, and what botocore's retries add to each answer."""

    method: str
    url: str
    headers: dict[str, str]
    signed_headers: dict[str, str]
    body: Any
    region: str
    service: str
    attempts: dict[str, Any]

    @classmethod
    def of(cls, request: AWSPreparedRequest, metadata: dict[str, Any]) -> "_Prepared | None":
        headers = {
            name: value.decode() if isinstance(value, bytes) else value for name, value in request.headers.items()
        }
        authorization = _AUTHORIZATION.match(headers.get("Authorization", ""))
        if authorization is None:
            return None
        kept = {name: value for name, value in headers.items() if name.lower() not in _OF_SIGNATURE}
        signed = {name: kept[name] for name in kept if name.lower() in authorization["signed"].split(";")}
        attempts = {name: metadata[name] for name in _ATTEMPTS if name in metadata}
        region, service = authorization["region"], authorization["service"]
        return cls(request.method, request.url, kept, signed, request.body, region, service, attempts)

    def signed(self, client: Any) -> AWSPreparedRequest:
        request = AWSRequest(self.method, self.url, self.signed_headers, self.body)
        request.context["client_config"] = client.meta.config
        credentials = client._request_signer._credentials.get_frozen_credentials()
        SigV4Auth(credentials, self.service, self.region).add_auth(request)
        headers = {**self.headers, **dict(request.headers.items())}
        return AWSPreparedRequest(self.method, self.url, headers, self.body, stream_output=True)


def install(patch: pytest.MonkeyPatch) -> None:
    """Install this until the patch ends, after shared_caches.py."""
    call, send = BaseClient._make_api_call, Endpoint._send
    known: dict[Any, _Prepared] = {}

    def calling(self: Any, operation: str, params: dict[str, Any]) -> Any:
        if not _READ.match(operation) or not _is_plain(self, operation):
            return call(self, operation, params)
        # copies of a client have one creator of the user agent
        key = (self._user_agent_creator, operation, repr(params))
        prepared = known.get(key)
        if prepared is None:
            return first(self, operation, params, key)
        try:
            answer = self._endpoint.http_session.send(prepared.signed(self))
        except Exception as error:  # noqa: BLE001  botocore raises it again, as it does
            return botocore_ends(self, operation, params, error)
        if answer.status_code not in (200, 404):
            return botocore_ends(self, operation, params, answer)
        parsed = _parsed(self, operation, answer, prepared.attempts)
        if answer.status_code == 404:
            raise self.exceptions.from_code(parsed.get("Error", {}).get("Code"))(parsed, operation)
        return parsed

    def first(self: Any, operation: str, params: dict[str, Any], key: Any) -> Any:
        sent: list[AWSPreparedRequest] = []
        token, answer = _sent.set(sent), dict[str, Any]()
        try:
            answer = call(self, operation, params)
        except ClientError as error:
            answer = error.response
            raise
        finally:
            _sent.reset(token)
            if len(known) > _MOST:
                known.clear()
            prepared = _Prepared.of(sent[0], answer["ResponseMetadata"]) if answer and len(sent) == 1 else None
            if prepared is not None:
                known[key] = prepared
        return answer

    def botocore_ends(self: Any, operation: str, params: dict[str, Any], outcome: Any) -> Any:
        token = _outcome.set(outcome)
        try:
            return call(self, operation, params)
        finally:
            _outcome.reset(token)

    def sending(self: Endpoint, request: AWSPreparedRequest) -> Any:
        outcome, sent = _outcome.get(), _sent.get()
        if isinstance(outcome, Exception):
            raise outcome
        if outcome is not None:
            return outcome
        if sent is not None:
            sent.append(request)
        return send(self, request)

    patch.setattr(BaseClient, "_make_api_call", calling)
    patch.setattr(Endpoint, "_send", sending)


def _is_plain(client: Any, operation: str) -> bool:
    """Return whether the client has no handlers of podid or of a test for the operation."""
    names = registered_later(client)
    return names is not None and not any(
        name.count(".") < 2 or name.endswith(f".{operation}") for name in names - _PRESIGNING
    )


def _parsed(client: Any, operation: str, answer: Any, attempts: dict[str, Any]) -> Any:
    model, events = client.meta.service_model.operation_model(operation), client.meta.events
    parser = client._endpoint._response_parser_factory.create_parser(model.service_model.resolved_protocol)
    content = convert_to_response_dict(answer, model)
    parsed = parser.parse(content, model.output_shape)
    if answer.status_code == 404:
        client._endpoint._add_modeled_error_fields(content, parsed, model, parser)
    parsed["ResponseMetadata"].update(attempts)
    # a handler of botocore decodes IAM's documents
    event = f"after-call.{model.service_model.service_id.hyphenize()}.{operation}"
    events.emit(event, http_response=answer, parsed=parsed, model=model, context={})
    return parsed
