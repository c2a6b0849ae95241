"""Every attempt of a call of AWS, for whoever wants to tell it (`-v`): through botocore's event hooks, as its logs and
http.client's print credentials."""

import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One attempt of one call. `status` is 0 and `error` the class of the failure when no answer came."""

    service: str
    operation: str
    seconds: float
    status: int
    request_id: str
    error: str = ""


OnCall = Callable[[CallRecord], None]

# when the call was really sent whose answer botocore is given to look at
sent_at: ContextVar[float | None] = ContextVar("podid_sent_at", default=None)


def watch(client: Any, on_call: OnCall) -> None:
    """Report every attempt of the client, and nothing that is secret."""
    service = client.meta.service_model.service_name

    def began(context: dict[str, Any], **_: object) -> None:
        context["podid_began"] = sent_at.get() or time.monotonic()

    def answered(http_response: Any, parsed: Any, model: Any, context: dict[str, Any], **_: object) -> None:
        on_call(record(service, model.name, time.monotonic() - context["podid_began"], http_response, parsed))

    def failed(exception: Exception, context: dict[str, Any], event_name: str, **_: object) -> None:
        operation = event_name.rsplit(".", 1)[-1]
        seconds = time.monotonic() - context.get("podid_began", time.monotonic())
        on_call(CallRecord(service, operation, seconds, 0, "", type(exception).__name__))

    client.meta.events.register_first("before-call", began)
    client.meta.events.register_last("after-call", answered)
    client.meta.events.register_last("after-call-error", failed)


def record(service: str, operation: str, seconds: float, response: Any, parsed: Any) -> CallRecord:
    """`parsed` is what botocore makes of the response."""
    metadata = parsed.get("ResponseMetadata", {}) if isinstance(parsed, Mapping) else {}
    error = parsed.get("Error", {}).get("Code", "") if isinstance(parsed, Mapping) else ""
    status = int(response.status_code)
    return CallRecord(service, operation, seconds, status, str(metadata.get("RequestId", "")), str(error))
