"""Refusals of an API server, with the exact messages of kube-apiserver 1.36."""

from podid.domain.errors import PodidError
from podid.sandbox.kube.kinds import KubeKind
from podid.sandbox.kube.objects import Obj

DNS_SUBDOMAIN = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start "
    "and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    r"'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)


class StatusError(PodidError, code="KubernetesStatus"):
    """An answer of `kind: Status`. `body` is the body of the response."""

    def __init__(self, status: int, reason: str, message: str, details: Obj | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.reason = reason
        self.details = details

    @property
    def body(self) -> Obj:
        body: Obj = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": self.message}
        if self.reason:
            body["reason"] = self.reason
        if self.details is not None:
            body["details"] = self.details
        body["code"] = self.status
        return body


def _details(kind: KubeKind, name: str = "", *, by_kind: bool = False) -> Obj:
    details: Obj = {}
    if name:
        details["name"] = name
    if kind.group:
        details["group"] = kind.group
    details["kind"] = kind.name if by_kind else kind.plural
    return details


def not_found(kind: KubeKind, name: str) -> StatusError:
    return StatusError(404, "NotFound", f'{kind.qualified} "{name}" not found', _details(kind, name))


def no_such_resource() -> StatusError:
    return StatusError(404, "NotFound", "the server could not find the requested resource", {})


def method_not_allowed() -> StatusError:
    return StatusError(405, "MethodNotAllowed", "the server does not allow this method on the requested resource", {})


def already_exists(kind: KubeKind, name: str) -> StatusError:
    return StatusError(409, "AlreadyExists", f'{kind.qualified} "{name}" already exists', _details(kind, name))


def conflict(kind: KubeKind, name: str) -> StatusError:
    message = (
        f'Operation cannot be fulfilled on {kind.qualified} "{name}": the object has been modified; '
        "please apply your changes to the latest version and try again"
    )
    return StatusError(409, "Conflict", message, _details(kind, name))


def precondition(kind: KubeKind, name: str, field: str, expected: str, actual: str) -> StatusError:
    message = (
        f'Operation cannot be fulfilled on {kind.name} "{name}": the {field} in the precondition ({expected}) does not '
        f"match the {field} in record ({actual}). The object might have been deleted and then recreated"
    )
    return StatusError(409, "Conflict", message, {"name": name, "kind": kind.name})


def bad_request(message: str) -> StatusError:
    return StatusError(400, "BadRequest", message)


def forbidden(kind: KubeKind, name: str, why: str, causes: list[Obj] | None = None) -> StatusError:
    subject = f'{kind.qualified} "{name}"' if name else kind.qualified
    details = _details(kind, name)
    if causes:
        details["causes"] = causes
    return StatusError(403, "Forbidden", f"{subject} is forbidden: {why}", details)


def unauthorized() -> StatusError:
    return StatusError(401, "Unauthorized", "Unauthorized")


def unsupported_media_type() -> StatusError:
    return StatusError(415, "UnsupportedMediaType", "415: Unsupported Media Type", {})


def not_acceptable() -> StatusError:
    message = "only the following media types are accepted: application/json"
    return StatusError(406, "NotAcceptable", message, {})


def unprocessable_patch() -> StatusError:
    return StatusError(422, "Invalid", "the server rejected our request due to an error in our request", {})


def cause(reason: str, message: str, field: str) -> Obj:
    return {"reason": reason, "message": message, "field": field}


def required(field: str, detail: str = "") -> Obj:
    return cause("FieldValueRequired", f"Required value: {detail}" if detail else "Required value", field)


def invalid_value(field: str, value: str, why: str) -> Obj:
    return cause("FieldValueInvalid", f"Invalid value: {value}: {why}", field)


def invalid(kind_name: str, name: str, causes: list[Obj], group: str = "") -> StatusError:
    """Return a 422 with the causes joined as in the API server."""
    messages = [f"{entry['field']}: {entry['message']}" for entry in causes]
    text = messages[0] if len(messages) == 1 else f"[{', '.join(messages)}]"
    qualified = f"{kind_name}.{group}" if group else kind_name
    details: Obj = {}
    if name:
        details["name"] = name
    if group:
        details["group"] = group
    details["kind"] = kind_name
    details["causes"] = causes
    return StatusError(422, "Invalid", f'{qualified} "{name}" is invalid: {text}', details)


def expired(message: str) -> StatusError:
    return StatusError(410, "Expired", message)


def internal_error(message: str) -> StatusError:
    details: Obj = {"causes": [{"message": message}]}
    return StatusError(500, "InternalError", f"Internal error occurred: {message}", details)
