"""What the API server or the network answered, as podid's errors, by the rules in `podid.kube.error_rules`.

A rule's templates may use these words: {what} (the API server), {cluster}, {region}, {hostname}, {whom}; of an answer
{subject}, {message}, {path}, {status}, {doing}, {named} (what does not exist); of the authorizer's text {permission},
{verb}, {resource}, {subresource}, {namespace}; of a missing service account {account}, {account_name},
{account_namespace}; of a request without an answer {cause} and {reach} (what may stand between).
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from podid.domain.errors import PodidError, UnreadableAnswer
from podid.domain.refusals import Refusal, closest
from podid.domain.text import cut, is_page
from podid.kube.error_rules import ANSWERS, NETWORK

_RBAC = re.compile(
    r'cannot (?P<verb>\w+) resource "(?P<resource>[^"]+)" in API group "(?P<group>[^"]*)" '
    r'(?:in the namespace "(?P<namespace>[^"]+)"|at the cluster scope)'
)
_MISSING_ACCOUNT = re.compile(r"error looking up service account (?P<namespace>[^/\s]+)/(?P<name>[^:\s]+):")

# refusals of a read that no other read explains
_WRONG_READS = (400, 405, 406, 415, 422)
_DOING = {"GET": "read", "POST": "create", "PATCH": "change", "DELETE": "delete"}

_SINGULAR = {
    "namespaces": "namespace",
    "pods": "pod",
    "nodes": "node",
    "serviceaccounts": "service account",
    "deployments": "Deployment",
    "statefulsets": "StatefulSet",
    "daemonsets": "DaemonSet",
    "replicasets": "ReplicaSet",
    "jobs": "Job",
    "cronjobs": "CronJob",
    "mutatingwebhookconfigurations": "MutatingWebhookConfiguration",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """Whom the request went to: enough to write a hint. `private` is true when the endpoint is only in the VPC."""

    host: str = ""
    cluster: str = ""
    region: str = ""
    private: bool = False
    how: str = ""

    @property
    def what(self) -> str:
        return f"the API server of cluster {self.cluster}" if self.cluster else f"the API server {self.host}"

    @property
    def words(self) -> dict[str, str]:
        return {
            "what": self.what,
            "cluster": self.cluster,
            "region": self.region,
            "hostname": self.host.split("://", 1)[-1].split("/", 1)[0] or "the API server",
            "whom": self.cluster or self.host,
        }


def of_response(status: int, body: bytes, *, method: str, path: str, where: Where) -> PodidError:
    """The error for an answer of 400 and above; `path` has no query."""
    document = _status_object(body)
    message = _text(document.get("message")) or _shown(body)
    details: Mapping[str, Any] = document["details"] if isinstance(document.get("details"), dict) else {}
    subject = _subject(path, details)
    refusal = Refusal(
        service="kubernetes" if document else "other",
        operation=method,
        code=_code(method, status, message, document, details),
        text=message,
        status=status,
    )
    kind = _text(details.get("kind"))
    words = where.words | _permission(message) | _account(message)
    words |= {
        "subject": subject,
        "message": message,
        "path": path,
        "status": str(status),
        "because": _because(details) or message,
        "doing": _DOING.get(method, method),
        "named": f"{_SINGULAR.get(kind, kind)} {_in_namespace(path, kind)}{_text(details.get('name'))}",
    }
    return closest(ANSWERS, refusal).make(refusal, words, subject=subject)


def unreadable(path: str, why: str, where: Where) -> UnreadableAnswer:
    """The error for an answer that is not of the expected form; `why` names members, and holds nothing foreign."""
    subject = _subject(path, {})
    return UnreadableAnswer(
        f"the answer of {where.what} for {subject} cannot be read: {why}",
        subject=subject,
        advice="Something on the way may have answered instead: check the proxy and the context's server.",
    )


def of_network(error: Exception, where: Where) -> PodidError:
    """The error for a request that got no answer."""
    names = {code for rule in NETWORK for code in rule.codes}
    nearest = next((cls.__name__ for cls in type(error).__mro__ if cls.__name__ in names), "")
    refusal = Refusal(service="network", code=nearest, text=str(error))
    reach = (
        "Its endpoint is private: it can be reached only from inside the VPC (VPN, bastion, SSM tunnel)."
        if where.private
        else "Its endpoint may be private or limited to some addresses (publicAccessCidrs); from outside the VPC use a "
        "VPN or a tunnel, and set HTTPS_PROXY where a proxy is needed."
    )
    words = where.words | {"cause": _cause(error), "reach": reach}
    return closest(NETWORK, refusal).make(refusal, words, subject=where.host)


def _because(details: Mapping[str, Any]) -> str:
    """What the first cause says."""
    return next((_text(cause.get("message")) for cause in _causes(details)), "")


def _causes(details: Mapping[str, Any]) -> list[dict[str, Any]]:
    given = details.get("causes")
    return [cause for cause in given if isinstance(cause, dict)] if isinstance(given, list) else []


def _code(method: str, status: int, message: str, document: Mapping[str, Any], details: Mapping[str, Any]) -> str:
    """The Status' reason, or what tells more. A 404 of a path that is not served names no object."""
    causes = [cause.get("reason") for cause in _causes(details)]
    if status == 429 and "DisruptionBudget" in causes:
        return "DisruptionBudget"
    if status == 404:
        name, kind = details.get("name"), details.get("kind")
        return "" if not name else "NoServiceAccount" if kind == "serviceaccounts" else "NotFound"
    if status == 403 and _MISSING_ACCOUNT.search(message):
        return "MissingServiceAccount"
    if status == 403 and _RBAC.search(message):
        return "MissingRight"
    if status == 403 and "NamespaceTerminating" in causes:
        return "NamespaceTerminating"
    if method == "GET" and status in _WRONG_READS:
        return "Unread"
    return _text(document.get("reason"))


