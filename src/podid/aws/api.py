"""One AWS service as the gateways use it: paced, retried, paged, and with podid's errors only."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from botocore import xform_name
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from podid.aws.pacing import Pacer
from podid.aws.translate import Origin, translate
from podid.domain.errors import PodidError

Answer = Mapping[str, Any]


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

    def _send(self, operation: str, params: Mapping[str, Any], subject: str) -> Answer:
        method = getattr(self.client, xform_name(operation))
        try:
            answer: Answer = method(**params)
        except (ClientError, BotoCoreError, ResponseParserError) as error:
            raise translate(
                error, service=self.service, operation=operation, subject=subject, origin=self.origin
            ) from error
        return answer

    def read(self, operation: str, params: Mapping[str, Any], subject: str = "") -> Answer:
        return self.pacer.call(lambda: self._send(operation, params, subject))

    def write(self, operation: str, params: Mapping[str, Any], subject: str = "") -> Answer:
        """Raises LostAnswer where the change may or may not have been made."""
        return self.pacer.write(lambda: self._send(operation, params, subject))

    def pages(
        self,
        operation: str,
        params: Mapping[str, Any],
        subject: str = "",
        *,
        tokens: PageTokens = NEXT_TOKEN,
    ) -> Iterator[Answer]:
        """All pages, each asked for when it is wanted."""
        position: dict[str, Any] = {}
        while True:
            answer = self.read(operation, {**params, **position}, subject)
            yield answer
            token = answer.get(tokens.answer)
            if not token:
                return
            if position.get(tokens.request) == token:
                raise PodidError(f"{operation} of {self.service} gives the same page again and again", subject=subject)
            position = {tokens.request: token}

    def takes(self, operation: str, member: str) -> bool:
        """Whether the botocore that is installed knows this request member."""
        shape = self.client.meta.service_model.operation_model(operation).input_shape
        return shape is not None and member in shape.members
