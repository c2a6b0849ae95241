"""The query protocol: form parameters in, XML out. https://smithy.io/2.0/aws/protocols/aws-query-protocol.html"""

from collections.abc import Mapping, Sequence
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from podid.sandbox.aws.errors import Answer

Form = dict[str, str]
Value = str | Mapping[str, "Value"] | Sequence["Value"]


def parse_form(body: bytes, query: str) -> Form:
    """The parameters of the body and of the URL; the body wins."""
    pairs = parse_qsl(query, keep_blank_values=True) + parse_qsl(
        body.decode("utf-8", "replace"), keep_blank_values=True
    )
    return dict(pairs)


def members(form: Form, name: str) -> list[str]:
    """The list `name.member.1`, `name.member.2`, …"""
    found: list[str] = []
    while (value := form.get(f"{name}.member.{len(found) + 1}")) is not None:
        found.append(value)
    return found


def render(action: str, result: Mapping[str, Value], namespace: str, request_id: str) -> Answer:
    """A successful answer; lists become <member> elements."""
    body = (
        f'<{action}Response xmlns="{namespace}"><{action}Result>{_xml(result)}</{action}Result>'
        f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{action}Response>"
    )
    return Answer(200, (("Content-Type", "text/xml"), ("x-amzn-RequestId", request_id)), body.encode())


def _xml(value: Value) -> str:
    if isinstance(value, str):
        return escape(value)
    if isinstance(value, Mapping):
        return "".join(f"<{name}>{_xml(item)}</{name}>" for name, item in value.items())
    return "".join(f"<member>{_xml(item)}</member>" for item in value)
