"""A repeated call gives what botocore's own gives, whatever the answer is, and costs half of it."""

import json
import os
import re
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import botocore.auth
import pytest

from podid.aws.requests import REPEATED, CallRecord, Repeats
from podid.aws.session import AwsSession

OPERATION = "DescribePodIdentityAssociation"
ASKED = {"clusterName": "demo", "associationId": "a-0123456789abcdef0"}
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
    """Answers everything alike, and keeps what it was asked; None for an answer closes the connection."""

    def __init__(self) -> None:
        self.answer: tuple[int, dict[str, str], bytes] | None = (200, {}, b"{}")
        self.asked: list[tuple[str, dict[str, str]]] = []
        eks = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1

            def log_message(self, format: str, *args: object) -> None:
                """Silent."""

        def get(self: BaseHTTPRequestHandler) -> None:
            eks.asked.append((self.path, dict(self.headers.items())))
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
    running.asked.clear()
    running.answer = answer({"association": ASSOCIATION})
    keys = {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "x", "AWS_SESSION_TOKEN": "first"}
    for name, value in {**keys, "AWS_REGION": "us-west-2", "AWS_ENDPOINT_URL": running.url}.items():
        monkeypatch.setenv(name, value)
    return running


def answer(body: object, status: int = 200, **headers: str) -> tuple[int, dict[str, str], bytes]:
    given = body if isinstance(body, bytes) else json.dumps(body).encode()
    return status, {"x-amzn-requestid": "r-1", **{name.replace("_", "-"): v for name, v in headers.items()}}, given


def both(session: AwsSession | None = None) -> tuple[Callable[..., Any], Repeats]:
    """botocore's own way, and the repeated one, which has seen its first call."""
    api = (session or AwsSession(None, None, env=os.environ)).eks._api
    repeats = api._repeats[OPERATION]
    with suppress(Exception):
        repeats(**ASKED)
    return api.client.describe_pod_identity_association, repeats


LEFT_OUT = ("date", "RetryAttempts", "MaxAttemptsReached")


def outcome(call: Callable[..., Any], **params: object) -> object:
    """What it returns or raises, but for the time of the answer and what botocore's retries, which are off, say of
    themselves."""
    try:
        decoded = call(**params)
    except Exception as error:  # noqa: BLE001  it is what is compared
        response = getattr(error, "response", {})
        return type(error).__qualname__, str(error), settled(response)
    return settled(decoded)


def settled(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, dict):
        return {name: settled(item) for name, item in value.items() if name not in LEFT_OUT}
    return [settled(item) for item in value] if isinstance(value, list) else value


WRONG = {"message": "no", "clusterName": "demo"}
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
    "not found": answer(WRONG, 404, x_amzn_errortype="ResourceNotFoundException"),
    "denied": answer(WRONG, 403, x_amzn_errortype="AccessDeniedException:http://internal"),
    "expired": answer({"__type": "ExpiredTokenException", "Message": "old"}, 403),
    "throttled": answer(WRONG, 429, x_amzn_errortype="TooManyRequestsException"),
    "unmodelled": answer(WRONG, 400, x_amzn_errortype="Other"),
    "failed": answer(WRONG, 500, x_amzn_errortype="ServerException"),
    "a proxy's page": answer(b"<html>Bad gateway</html>", 502, content_type="text/html"),
    "closed": None,
}


@pytest.mark.parametrize("name", ANSWERS)
def test_the_outcome_is_botocores(eks: Eks, name: str) -> None:
    method, repeats = both()
    assert repeats._template is not None
    eks.answer = ANSWERS[name]
    eks.asked.clear()
    assert outcome(repeats, **ASKED) == outcome(method, **ASKED)
    assert len(eks.asked) == 2, "each sends once"


def test_the_request_is_botocores(eks: Eks, monkeypatch: pytest.MonkeyPatch) -> None:
    method, repeats = both()
    moment = botocore.auth.get_current_datetime()
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda: moment)
    eks.asked.clear()
    repeats(**ASKED)
    method(**ASKED)
    (path, ours), (theirs_path, theirs) = eks.asked
    ids = [headers.pop("amz-sdk-invocation-id") for headers in (ours, theirs)]
    assert (path, ours) == (theirs_path, theirs)
    assert theirs["X-Amz-Security-Token"] == "first"
    assert ids[0] != ids[1]
    assert all(
        re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", each) for each in ids
    )


