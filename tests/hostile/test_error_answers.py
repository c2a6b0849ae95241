"""Error answers that are wrong in one place: each is still an error of podid's, in one piece."""

import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.parsers import create_parser

from foreign import check
from harness import one_in
from podid.aws.api import UNPARSABLE
from podid.aws.errors import translate
from podid.domain.errors import PodidError
from podid.kube.errors import Where, of_response
from podid.render.errors import error_json, error_text
from podid.render.screen import Screen
from podid.sandbox.http import HttpAnswer

from .mutations import STATUSES, mutated, mutations

HEADERS: tuple[dict[str, str], ...] = (
    {},
    {"x-amzn-errortype": "ThrottlingException:http://x", "x-amzn-requestid": "r\n::error ::forged"},
    {"x-amzn-errortype": "\n::error ::forged", "content-type": "text/html"},
)
KUBERNETES = {
    "kind": "Status",
    "message": 'pods is forbidden: User "u" cannot list resource "pods" in API group "" in the namespace "shop"',
    "reason": "Forbidden",
    "details": {"name": "n", "kind": "pods", "causes": [{"reason": "NamespaceTerminating"}], "retryAfterSeconds": 1},
}
REST = {"__type": "ResourceNotFoundException", "message": "No cluster found for name: x.", "code": "c"}
QUERY = (
    b"<ErrorResponse xmlns='https://iam.amazonaws.com/doc/2010-05-08/'><Error><Type>Sender</Type><Code>AccessDenied</Code>"
    b"<Message>User: arn:aws:iam::111122223333:user/u is not authorized to perform: iam:GetRole on resource: role x"
    b"</Message></Error><RequestId>r</RequestId></ErrorResponse>"
)
# service -> protocol and what an error looks like in it
FORMS = {"eks": ("rest-json", json.dumps(REST).encode()), "iam": ("query", QUERY), "sts": ("query", QUERY)}


def wrong(body: bytes) -> Iterator[tuple[int, bytes]]:
    """The answer, and all that can be wrong with it."""
    genuine = HttpAnswer(400, {}, body)
    for status in STATUSES:
        yield status, body
    for mutation in mutations(genuine):
        if mutation.error < 0:
            answer = mutated(genuine, mutation)
            yield answer.status, answer.body


def check_error(error: PodidError) -> None:
    text = error_text(error, ("list",), Screen())
    assert len(text) < 10_000
    check(text)
    check(error_json(error, ("list",)), leading=True)


@pytest.mark.parametrize("path", ["/api/v1/pods", "/api/v1/namespaces/shop/pods/x", "/version"])
def test_kubernetes(path: str) -> None:
    where = Where(host="https://x", cluster="demo", region="us-west-2")
    for status, body in wrong(json.dumps(KUBERNETES).encode()):
        check_error(of_response(status, body, method="GET", path=path, where=where))


@pytest.mark.parametrize(
    ("headers", "service"),
    one_in(2, itertools.product(HEADERS, FORMS)),
    ids=[" ".join(words) for words in itertools.product(("plain", "with the type", "forged"), FORMS)],
)
def test_aws(service: str, headers: dict[str, str]) -> None:
    protocol, body = FORMS[service]
    parser: Any = create_parser(protocol)
    for status, content in wrong(body):
        try:
            parsed = parser.parse({"status_code": max(status, 301), "headers": headers, "body": content}, None)
            refused = ClientError(parsed, "GetRole")
        except UNPARSABLE:
            continue
        check_error(translate(refused, service=service, operation="GetRole", subject="role x"))
