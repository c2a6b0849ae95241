"""What the API server or the network answered, as podid's errors: one table for every request.

The texts that are told apart here are Kubernetes' own (apimachinery's Status, the authorizer's and the service account
admission plugin's messages) and were compared with the answers of a kube-apiserver 1.36.
"""

import json
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import urllib3.exceptions as transport_errors

from podid.domain.errors import (
    AccessDenied,
    AlreadyExists,
    Conflict,
    CredentialsError,
    NotFound,
    PodidError,
    Rejected,
    Throttled,
    Unavailable,
)

_RBAC = re.compile(
    r'cannot (?P<verb>\w+) resource "(?P<resource>[^"]+)" in API group "(?P<group>[^"]*)" '
    r'(?:in the namespace "(?P<namespace>[^"]+)"|at the cluster scope)'
)
_MISSING_ACCOUNT = re.compile(r"error looking up service account (?P<namespace>[^/\s]+)/(?P<name>[^:\s]+):")
_ANONYMOUS = 'User "system:anonymous"'

_VERBS = {"GET": "read", "POST": "create", "PATCH": "change", "DELETE": "delete"}

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

    def aws(self, *words: str) -> tuple[str, ...]:
        """An `aws eks …` command line, or nothing where the cluster's name is not known."""
        if not self.cluster:
            return ()
        region = ("--region", self.region) if self.region else ()
        return ("aws", "eks", *words, *region)


def of_response(status: int, body: bytes, *, method: str, path: str, where: Where) -> PodidError:
    """The error for an answer of 400 and above; `path` has no query."""
    document = _status_object(body)
    message = _text(document.get("message")) or body[:300].decode("utf-8", "replace").strip()
    details = document.get("details") if isinstance(document.get("details"), dict) else {}
    assert isinstance(details, dict)
    subject = _subject(path, details)
    if status == 401:
        return unauthorized(where)
    if status == 403:
        return _forbidden(message, details, path=path, subject=subject, where=where, is_status=bool(document))
    if status == 404:
        if details.get("name"):
            kind, name = _text(details.get("kind")), _text(details.get("name"))
            return NotFound(
                f"{_SINGULAR.get(kind, kind)} {_in_namespace(path, kind)}{name} does not exist", subject=subject
            )
        return Rejected(f"{where.what} does not serve {path}", service_code="NotFound", subject=subject)
    if status == 409:
        if document.get("reason") == "AlreadyExists":
            return AlreadyExists(f"{subject} exists already", subject=subject)
        return Conflict(f"{subject} was changed by somebody else meanwhile: {message}", subject=subject)
    if status == 429:
        return Throttled(f"{where.what} asked for fewer requests until the time was up: {message}", subject=subject)
    if status == 410:
        return Unavailable(f"the list of {subject} changed faster than it could be read", subject=subject)
    if status >= 500:
        return Unavailable(f"{where.what} failed with {status}: {message}", subject=subject)
    code = _text(document.get("reason")) or str(status)
    return Rejected(
        f"{where.what} refused to {_VERBS.get(method, method)} {subject}: {message}", service_code=code, subject=subject
    )


def unauthorized(where: Where) -> CredentialsError:
    """401: the server does not know the caller."""
    return CredentialsError(
        f"{where.what} does not know who is calling (401 Unauthorized)",
        subject=where.cluster or where.host,
        hint=where.aws("list-access-entries", "--cluster-name", where.cluster),
        advice="The caller has no access entry (or aws-auth mapping) in this cluster, the credentials are another "
        "cluster's or have expired, or this machine's clock is wrong.",
    )


def of_network(error: Exception, where: Where) -> PodidError:
    """The error for a request that got no answer."""
    if isinstance(error, transport_errors.ProxyError):
        return Unavailable(
            f"the proxy on the way to {where.what} failed: {_cause(error)}",
            subject=where.host,
            advice="Check HTTPS_PROXY, NO_PROXY and the context's proxy-url.",
        )
    if isinstance(error, transport_errors.SSLError | ssl.SSLError):
        return _tls(error, where)
    if isinstance(error, transport_errors.NameResolutionError):
        return _unreachable(f"the name {_hostname(where.host)} does not resolve", where)
    if isinstance(error, transport_errors.NewConnectionError):
        return _unreachable(f"{where.what} at {_hostname(where.host)} cannot be reached: {_cause(error)}", where)
    if isinstance(error, transport_errors.ConnectTimeoutError):
        return _unreachable(f"{where.what} at {_hostname(where.host)} does not answer", where)
    if isinstance(error, transport_errors.ReadTimeoutError):
        return Unavailable(f"{where.what} took too long to answer", subject=where.host)
    return Unavailable(f"the connection to {where.what} broke: {_cause(error)}", subject=where.host)


def permission_of(message: str) -> str:
    """`list pods in namespace shop` or `list nodes (cluster-wide)` from the authorizer's text, else ""."""
    found = _RBAC.search(message)
    if found is None:
        return ""
    group = f".{found['group']}" if found["group"] else ""
    resource, slash, sub = found["resource"].partition("/")
    scope = f"in namespace {found['namespace']}" if found["namespace"] else "(cluster-wide)"
    return f"{found['verb']} {resource}{group}{slash}{sub} {scope}"


