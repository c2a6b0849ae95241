"""The transport of requests: the size limit of answers, the records of attempts, and the faster path of repeated calls,
which has the results, errors and requests of botocore in half of its function calls."""

import json
import os
import re
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import botocore.auth
import botocore.session
import pytest
from botocore.awsrequest import AWSRequest, AWSResponse

from harness import table
from podid.aws.requests import REPEATED, CallRecord, Repeats, call_record
from podid.aws.session import AwsSession
from podid.calls.http import TooLarge

OPERATION = "DescribePodIdentityAssociation"
PARAMETERS = {"clusterName": "demo", "associationId": "a-0123456789abcdef0"}
ASSOCIATION = {
    "clusterName": "demo",
    "namespace": "shop",
    "serviceAccount": "orders",
    "associationArn": "arn:aws:eks:us-west-2:111122223333:podidentityassociation/demo/a-0123456789abcdef0",
    "associationId": "a-0123456789abcdef0",
    "roleArn": "arn:aws:iam::111122223333:role/storefront",
    "tags": {"team": "shop", "": ""},
    "createdAt": 1764000000.123,
    "modifiedAt": 1764000000,
    "ownerArn": None,
    "disableSessionTags": False,
    "targetRoleArn": "arn:aws:iam::444455556666:role/ünïcode",
    "externalId": "eks/111122223333/demo",
    "policy": '{"Version":"2012-10-17"}',
    "fromTheFuture": [1, {"a": None}],
}


class Eks:
    """A server that sends `answer` to every request, or closes the connection if that is None. `requests` are the paths
    and headers of the requests."""

    def __init__(self) -> None:
        self.answer: tuple[int, dict[str, str], bytes] | None = (200, {}, b"{}")
        self.requests: list[tuple[str, dict[str, str]]] = []
        eks = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1

            def log_message(self, format: str, *args: object) -> None:
                """Print nothing."""

        def get(self: BaseHTTPRequestHandler) -> None:
            eks.requests.append((self.path, dict(self.headers.items())))
            if eks.answer is None:
                self.close_connection = True
                return
            status, headers, body = eks.answer
            self.send_response(status)
            for name, value in {"content-length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        setattr(Handler, "do_GET", get)  # noqa: B010  http.server's name, which ruff refuses as a method
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()


@pytest.fixture(scope="module")
def running() -> Iterator[Eks]:
    eks = Eks()
    yield eks
    eks.server.shutdown()
    eks.server.server_close()


@pytest.fixture
def eks(running: Eks, monkeypatch: pytest.MonkeyPatch) -> Eks:
    running.requests.clear()
    running.answer = answer({"association": ASSOCIATION})
    keys = {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "x", "AWS_SESSION_TOKEN": "first"}
    for name, value in {**keys, "AWS_REGION": "us-west-2", "AWS_ENDPOINT_URL": running.url}.items():
        monkeypatch.setenv(name, value)
    return running


def answer(body: object, status: int = 200, **headers: str) -> tuple[int, dict[str, str], bytes]:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return status, {"x-amzn-requestid": "r-1", **named}, content


def botocore_and_repeated(session: AwsSession | None = None) -> tuple[Callable[..., Any], Repeats]:
    """Return the method of botocore's client, and the repeated call after its first request."""
    api = (session or AwsSession(None, None, env=os.environ)).eks._api
    repeats = api._repeats[OPERATION]
    with suppress(Exception):
        repeats(**PARAMETERS)
    return api.client.describe_pod_identity_association, repeats


UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
NOT_COMPARED = ("date", "RetryAttempts", "MaxAttemptsReached")


def outcome(call: Callable[..., Any], **params: object) -> object:
    """Return the result or the error of the call, without the date and the members of botocore's retries."""
    try:
        decoded = call(**params)
    except Exception as error:  # noqa: BLE001  the test compares all errors
        response = getattr(error, "response", {})
        return type(error).__qualname__, str(error), comparable(response)
    return comparable(decoded)


def comparable(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, dict):
        return {name: comparable(item) for name, item in value.items() if name not in NOT_COMPARED}
    return [comparable(item) for item in value] if isinstance(value, list) else value


ERROR_BODY = {"message": "no", "clusterName": "demo"}
ANSWERS = {
    "full": answer({"association": ASSOCIATION}),
    "least": answer({"association": {"clusterName": "demo"}}),
    "other times": answer({"association": {"createdAt": "2026-11-25T10:00:00Z", "modifiedAt": -1}}),
    "time as text": answer({"association": {"createdAt": "1764000000", "modifiedAt": None}}),
    "no time": answer({"association": {"createdAt": "yesterday-ish"}}),
    "endless time": answer({"association": {"createdAt": 1e300}}),
    "wrong types": answer({"association": {"tags": [], "roleArn": {"a": 1}, "createdAt": []}}),
    "a list": answer([]),
    "null": answer({"association": None}),
    "empty": answer(b""),
    "no JSON": answer(b"<html>"),
    "not UTF-8": answer(b'{"association": {"roleArn": "\xff"}}'),
    "created": answer({"association": ASSOCIATION}, 201),
    "redirect": answer(b"", 302, location="https://example.com/"),
    "not found": answer(ERROR_BODY, 404, x_amzn_errortype="ResourceNotFoundException"),
    "denied": answer(ERROR_BODY, 403, x_amzn_errortype="AccessDeniedException:http://internal"),
    "expired": answer({"__type": "ExpiredTokenException", "Message": "old"}, 403),
    "throttled": answer(ERROR_BODY, 429, x_amzn_errortype="TooManyRequestsException"),
    "unmodelled": answer(ERROR_BODY, 400, x_amzn_errortype="Other"),
    "failed": answer(ERROR_BODY, 500, x_amzn_errortype="ServerException"),
    "a proxy's page": answer(b"<html>Bad gateway</html>", 502, content_type="text/html"),
    "closed": None,
}


@pytest.mark.parametrize("name", ANSWERS)
def test_a_repeated_call_has_the_outcome_of_botocore(eks: Eks, name: str) -> None:
    method, repeats = botocore_and_repeated()
    assert repeats._template is not None
    eks.answer = ANSWERS[name]
    eks.requests.clear()
    assert outcome(repeats, **PARAMETERS) == outcome(method, **PARAMETERS)
    assert len(eks.requests) == 2, "each sends one request"


def test_a_repeated_call_sends_the_request_of_botocore(eks: Eks, monkeypatch: pytest.MonkeyPatch) -> None:
    method, repeats = botocore_and_repeated()
    moment = botocore.auth.get_current_datetime()
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda: moment)
    eks.requests.clear()
    repeats(**PARAMETERS)
    method(**PARAMETERS)
    (repeated_path, repeated_headers), (path, headers) = eks.requests
    repeated_id, id_ = repeated_headers.pop("amz-sdk-invocation-id"), headers.pop("amz-sdk-invocation-id")
    assert (repeated_path, repeated_headers) == (path, headers)
    assert headers["X-Amz-Security-Token"] == "first"
    assert repeated_id != id_
    assert UUID4.fullmatch(repeated_id)
    assert UUID4.fullmatch(id_)


