"""One AWS service as the gateways use it: paced, retried, paged, and with podid's errors only.

An answer leaves here only as what a function of `podid.aws.decode` makes of it, so that one of another form is an
UnreadableAnswer whatever it holds; after a write it is a LostAnswer.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar, overload

from botocore import xform_name
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from podid.aws.errors import SERVICE_NAMES, Origin, translate, unreadable
from podid.aws.requests import Repeats
from podid.calls import pacing
from podid.calls.deadline import NEVER, Deadline, Overdue
from podid.calls.pacing import Pacer
from podid.domain.errors import ClusterNotFound, ConnectionLost, InvalidInput, NotFound, PodidError, ServerFailed
from podid.domain.foreign import Malformed, Object, Reading, as_object, names, pages, text_or
from podid.domain.names import Arn

T = TypeVar("T")

# AWS answers in a second or not at all
CALL_SECONDS = 30.0
# how long an operation fails before somebody is told that it is tried again
SILENT_SECONDS = 2.0
# the member, of the request as of the answer, that carries the position in a list, where it is not nextToken
_POSITIONS = {"iam": "Marker", "ec2": "NextToken", "cloudtrail": "NextToken"}
# what botocore raises for an answer that is not of its model's form
UNPARSABLE = (
    *(ResponseParserError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RuntimeError),
)


class Api:
    """Wraps one boto3 client. Operations have AWS's names; `subject` is what messages call the object; `account` gives
    the caller's, empty as long as nobody has asked for it."""

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
    ) -> None:
        self.client = client
        self.pacer = pacer
        self.origin = origin
        self.deadline = deadline
        self._repeats = repeats or {}
        self._say = say
        self._account = account
        self._failing: dict[str, float] = {}  # operation -> since when; 0 once that was told
        self.service = str(client.meta.service_model.service_name)

    def _send(self, operation: str, params: Mapping[str, Any], subject: str, read: Reading[T]) -> T:
        method = self._repeats.get(operation) or getattr(self.client, xform_name(operation))
        try:
            return read(as_object(self.deadline.call(lambda: method(**params), CALL_SECONDS)))
        except Overdue as error:
            name, on = SERVICE_NAMES.get(self.service, self.service), f" for {subject}" if subject else ""
            raise ConnectionLost(
                f"{name} did not answer {operation}{on} in full {error}",
                subject=subject,
                advice="Check AWS_ENDPOINT_URL and the proxy, or give it more time with --timeout.",
            ) from None
        except (ClientError, BotoCoreError) as error:
            raise translate(
                error, service=self.service, operation=operation, subject=subject, origin=self.origin
            ) from error
        except Malformed as error:
            raise unreadable(self.service, operation, subject, str(error)) from None
        except UNPARSABLE as error:
            # its text may quote the answer
            raise unreadable(self.service, operation, subject, "it is not of the service's form") from error

    def read(self, operation: str, params: Mapping[str, Any], subject: str, read: Reading[T]) -> T:
        """What `read` makes of the answer; it raises Malformed where it cannot."""

        def once() -> T:
            try:
                value = self._send(operation, params, subject, read)
            except (ServerFailed, ConnectionLost) as error:
                self._tell(operation, error)
                raise
            self._failing.pop(operation, None)
            return value

        return self.pacer.call(once, operation)

    def _tell(self, operation: str, error: PodidError) -> None:
        now = time.monotonic()
        since = self._failing.setdefault(operation, now)
        if self._say is not None and since and now - since >= SILENT_SECONDS:
            self._failing[operation] = 0.0
            self._say(f"{error.message}; trying again")

    def find(self, operation: str, params: Mapping[str, Any], subject: str, read: Reading[T]) -> T | None:
        """The same; None where it does not exist, but ClusterNotFound where its cluster does not."""
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
        """Raises LostAnswer where the change may or may not have been made."""
        return self.pacer.write(lambda: self._send(operation, params, subject, read or _nothing))

    def items(self, operation: str, params: Mapping[str, Any], subject: str, read: Reading[Iterable[T]]) -> Iterator[T]:
        """What `read` finds on each of the pages; a page is asked for when it is wanted."""
        position = _POSITIONS.get(self.service, "nextToken")

        def page(token: str) -> tuple[list[T], str]:
            request = {**params, position: token} if token else params
            return self.read(
                operation, request, subject, lambda answer: (list(read(answer)), text_or(answer, position))
            )

        try:
            for items in pages(page):
                yield from items
        except Malformed as error:
            raise unreadable(self.service, operation, subject, str(error)) from None

    def names(self, operation: str, params: Mapping[str, Any], subject: str, member: str) -> Iterator[str]:
        """Each name that `member` lists on the pages, once, whatever the service repeats: they are asked for one by
        one."""
        yielded: set[str] = set()
        for name in self.items(operation, params, subject, names(member)):
            if name not in yielded:
                yielded.add(name)
                yield name

    def each(
        self,
        operation: str,
        params: Mapping[str, Any],
        subject: str,
        member: str,
        find: Callable[[str], T | None],
    ) -> dict[str, T]:
        """Name -> what `find` gives for each of these names, many at once, sorted; what is gone meanwhile is left
        out."""
        pairs = pacing.fan_out(find, self.names(operation, params, subject, member), reads=True)
        return dict(sorted((name, value) for name, value in pairs if value is not None))

    def own(self, read: Reading[T], member: str, service: str, resource: Reading[str] | None = None) -> Reading[T]:
        """Reads an object that has to be this caller's: its ARN, which is `member`, is one of `service` in the
        session's partition, region and account, and of the `resource` that the object's other members name. What is
        written later goes by that ARN."""

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
            raise Malformed(f"{member} is not the one that was asked for")
        for actual, own, word in (
            (arn.partition, self.origin.partition, "partition"),
            (arn.region, region, "region"),
            (arn.account, account, "account"),
        ):
            if own and actual != own:
                raise Malformed(f"{member} is of another {word}")

    def takes(self, operation: str, member: str) -> bool:
        """Whether the botocore that is installed knows this request member."""
        shape = self.client.meta.service_model.operation_model(operation).input_shape
        return shape is not None and member in shape.members


class ServiceGateway:
    """One service as podid uses it."""

    def __init__(self, api: Api) -> None:
        self._api = api


def _nothing(answer: Object) -> None:
    """What a write answers that says no more than that it was made."""
