"""One AWS service as the gateways use it: paced, retried, paged, and with podid's errors only.

An answer leaves here only as what a function of `podid.aws.decode` makes of it, so that one of another form is an
UnreadableAnswer whatever it holds; after a write it is a LostAnswer.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, overload

from botocore import xform_name
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from podid.aws.pacing import Pacer
from podid.aws.translate import Origin, translate, unreadable
from podid.domain.foreign import Malformed, Object, as_object, text_or

T = TypeVar("T")
Reading = Callable[[Object], T]

# a list of this many pages would hold a million of what podid lists
MOST_PAGES = 10_000
# what botocore's parsers raise, beside their own error, for an answer that is not of its model's form
_PARSING = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RuntimeError)


@dataclass(frozen=True, slots=True)
class PageTokens:
    """The members that carry a list's position: in the request and in the answer."""

    request: str
    answer: str


NEXT_TOKEN = PageTokens("nextToken", "nextToken")
MARKER = PageTokens("Marker", "Marker")


class Api:
    """Wraps one boto3 client. Operations have AWS's names; `subject` is what messages call the object."""

    def __init__(self, client: Any, pacer: Pacer, origin: Origin) -> None:
        self.client = client
        self.pacer = pacer
        self.origin = origin
        self.service = str(client.meta.service_model.service_name)

    def _send(self, operation: str, params: Mapping[str, Any], subject: str, read: Reading[T]) -> T:
        method = getattr(self.client, xform_name(operation))
        try:
            return read(as_object(method(**params)))
        except (ClientError, BotoCoreError, ResponseParserError) as error:
            raise translate(
                error, service=self.service, operation=operation, subject=subject, origin=self.origin
            ) from error
        except Malformed as error:
            raise unreadable(self.service, operation, subject, str(error)) from None
        except _PARSING as error:
            # its text may quote the answer
            raise unreadable(self.service, operation, subject, type(error).__name__) from error

    def read(self, operation: str, params: Mapping[str, Any], subject: str, read: Reading[T]) -> T:
        """What `read` makes of the answer; it raises Malformed where it cannot."""
        return self.pacer.call(lambda: self._send(operation, params, subject, read))

    @overload
    def write(self, operation: str, params: Mapping[str, Any], subject: str) -> None: ...
    @overload
    def write(self, operation: str, params: Mapping[str, Any], subject: str, read: Reading[T]) -> T: ...
    def write(self, operation: str, params: Mapping[str, Any], subject: str, read: Reading[Any] | None = None) -> Any:
        """Raises LostAnswer where the change may or may not have been made."""
        return self.pacer.write(lambda: self._send(operation, params, subject, read or _nothing))

    def items(
        self,
        operation: str,
        params: Mapping[str, Any],
        subject: str,
        read: Reading[Iterable[T]],
        *,
        tokens: PageTokens = NEXT_TOKEN,
    ) -> Iterator[T]:
        """What `read` finds on each of the pages; a page is asked for when it is wanted."""
        position: dict[str, Any] = {}
        seen: set[str] = set()
        while True:
            found, token = self.read(
                operation, {**params, **position}, subject, lambda page: (read(page), text_or(page, tokens.answer))
            )
            yield from found
            if not token:
                return
            if token in seen:
                raise unreadable(self.service, operation, subject, "it gives the same page again and again")
            if len(seen) == MOST_PAGES:
                raise unreadable(self.service, operation, subject, f"its pages do not end after {MOST_PAGES}")
            seen.add(token)
            position = {tokens.request: token}

    def takes(self, operation: str, member: str) -> bool:
        """Whether the botocore that is installed knows this request member."""
        shape = self.client.meta.service_model.operation_model(operation).input_shape
        return shape is not None and member in shape.members


def _nothing(answer: Object) -> None:
    """What a write answers that says no more than that it was made."""