@pytest.mark.parametrize(
    "params",
    [
        {"clusterName": "demo"},
        {**PARAMETERS, "other": "x"},
        {**PARAMETERS, "associationId": ""},
        {**PARAMETERS, "associationId": None},
        {**PARAMETERS, "associationId": "a/b c?ü"},
        {**PARAMETERS, "clusterName": ".."},
    ],
    ids=str,
)
def test_other_requests_are_made_by_botocore(eks: Eks, params: dict[str, Any]) -> None:
    method, repeats = botocore_and_repeated()
    eks.requests.clear()
    assert outcome(repeats, **params) == outcome(method, **params)
    paths = [path for path, _ in eks.requests]
    assert len(paths) in (0, 2)
    assert len(set(paths)) <= 1


def test_credentials_are_read_for_each_call(eks: Eks) -> None:
    session = AwsSession(None, None, env=os.environ)
    _, repeats = botocore_and_repeated(session)
    credentials: Any = session._core.get_credentials()
    credentials.token = "second"
    repeats(**PARAMETERS)
    credentials.token = None
    repeats(**PARAMETERS)
    assert [headers.get("X-Amz-Security-Token") for _, headers in eks.requests] == ["first", "second", None]
    assert "x-amz-security-token" not in eks.requests[-1][1]["Authorization"]


@pytest.mark.parametrize("name", ["full", "throttled", "closed", "no JSON"])
def test_a_repeated_call_has_the_record_of_botocore(eks: Eks, name: str) -> None:
    records: list[CallRecord] = []
    method, repeats = botocore_and_repeated(AwsSession(None, None, env=os.environ, on_call=records.append))
    eks.answer = ANSWERS[name]
    records.clear()
    outcome(repeats, **PARAMETERS)
    outcome(method, **PARAMETERS)
    repeated, direct = records
    assert repeated.seconds > 0
    assert replace(repeated, seconds=direct.seconds) == direct


