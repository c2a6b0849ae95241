"""The user that a kubeconfig has its own user act as, as the headers that client-go sends
(https://kubernetes.io/docs/reference/access-authn-authz/user-impersonation/)."""

import re
from collections.abc import Iterator

from podid.domain.foreign import Malformed, Object, inner_or_empty, text_or, texts_or_none

# what a header's name may not hold, and the sign that stands for it; client-go, headerKeyEscape
_ESCAPED = re.compile(rb"[^!#$&'*+.^_`|~0-9A-Za-z-]")


def impersonation(user: Object) -> tuple[tuple[str, str], ...]:
    """Names and values in order, a name as often as it has values; none where the user acts as itself. Raises
    Malformed."""
    headers = tuple(_headers(user))
    if headers and headers[0][0] != "Impersonate-User":
        raise Malformed("as is missing beside as-uid, as-groups or as-user-extra")
    for name, value in headers:
        if not value.isprintable():
            raise Malformed(f"what {name} is to be sent has control characters")
    # http.client writes text as Latin-1, and the API server reads UTF-8
    return tuple((name, value.encode().decode("latin-1")) for name, value in headers)


def _headers(user: Object) -> Iterator[tuple[str, str]]:
    for member, name in (("as", "Impersonate-User"), ("as-uid", "Impersonate-Uid")):
        if value := text_or(user, member):
            yield name, value
    for group in texts_or_none(user, "as-groups"):
        yield "Impersonate-Group", group
    extra = inner_or_empty(user, "as-user-extra")
    for key in extra:
        for value in texts_or_none(extra, key):
            yield f"Impersonate-Extra-{_escaped(str(key))}", value


def _escaped(key: str) -> str:
    return _ESCAPED.sub(lambda found: b"%%%02X" % found[0][0], key.encode()).decode()
