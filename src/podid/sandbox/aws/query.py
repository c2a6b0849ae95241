"""The query protocol: form parameters in, XML out. https://smithy.io/2.0/aws/protocols/aws-query-protocol.html"""

from collections.abc import Mapping, Sequence
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from podid.sandbox.http import HttpAnswer

Form = dict[str, str]
XmlValue = str | Mapping[str, "XmlValue"] | Sequence["XmlValue"]


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


def tags(form: Form) -> tuple[tuple[str, str], ...]:
    """The pairs `Tags.member.1.Key`, `Tags.member.1.Value`, …"""
    found: list[tuple[str, str]] = []
    while (key := form.get(f"Tags.member.{len(found) + 1}.Key")) is not None:
        found.append((key, form.get(f"Tags.member.{len(found) + 1}.Value", "")))
    return tuple(found)


def render(action: str, result: Mapping[str, XmlValue], namespace: str, request_id: str) -> HttpAnswer:
    """A successful answer; lists become <member> elements."""
    body = (
        f'<{action}Response xmlns="{namespace}"><{action}Result>{_xml(result)}</{action}Result>'
        f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{action}Response>"
    )
    return HttpAnswer(200, {"Content-Type": "text/xml", "x-amzn-RequestId": request_id}, body.encode())


def _xml(value: XmlValue) -> str:
    if isinstance(value, str):
        return escape(value)
    if isinstance(value, Mapping):
        return "".join(f"<{name}>{_xml(item)}</{name}>" for name, item in value.items())
    return "".join(f"<member>{_xml(item)}</member>" for item in value)
