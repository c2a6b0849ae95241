"""Calls to one AWS service: paced, retried, paged, and with podid's errors only.

A function of `podid.aws.decode` reads each answer, so an answer of an unexpected form is an UnreadableAnswer; after a
write it is a LostAnswer.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any, TypeVar, overload

from botocore import xform_name
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from podid.aws.errors import SERVICE_NAMES, Origin, translate, unreadable
from podid.aws.form import check_form, last_answer
from podid.aws.requests import Repeats
from podid.calls import pacing
from podid.calls.deadline import NEVER, Deadline, Overdue
from podid.calls.pacing import Pacer
from podid.calls.written import KnownChanges
from podid.domain.errors import ClusterNotFound, ConnectionLost, InvalidInput, NotFound, PodidError, ServerFailed
from podid.domain.foreign import Malformed, Object, Reading, as_object, flag_or, names, pages, text_or
from podid.domain.names import Arn

T = TypeVar("T")

# AWS answers within a second, or not at all
CALL_SECONDS = 30.0
# an operation that fails for longer is reported as being retried
SILENT_SECONDS = 2.0
# the page token in requests and answers, where it is not nextToken
_POSITIONS = {"iam": "Marker", **dict.fromkeys(("ec2", "cloudtrail", "organizations", "account"), "NextToken")}
# botocore's errors for an answer that does not match its model
UNPARSABLE = (
    *(ResponseParserError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RuntimeError),
)


class Api:
    """One boto3 client. Operations have AWS's names; messages call the object `subject`; `account` returns the
    caller's account, empty until it is known, and `owner` that of the cluster; `written` is what
    podid wrote."""

    def __init__(
        self,
        client: Any,
        pacer: Pacer,
        origin: Origin,
        deadline: Deadline = NEVER,
        *,
        repeats: Mapping[str, Repeats] | None = None,
        say: Callable[[str], None] | None = None,
        account: Callable[[], str] = str,
        owner: Callable[[], str] = str,
        written: KnownChanges | None = None,
    ) -> None:
        self.client = client
        self.pacer = pacer
        self.origin = origin
        self.deadline = deadline
        self._repeats = repeats or {}
        self._say = say
        self._account = account
        self._owner = owner
        self.written = written or KnownChanges()
        self._failing: dict[str, float] = {}  # operation -> since when; 0 once reported
        self.service = str(client.meta.service_model.service_name)

    def _send(self, operation: str, params: Mapping[str, Any], subject: str, read: Reading[T]) -> T:
        method = self._repeats.get(operation) or getattr(self.client, xform_name(operation))
        translated = partial(translate, service=self.service, operation=operation, subject=subject, origin=self.origin)
        last_answer.set(None)
        try:
            answer = as_object(self.deadline.call(lambda: method(**params), CALL_SECONDS))
            if (raw := last_answer.get()) is not None:
                check_form(self.client.meta.service_model.operation_model(operation), raw)
            return read(answer)
        except Overdue as error:
            name, on = SERVICE_NAMES.get(self.service, self.service), f" for {subject}" if subject else ""
            raise ConnectionLost(
                f"{name} sent an incomplete answer to {operation}{on} {error}",
                subject=subject,
                advice="Check AWS_ENDPOINT_URL and the proxy, or pass a longer --timeout.",
            ) from None
        except (ClientError, BotoCoreError) as error:
            raise translated(error) from error
        except Malformed as error:
            raise unreadable(self.service, operation, subject, str(error)) from None
        except UNPARSABLE as error:
            raw = last_answer.get()
            status = raw.status if raw is not None else 0
            if status >= 300:  # a load balancer or a proxy answered: botocore rejects such a body if it expects XML
                raise translated(ClientError({"ResponseMetadata": {"HTTPStatusCode": status}}, operation)) from error
            # the text of the error may quote the answer
            raise unreadable(self.service, operation, subject, "it does not match the service's API") from error

    def read(self, operation: str, params: Mapping[str, Any], subject: str, read: Reading[T]) -> T:
        """Return the answer as `read` decodes it. `read` raises Malformed for an unexpected form."""

        def once() -> T:
            try:
                value = self._send(operation, params, subject, read)
            except (ServerFailed, ConnectionLost) as error:
                self._tell(operation, error)
                raise
            self._failing.pop(operation, None)
            return value

        # a failure in one cluster says little about another
        return self.pacer.call(once, f"{operation} {params.get('clusterName', '')}")

    def _tell(self, operation: str, error: PodidError) -> None:
        now = time.monotonic()
        since = self._failing.setdefault(operation, now)
        if self._say is not None and since and now - since >= SILENT_SECONDS:
            self._failing[operation] = 0.0
            self._say(f"{error.message}; retrying")

    def find(self, operation: str, params: Mapping[str, Any], subject: str, read: Reading[T]) -> T | None:
        """Return as `read` does, or None if the object does not exist. Raise ClusterNotFound without its cluster."""
        try:
            return self.read(operation, params, subject, read)
        except ClusterNotFound:
            raise
        except NotFound:
            return None

    @overload
    def write(self, operation: str, params: Mapping[str, Any], subject: str) -> None: ...
    @overload
    def write(self, operation: str, params: Mapping[str, Any], subject: str, read: Reading[T]) -> T: ...
    def write(self, operation: str, params: Mapping[str, Any], subject: str, read: Reading[Any] | None = None) -> Any:
        """Send a change. Raise LostAnswer if it may or may not have been made."""
        return self.pacer.write(lambda: self._send(operation, params, subject, read or (lambda answer: None)))

    def items(self, operation: str, params: Mapping[str, Any], subject: str, read: Reading[Iterable[T]]) -> Iterator[T]:
        """Yield the items of all pages. A page is requested when its items are used."""
        position = _POSITIONS.get(self.service, "nextToken")

        def read_page(answer: Object) -> tuple[list[T], str]:
            token = text_or(answer, position)
            if not token and flag_or(answer, "IsTruncated"):
                raise Malformed(f"it is truncated and has no {position}")
            return list(read(answer)), token

        def page(token: str) -> tuple[list[T], str]:
            request = {**params, position: token} if token else params
            return self.read(operation, request, subject, read_page)

        try:
            for items in pages(page):
                yield from items
        except Malformed as error:
            raise unreadable(self.service, operation, subject, str(error)) from None

    def some(self, operation: str, params: Mapping[str, Any], subject: str, read: Reading[Iterable[T]]) -> list[T]:
        """Return the items of all pages of a list that is never empty."""
        items = list(self.items(operation, params, subject, read))
        if not items:
            raise unreadable(self.service, operation, subject, "it lists nothing")
        return items

    def names(self, operation: str, params: Mapping[str, Any], subject: str, member: str) -> Iterator[str]:
        """Yield each name that `member` lists on the pages once, even if the service repeats it."""
        yielded: set[str] = set()
        for name in self.items(operation, params, subject, names(member)):
            if name not in yielded:
                yielded.add(name)
                yield name

    def find_listed(
        self, operation: str, params: Mapping[str, Any], subject: str, member: str, find: Callable[[str], T | None]
    ) -> dict[str, T]:
        """Return the result of `find` by listed name, sorted. Names that no longer exist are omitted."""
        pairs = pacing.fan_out(find, self.names(operation, params, subject, member))
        return dict(sorted((name, value) for name, value in pairs if value is not None))

    def of_caller(
        self, read: Reading[T], member: str, service: str, resource: Reading[str] | None = None
    ) -> Reading[T]:
        """Return a reader that accepts only objects of this caller: the ARN in `member` must be of `service`, in the
        session's partition, region and account, and of the `resource` that other members name. Later writes use it."""

        def checked(data: Object) -> T:
            if value := text_or(data, member):
                expected = "" if resource is None else resource(data)
                self._check(value, f"its {member}", service, expected)
            return read(data)

        return checked

    def _check(self, value: str, member: str, service: str, resource: str) -> None:
        try:
            arn = Arn.parse(value)
        except InvalidInput:
            raise Malformed(f"{member} is not an ARN") from None
        region, account = "" if service == "iam" else self.origin.region, self._account()
        if arn.service != service or (resource and arn.resource != resource):
            raise Malformed(f"{member} does not match the request")
        for actual, expected, word in (
            (arn.partition, self.origin.partition, "partition"),
            (arn.region, region, "region"),
            (arn.account, account, "account"),
        ):
            if expected and actual != expected:
                raise Malformed(f"{member} belongs to another {word}")

    def key(self, *names: str) -> tuple[str, ...]:
        """Return the key in `written` of a resource of the caller's account."""
        owner = self._account() or self._owner() or f"profile {self.origin.profile}"
        return self.service, owner, "" if self.service == "iam" else self.origin.region, *names

    def supports(self, operation: str, member: str) -> bool:
        """Return whether the installed botocore supports this request member."""
        shape = self.client.meta.service_model.operation_model(operation).input_shape
        return shape is not None and member in shape.members


class ServiceGateway:
    """The base of a client for one service."""

    def __init__(self, api: Api) -> None:
        self._api = api