@table(
    ("parsed", "request_id", "error"),
    [
        ({"ResponseMetadata": {"RequestId": "r-1"}, "clusters": []}, "r-1", ""),
        (
            {"ResponseMetadata": {"RequestId": "r-2"}, "Error": {"Code": "ThrottlingException"}},
            "r-2",
            "ThrottlingException",
        ),
        ({"Error": {}}, "", ""),
        ([], "", ""),
        (None, "", ""),
    ],
)
def test_the_record_of_a_call_has_its_request_id_and_error_code(parsed: object, request_id: str, error: str) -> None:
    record = call_record("eks", "ListClusters", 0.5, AWSResponse("", 429, {}, None), parsed)
    assert record == CallRecord("eks", "ListClusters", 0.5, 429, request_id, error)


@pytest.mark.parametrize("repeated", [False, True])
def test_an_answer_over_the_size_limit_is_an_error(eks: Eks, monkeypatch: pytest.MonkeyPatch, repeated: bool) -> None:
    method, repeats = botocore_and_repeated()
    call = repeats if repeated else method
    body = json.dumps({"association": {"clusterName": "demo"}}).encode()
    eks.answer = answer(body)
    monkeypatch.setattr("podid.aws.requests.LARGEST_ANSWER", len(body))
    assert call(**PARAMETERS)["association"]["clusterName"] == "demo"
    monkeypatch.setattr("podid.aws.requests.LARGEST_ANSWER", len(body) - 1)
    with pytest.raises(TooLarge):
        call(**PARAMETERS)


def test_requests_use_the_proxy(eks: Eks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://eks.example.invalid/base")
    monkeypatch.setenv("HTTP_PROXY", eks.url)
    _, repeats = botocore_and_repeated()
    assert repeats(**PARAMETERS)["association"]["namespace"] == "shop"
    expected_url = "http://eks.example.invalid/base/clusters/demo/pod-identity-associations/a-0123456789abcdef0"
    assert [path for path, _ in eks.requests] == [expected_url, expected_url]


def test_a_request_with_another_signed_header_is_made_by_botocore(eks: Eks) -> None:
    session = AwsSession(None, None, env=os.environ)
    api = session.eks._api

    def add_header(request: AWSRequest, **_: object) -> None:
        request.headers.add_header("x-amz-extra", "1")

    api.client.meta.events.register_first(f"request-created.eks.{OPERATION}", add_header)
    repeats = api._repeats[OPERATION]
    for _ in range(2):
        assert repeats(**PARAMETERS)["association"]["namespace"] == "shop"
    assert repeats._template is None
    assert [headers["x-amz-extra"] for _, headers in eks.requests] == ["1", "1"]


def test_the_members_of_a_repeated_operation_are_all_in_its_path() -> None:
    for service, operations in REPEATED.items():
        model = botocore.session.get_session().get_service_model(service)
        assert model.metadata["protocol"] == "rest-json"
        for operation in map(model.operation_model, operations):
            assert operation.http["method"] == "GET"
            locations = {name: m.serialization["location"] for name, m in operation.input_shape.members.items()}
            assert locations == dict.fromkeys(locations, "uri")


def test_a_repeated_call_takes_little_more_than_half_of_the_function_calls_of_botocore(eks: Eks) -> None:
    """Function calls are counted because seconds depend on the load of the machine."""
    session = AwsSession(None, None, env=os.environ)
    method, repeats = botocore_and_repeated(session)
    direct, repeated = calls(lambda: method(**PARAMETERS)), calls(lambda: repeats(**PARAMETERS))
    gateway = calls(lambda: session.eks.get_association("demo", PARAMETERS["associationId"]))
    assert repeated < 0.6 * direct
    assert gateway < repeated + 110


def calls(fn: Callable[[], object]) -> int:
    """Return the number of Python functions that the second call of `fn` calls in this thread."""
    count = 0

    def look(frame: object, event: str, arg: object) -> None:
        nonlocal count
        count += event == "call"

    fn()
    before = sys.getprofile()
    sys.setprofile(look)
    try:
        fn()
    finally:
        sys.setprofile(before)
    return count