def _forbidden(
    message: str, details: Mapping[str, Any], *, path: str, subject: str, where: Where, is_status: bool
) -> PodidError:
    if account := _MISSING_ACCOUNT.search(message):
        ref = f"{account['namespace']}/{account['name']}"
        return NotFound(
            f"service account {ref} does not exist",
            subject=ref,
            hint=("kubectl", "create", "serviceaccount", account["name"], "-n", account["namespace"]),
        )
    if permission := permission_of(message):
        if _ANONYMOUS in message:
            return unauthorized(where)
        return AccessDenied(
            f"not allowed to {permission}", permission=permission, subject=subject, hint=_can_i(message)
        )
    causes = details.get("causes") or []
    if any(isinstance(cause, dict) and cause.get("reason") == "NamespaceTerminating" for cause in causes):
        return Conflict(f"the namespace of {subject} is being deleted: {message}", subject=subject)
    if is_status:
        return Rejected(
            f"an admission rule of the cluster refused {subject}: {message}",
            service_code="AdmissionDenied",
            subject=subject,
        )
    return AccessDenied(
        f"something on the way to {where.what} refused {path} (403, not an answer of Kubernetes)", subject=subject
    )


def _can_i(message: str) -> tuple[str, ...]:
    found = _RBAC.search(message)
    assert found is not None
    resource, _, sub = found["resource"].partition("/")
    full = f"{resource}.{found['group']}" if found["group"] else resource
    scope = ("-n", found["namespace"]) if found["namespace"] else ()
    return ("kubectl", "auth", "can-i", found["verb"], full, *(("--subresource", sub) if sub else ()), *scope)


def _tls(error: Exception, where: Where) -> PodidError:
    text = str(error)
    hint = where.aws("update-kubeconfig", "--name", where.cluster)
    if "CERTIFICATE_VERIFY_FAILED" in text or "certificate verify failed" in text:
        return Unavailable(
            f"the certificate shown by {_hostname(where.host)} is not signed by the cluster's certificate authority"
            if "Hostname mismatch" not in text and "IP address mismatch" not in text
            else f"the certificate shown by {_hostname(where.host)} is for another name",
            subject=where.host,
            hint=hint,
            advice="The kubeconfig is of a cluster that was made anew under the same name, or a proxy on the way "
            "opens TLS connections.",
        )
    return Unavailable(f"no TLS connection to {where.what}: {_cause(error)}", subject=where.host, hint=hint)


def _unreachable(what: str, where: Where) -> Unavailable:
    advice = (
        "Its endpoint is private: it can be reached only from inside the VPC (VPN, bastion, SSM tunnel)."
        if where.private
        else "Its endpoint may be private or limited to some addresses (publicAccessCidrs); from outside the VPC use a "
        "VPN or a tunnel, and set HTTPS_PROXY where a proxy is needed."
    )
    query = ("--query", "cluster.resourcesVpcConfig")
    hint = where.aws("describe-cluster", "--name", where.cluster, *query)
    return Unavailable(what, subject=where.host, hint=hint, advice=advice)


def _status_object(body: bytes) -> Mapping[str, Any]:
    try:
        document = json.loads(body)
    except ValueError:
        return {}
    return document if isinstance(document, dict) and document.get("kind") == "Status" else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _subject(path: str, details: Mapping[str, Any]) -> str:
    """`pod shop/orders-1`, `deployments in namespace shop`, `nodes`, from /api/v1/… and /apis/GROUP/VERSION/…."""
    parts = path.strip("/").split("/")
    parts = parts[2:] if parts[:1] == ["api"] else parts[3:]
    namespace = ""
    if len(parts) >= 3 and parts[0] == "namespaces":
        namespace, parts = parts[1], parts[2:]
    if not parts:
        return path
    name = parts[1] if len(parts) > 1 else _text(details.get("name"))
    if name:
        return (
            f"{_SINGULAR.get(parts[0], parts[0])} {namespace}/{name}"
            if namespace
            else f"{_SINGULAR.get(parts[0], parts[0])} {name}"
        )
    return f"{parts[0]} in namespace {namespace}" if namespace else parts[0]


def _in_namespace(path: str, kind: str) -> str:
    found = re.search(r"/namespaces/([^/]+)/", path + "/")
    return f"{found[1]}/" if found and kind not in ("namespaces", "nodes") else ""


def _hostname(host: str) -> str:
    return host.split("://", 1)[-1].split("/", 1)[0] or "the API server"


def _cause(error: BaseException) -> str:
    """The innermost reason, without the object reprs that urllib3 puts in front of it."""
    inner = error
    while (inner.__cause__ or inner.__context__) is not None:
        deeper = inner.__cause__ or inner.__context__
        assert deeper is not None
        inner = deeper
    return getattr(inner, "strerror", None) or str(inner).rsplit(">: ", 1)[-1] or type(inner).__name__
