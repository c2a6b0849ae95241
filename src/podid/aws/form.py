"""The form of every answer of a service: a JSON object, or XML whose root element has the operation's name.

botocore returns an answer without members for a page, half a document, and nothing, if the protocol is JSON. If it is
XML, it does so for every document with other elements. Readers cannot tell such an answer from one about no objects.
"""

import json
import re
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from podid.domain.foreign import Malformed

# after an XML declaration; botocore has parsed the document
_ROOT = re.compile(rb"\s*(?:<\?[^>]*\?>\s*)?<(?:[\w.-]+:)?([\w.-]+)")
_REQUEST_ID = "x-amzn-RequestId"
_XML = ("query", "ec2", "rest-xml")


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """`headers` are case-insensitive."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


# the last answer in this context
last_answer: ContextVar[RawAnswer | None] = ContextVar("podid_last_answer", default=None)


def check_form(operation: Any, answer: RawAnswer) -> None:
    """Raise Malformed if the body does not have the form of the operation, one of botocore's models."""
    output = operation.output_shape
    if output is not None and "payload" in output.serialization:
        return  # the body is a member of any form: its reader checks it
    if operation.service_model.resolved_protocol in _XML:
        root = _ROOT.match(answer.body)
        if root is None or root[1].decode() != f"{operation.name}Response":
            raise Malformed("it is not XML of this operation")
    # each answer of AWS has a request ID, so an empty one without it is not AWS's
    elif answer.body or _REQUEST_ID not in answer.headers or (output is not None and output.members):
        try:
            document = json.loads(answer.body)
        except (ValueError, RecursionError):
            document = None
        if not isinstance(document, dict):
            raise Malformed("it is not a JSON object")