@pytest.mark.parametrize(
    "params",
    [
        {"clusterName": "demo"},
        {**ASKED, "other": "x"},
        {**ASKED, "associationId": ""},
        {**ASKED, "associationId": None},
        {**ASKED, "associationId": "a/b c?ü"},
        {**ASKED, "clusterName": ".."},
    ],
    ids=str,
)
def test_other_requests_are_made_by_botocore(eks: Eks, params: dict[str, Any]) -> None:
    method, repeats = both()
    eks.asked.clear()
    assert outcome(repeats, **params) == outcome(method, **params)
    paths = [path for path, _ in eks.asked]
    assert len(paths) in (0, 2)
    assert len(set(paths)) <= 1


def test_credentials_are_read_for_each_call(eks: Eks) -> None:
    session = AwsSession(None, None, env=os.environ)
    _, repeats = both(session)
    credentials: Any = session._core.get_credentials()
    credentials.token = "second"
    repeats(**ASKED)
    credentials.token = None
    repeats(**ASKED)
    assert [headers.get("X-Amz-Security-Token") for _, headers in eks.asked] == ["first", "second", None]
    assert "x-amz-security-token" not in eks.asked[-1][1]["Authorization"]


def test_every_attempt_is_told_as_of_botocore(eks: Eks) -> None:
    records: list[CallRecord] = []
    method, repeats = both(AwsSession(None, None, env=os.environ, on_call=records.append))
    for given in (ANSWERS["full"], ANSWERS["throttled"], ANSWERS["closed"], ANSWERS["no JSON"]):
        eks.answer = given
        told = []
        for call in (repeats, method):
            records.clear()
            outcome(call, **ASKED)
            told.append([(r.service, r.operation, r.status, r.request_id, r.error) for r in records])
            assert all(record.seconds > 0 for record in records)
        assert told[0] == told[1]


def test_requests_use_the_proxy(eks: Eks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://eks.example.invalid/base")
    monkeypatch.setenv("HTTP_PROXY", eks.url)
    _, repeats = both()
    assert repeats(**ASKED)["association"]["namespace"] == "shop"
    expected_url = "http://eks.example.invalid/base/clusters/demo/pod-identity-associations/a-0123456789abcdef0"
    assert [path for path, _ in eks.asked] == [expected_url, expected_url]


def test_nothing_is_repeated_that_is_not_signed_as_podid_signs(eks: Eks) -> None:
    session = AwsSession(None, None, env=os.environ)
    api = session.eks._api
    extra = lambda request, **_: request.headers.add_header("x-amz-extra", "1")  # noqa: E731  a hook of somebody else
    api.client.meta.events.register_first(f"request-created.eks.{OPERATION}", extra)
    repeats = api._repeats[OPERATION]
    for _ in range(2):
        assert repeats(**ASKED)["association"]["namespace"] == "shop"
    assert repeats._template is None
    assert [headers["x-amz-extra"] for _, headers in eks.asked] == ["1", "1"]


def test_each_of_them_is_an_operation_whose_members_are_all_in_its_path() -> None:
    import botocore.session

    for service, operations in REPEATED.items():
        model = botocore.session.get_session().get_service_model(service)
        for operation in map(model.operation_model, operations):
            assert operation.http["method"] == "GET"
            assert all(m.serialization["location"] == "uri" for m in operation.input_shape.members.values())
            assert model.metadata["protocol"] == "rest-json"


def test_a_request_takes_half_of_the_time_of_botocore(eks: Eks) -> None:
    """In calls of Python functions: seconds differ with what else the machine does."""
    session = AwsSession(None, None, env=os.environ)
    method, repeats = both(session)
    own, repeated = calls(lambda: method(**ASKED)), calls(lambda: repeats(**ASKED))
    gateway = calls(lambda: session.eks.get_association("demo", ASKED["associationId"]))
    assert repeated < 0.6 * own
    assert gateway < repeated + 100


def calls(fn: Callable[[], object]) -> int:
    """How many functions of Python it calls in this thread once it is warm."""
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
