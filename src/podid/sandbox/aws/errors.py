"""AWS's errors, and how each protocol words them on the wire."""

import json
from collections.abc import Mapping
from xml.sax.saxutils import escape

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


class AwsError(Exception):
    """An answer other than success. Codes are those of the query protocol; each protocol translates its own."""

    def __init__(self, code: str, message: str, status: int = 400, **members: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.members = members


def access_denied(arn: str, action: str, shown: str, reason: str) -> AwsError:
    """IAM's own sentence; `shown` is the resource as the service words it, "" where it names none."""
    resource = f" on resource: {shown}" if shown else ""
    return AwsError(
        "AccessDenied", f"User: {arn} is not authorized to perform: {action}{resource} {reason}".strip(), 403
    )


def render_error(error: AwsError, protocol: str, request_id: str, statuses: Mapping[str, int] = _NONE) -> HttpAnswer:
    """The error as `protocol` (rest-json, json, query or ec2) carries it; `statuses` are the model's."""
    if protocol in ("rest-json", "json"):
        return _json(error, protocol, request_id, statuses)
    if protocol == "ec2":
        return _ec2(error, request_id)
    return _query(error, request_id)


def _json(error: AwsError, protocol: str, request_id: str, statuses: Mapping[str, int]) -> HttpAnswer:
    code = _REST_JSON_CODES.get(error.code, error.code)
    # the JSON protocol has the code in the body
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
    return _xml(error.status, body, request_id)


def _ec2(error: AwsError, request_id: str) -> HttpAnswer:
    code = _EC2_CODES.get(error.code, error.code)
    message = error.message
    if code == "UnauthorizedOperation":
        message = f"You are not authorized to perform this operation. {message}"
    body = (
        f"<Response><Errors><Error><Code>{code}</Code><Message>{escape(message)}</Message></Error></Errors>"
        f"<RequestID>{request_id}</RequestID></Response>"
    )
    return _xml(_EC2_STATUS.get(code, error.status), body, request_id)


def _xml(status: int, body: str, request_id: str) -> HttpAnswer:
    headers = {"Content-Type": "text/xml", "x-amzn-RequestId": request_id}
    return HttpAnswer(status, headers, f'<?xml version="1.0" encoding="UTF-8"?>{body}'.encode())