def _permission(message: str) -> dict[str, str]:
    """`list pods in namespace shop` or `list nodes (cluster-wide)` from the authorizer's text, and its parts."""
    found = _RBAC.search(message)
    if found is None:
        return {}
    group = f".{found['group']}" if found["group"] else ""
    resource, slash, sub = found["resource"].partition("/")
    scope = f"in namespace {found['namespace']}" if found["namespace"] else "(cluster-wide)"
    return {
        "permission": f"{found['verb']} {resource}{group}{slash}{sub} {scope}",
        "verb": found["verb"],
        "resource": f"{resource}{group}",
        "subresource": sub,
        "namespace": found["namespace"] or "",
    }


def _account(message: str) -> dict[str, str]:
    found = _MISSING_ACCOUNT.search(message)
    if found is None:
        return {}
    namespace, name = found["namespace"], found["name"]
    return {"account": f"{namespace}/{name}", "account_name": name, "account_namespace": namespace}


def _status_object(body: bytes) -> Mapping[str, Any]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) and document.get("kind") == "Status" else {}


def _shown(body: bytes) -> str:
    """Of an answer that is no Status."""
    text = body[:300].decode("utf-8", "replace").strip()
    return "an HTML page" if is_page(text) else text or "no explanation"


def _text(value: object) -> str:
    return cut(value) if isinstance(value, str) else ""


def _subject(path: str, details: Mapping[str, Any]) -> str:
    """`pod shop/orders-1`, `deployments in namespace shop`, `nodes`, from /api/v1/… and /apis/GROUP/VERSION/…."""
    parts = path.strip("/").split("/")
    parts = parts[2:] if parts[:1] == ["api"] else parts[3:]
    namespace = ""
    if len(parts) >= 3 and parts[0] == "namespaces":
        namespace, parts = parts[1], parts[2:]
    if not parts:
        return path
    if name := parts[1] if len(parts) > 1 else _text(details.get("name")):
        return f"{_SINGULAR.get(parts[0], parts[0])} {f'{namespace}/' if namespace else ''}{name}"
    return f"{parts[0]} in namespace {namespace}" if namespace else parts[0]


def _in_namespace(path: str, kind: str) -> str:
    found = re.search(r"/namespaces/([^/]+)/", path + "/")
    return f"{found[1]}/" if found and kind not in ("namespaces", "nodes") else ""


def _cause(error: BaseException) -> str:
    """The innermost reason, without the object reprs that urllib3 puts in front of it."""
    while inner := error.__cause__ or (None if error.__suppress_context__ else error.__context__):
        error = inner
    return getattr(error, "strerror", None) or str(error).rsplit(">: ", 1)[-1] or type(error).__name__
