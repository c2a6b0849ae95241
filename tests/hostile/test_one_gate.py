"""Every answer passes one gate: an answer that does not have the form of the service is unreadable, whichever operation
of a gateway it answers, and on whichever page. None of them is an empty list, a missing object or a finished change.

The operations are those that the gateways mark with `@needs`; tests/aws/test_marks.py and tests/kube/test_marks.py hold
a call of each."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache, partial

import botocore.session
import pytest

from aws.samples import ORDERS, ROLE
from aws.test_marks import CALLS
from harness import one_in
from podid.aws.eks import Eks
from podid.aws.session import AwsSession
from podid.aws.sts import Sts
from podid.domain.errors import LostAnswer, PodidError, Rejected, UnreadableAnswer
from podid.sandbox.http import HttpAnswer, HttpRequest
from worlds import Site

Call = Callable[[AwsSession], object]
Front = Callable[[str, HttpRequest, Callable[[], HttpAnswer]], HttpAnswer]

PAGE = b"<html><body><h1>Sign in</h1></body></html>"
# name -> status and body of an answer that is none of AWS's
STRANGE: Mapping[str, tuple[int, bytes]] = {
    "a page": (200, PAGE),
    "a page that is not XML": (200, b"<!doctype html><html><head><meta charset=utf-8><title>Sign in<br>"),
    "nothing": (200, b""),
    "nothing, 204": (204, b""),
    "half of JSON": (200, b'{"Events": [{"EventId": "e-1", "EventName": '),
    "half of XML": (200, b"<ListRolesResponse><ListRolesResult><Roles><member>"),
    "an empty object": (200, b"{}"),
    "an empty list": (200, b"[]"),
    "null": (200, b"null"),
    "text": (200, b'"x"'),
    "JSON of another service": (200, b'{"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": []}'),
    "XML of another service": (200, b"<?xml version='1.0'?><ListBucketResult><Name>x</Name></ListBucketResult>"),
    "a page, 400": (400, PAGE),
    "a page, 404": (404, PAGE),
    "nothing, 404": (404, b""),
    "another service's 404": (404, b'{"kind": "Status", "status": "Failure", "reason": "NotFound", "code": 404}'),
    "a gateway's 404": (404, b'{"code": "NotFound", "message": "no such route was found"}'),
    "a gateway's 400": (400, b'{"message": "ValidationError"}'),
}
# these send nothing, or stop at the first answer
SILENT = {Sts.get_cluster_token, Eks.list_late}
# EKS's answer to these has no member: an object is one of EKS's
WITHOUT_MEMBERS = {Eks.tag_association, Eks.untag_association}
OBJECTS = ("an empty object", "JSON of another service")
# a hint only: the cluster is known to be missing
HINTS = {(Eks.get_cluster, "ListClusters")}


@contextmanager
def fronted(site: Site, front: Front) -> Iterator[None]:
    """Let `front` answer all requests to the account."""
    gateway = site.box.gateway
    genuine = gateway.answer

    def answer(request: HttpRequest) -> HttpAnswer:
        return front(gateway.name(request).operation, request, partial(genuine, request))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gateway, "answer", answer)
        yield


UNREAD = (UnreadableAnswer, LostAnswer, Rejected)


def unread(site: Site, call: Call, errors: type[PodidError] | tuple[type[PodidError], ...] = UNREAD) -> str:
    """Return "" if the call reports one of the `errors`, by itself or in place of an item; otherwise its result. It has
    a new session: an operation that failed is not called again for a moment."""
    try:
        result = call(new(site))
    except PodidError as error:
        return "" if isinstance(error, errors) else f"{type(error).__name__}: {error}"
    items = [item[-1] for item in result if isinstance(item, tuple)] if isinstance(result, list) else []
    return "" if any(isinstance(item, errors) for item in items) else f"returned {result!r:.200}"


def new(site: Site) -> AwsSession:
    return AwsSession(None, "us-west-2", env=site.env, patience=0.01)


def strange(name: str) -> HttpAnswer:
    status, body = STRANGE[name]
    return HttpAnswer(status, {"Content-Type": "text/html" if body.startswith(b"<") else "application/json"}, body)


@pytest.mark.parametrize("name", one_in(3, STRANGE))
def test_the_first_answer_of_each_operation(account: Site, name: str) -> None:
    wrong = []
    with fronted(account, lambda *_: strange(name)):
        for operation, call in CALLS.items():
            if operation in SILENT or (operation in WITHOUT_MEMBERS and name in OBJECTS):
                continue
            if problem := unread(account, call):
                wrong.append((operation.__qualname__, problem))
    assert wrong == []


@pytest.mark.parametrize("name", one_in(6, STRANGE))
def test_each_answer_of_each_operation(account: Site, name: str) -> None:
    """All other answers are genuine, so that the operation gets that far."""
    new(account).eks.create_association("demo", ORDERS, ROLE, token="t-0")
    wrong = []
    for operation, call in CALLS.items():
        for request in dict.fromkeys(requests_of(account, call)):
            if (operation, request) in HINTS or (operation in WITHOUT_MEMBERS and name in OBJECTS):
                continue
            with fronted(account, only(request, strange(name))):
                if problem := unread(account, call):
                    wrong.append((operation.__qualname__, request, problem))
    assert wrong == []


def only(operation: str, answer: HttpAnswer) -> Front:
    """Return a front that gives one operation this answer."""
    return lambda sent, _, genuine: answer if sent == operation else genuine()


def requests_of(site: Site, call: Call) -> list[str]:
    """Return the operations of AWS that the call sends to the sandbox."""
    sent: list[str] = []

    def front(operation: str, request: HttpRequest, genuine: Callable[[], HttpAnswer]) -> HttpAnswer:
        sent.append(operation)
        return genuine()

    with fronted(site, front), suppress(PodidError):
        call(new(site))
    return sent


# --- later pages ------------------------------------------------------------------------------------------------------

TOKEN = "podid-second-page"
# of an answer that has no other page
AFTERWARDS: Mapping[str, Callable[[HttpAnswer], HttpAnswer]] = {
    "a page": lambda _: strange("a page"),
    "nothing": lambda _: strange("nothing"),
    "half of JSON": lambda _: strange("half of JSON"),
    "an empty object": lambda _: strange("an empty object"),
    "a failure": lambda _: HttpAnswer(500, {}, b""),
    "a denial": lambda _: HttpAnswer(403, {"x-amzn-ErrorType": "AccessDeniedException"}, b"{}"),
    "the same page": lambda page: page,
}


@cache
def token_of(service: str, operation: str) -> str:
    """Return the member of the answer with the token of the next page; empty without one."""
    model = botocore.session.get_session().get_service_model(service.replace("access-a", "accessa"))
    output = model.operation_model(operation).output_shape
    members = output.members if output is not None else {}
    return next((name for name in ("nextToken", "NextToken", "Marker") if name in members), "")


def with_token(answer: HttpAnswer, member: str) -> HttpAnswer:
    """Return the page as one that others follow."""
    body = answer.body
    if body.lstrip().startswith(b"{"):
        body = json.dumps({**json.loads(body), member: TOKEN}).encode()
    elif member == "Marker":
        body = re.sub(rb"<IsTruncated>\w+</IsTruncated>|<Marker>[^<]*</Marker>", b"", body)
        more = f"<IsTruncated>true</IsTruncated><Marker>{TOKEN}</Marker>".encode()
        body = re.sub(rb"(</\w+Result>)", more + rb"\1", body)
    else:
        body = re.sub(rb"(</\w+Response>)", f"<nextToken>{TOKEN}</nextToken>".encode() + rb"\1", body)
    return HttpAnswer(answer.status, {k: v for k, v in answer.headers.items() if k.lower() != "content-length"}, body)


@pytest.mark.parametrize("name", AFTERWARDS)
def test_a_second_page_that_is_not_read(account: Site, name: str) -> None:
    """Half a list is no list: never the first page as a whole."""
    new(account).eks.create_association("demo", ORDERS, ROLE, token="t-0")
    first: dict[str, HttpAnswer] = {}
    later: list[str] = []

    def front(sent: str, request: HttpRequest, genuine: Callable[[], HttpAnswer]) -> HttpAnswer:
        if TOKEN.encode() in request.body or TOKEN in request.target:
            later.append(sent)
            return AFTERWARDS[name](first[sent])
        member, answer = token_of(account.box.gateway.name(request).service, sent), genuine()
        if not member or answer.status != 200:
            return answer
        first[sent] = with_token(answer, member)
        return first[sent]

    wrong, paged = [], set[str]()
    with fronted(account, front):
        for operation, call in CALLS.items():
            if operation is not Eks.get_cluster:
                later.clear()
                problem = unread(account, call, PodidError)
                paged.update(later)
                if later and problem:
                    wrong.append((operation.__qualname__, problem))
    assert wrong == []
    assert paged == first.keys() > {"LookupEvents", "ListRoles"}
