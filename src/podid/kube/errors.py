"""Errors of the API server and of the network as podid's errors, by the rules in ANSWERS and NETWORK.

A rule's templates may use these words: {server} (the API server), {cluster}, {region}, {hostname}; of an
answer {subject}, {message}, {path}, {status}, {doing}, {named} (the missing object); of the authorizer's text
{permission}, {verb}, {resource}, {subresource}, {namespace}, {all_namespaces}; of a missing service account {account},
{account_name}, {account_namespace}; of a request without an answer {cause} and {reach} (advice about the network path).

The rules recognise Kubernetes' own texts: apimachinery's Status, the messages of the authorizer and of the service
account admission plugin. They were compared with the answers of a kube-apiserver 1.36.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from podid.domain import errors
from podid.domain.refusals import ErrorRule, Refusal, Template, closest
from podid.domain.text import cut, is_page

_REGION = ("--region", "{region}")
_UPDATE_KUBECONFIG: Template = ("aws", "eks", "update-kubeconfig", "--name", "{cluster}", _REGION)

_unknown_caller = partial(
    ErrorRule,
    errors.CredentialsError,
    "{server} does not recognize the caller (401 Unauthorized)",
    subject="{cluster}",
    hint=("aws", "eks", "list-access-entries", "--cluster-name", "{cluster}", _REGION),
    advice="The caller has no access entry (or aws-auth mapping) in this cluster, the credentials have expired or "
    "belong to another cluster, or the clock of this machine is wrong.",
)
_not_found = partial(ErrorRule, errors.NotFound, "{named} does not exist", service="kubernetes", statuses=(404,))
_not_served = partial(
    ErrorRule, errors.NotServed, "{server} does not serve {path}", statuses=(404,), service_code="NotFound"
)
_forbidden = partial(ErrorRule, service="kubernetes", statuses=(403,))
_rejected = partial(ErrorRule, errors.Rejected, service="kubernetes", service_code="AdmissionDenied")
_BY_POLICY = "an admission policy of the cluster rejected {subject}: {message}"

# `service` is kubernetes for an answer with a Status, else other; `codes` are the reason of the Status, or a name that
# `_code` gives its message
ANSWERS: tuple[ErrorRule, ...] = (
    _unknown_caller(statuses=(401,)),
    _unknown_caller(codes=("MissingPermission", "ForbiddenRead"), fragments=('user "system:anonymous"',)),
    _forbidden(
        errors.AccessDenied,
        "the caller is not authorized to {permission}",
        codes=("MissingPermission",),
        id="tool-k8s-rbac-denied",
        hint=(
            *("kubectl", "auth", "can-i", "{verb}", "{resource}"),
            ("--subresource", "{subresource}"),
            ("-n", "{namespace}"),
            # otherwise kubectl asks about the context's namespace
            ("{all_namespaces}",),
        ),
    ),
    _forbidden(
        errors.AccessDenied,
        "the caller is not authorized to {doing} {subject}: {message}",
        # a path such as /apis, or an authorizer with its own text; admission controls no reads
        codes=("ForbiddenRead",),
    ),
    _forbidden(
        errors.NotFound,
        "service account {account} does not exist",
        codes=("MissingServiceAccount",),
        subject="{account}",
        hint=("kubectl", "create", "serviceaccount", "{account_name}", "-n", "{account_namespace}"),
    ),
    _forbidden(
        errors.Conflict, "the namespace of {subject} is being deleted: {message}", codes=("NamespaceTerminating",)
    ),
    _rejected(_BY_POLICY, statuses=(403,)),
    # a webhook chooses the status (400 by default), a ValidatingAdmissionPolicy the reason (Invalid by default)
    _rejected(_BY_POLICY, fragments=("denied the request", " denied request: ")),
    _rejected(
        "a quota of the namespace rejected {subject}: {message}",
        statuses=(403,),
        fragments=("exceeded quota: ", "failed quota: ", "status unknown for quota: "),
    ),
    ErrorRule(
        errors.WebhookFailed,
        "a webhook of the cluster failed for {subject}: {message}",
        service="kubernetes",
        fragments=("failed calling webhook ",),
    ),
    ErrorRule(
        errors.AccessDenied,
        "the request for {path} was refused before it reached {server} (HTTP 403, not a response of Kubernetes)",
        statuses=(403,),
    ),
    _not_found(codes=("NotFound",)),
    _not_found(
        codes=("NoServiceAccount",),
        service_code="NotFound",
        id="association-sa-not-found",
    ),
    _not_served(service="kubernetes"),
    _not_served(fragments=("404 page not found",)),  # of an API group
    ErrorRule(errors.AlreadyExists, "{subject} already exists", codes=("AlreadyExists",), statuses=(409,)),
    ErrorRule(errors.Conflict, "{subject} was changed by another client at the same time: {message}", statuses=(409,)),
    ErrorRule(
        errors.BudgetHolds,
        "a disruption budget prevents the eviction of {subject}: {because}",
        codes=("DisruptionBudget",),
        statuses=(429,),
    ),
    ErrorRule(errors.Throttled, "{server} throttled requests until the timeout: {message}", statuses=(429,)),
    ErrorRule(errors.ServerFailed, "{server} failed with {status}: {message}", statuses=tuple(range(500, 600))),
    ErrorRule(errors.Rejected, "{server} refused to {doing} {subject}: {message}"),
    ErrorRule(errors.NotServed, "{server} refused to {doing} {subject}: {message}", codes=("Unread",)),
    ErrorRule(
        errors.UnreadableAnswer,
        "the response to {path}, HTTP {status}, does not have the format of {server} ({message})",
        service="other",
        statuses=tuple(set(range(300, 500)) - {401, 403, 409, 429}),
        advice="Check the proxy and the context's server.",
    ),
)

_unreachable = partial(
    ErrorRule,
    errors.Unavailable,
    advice="{reach}",
    hint=(
        *("aws", "eks", "describe-cluster", "--name", "{cluster}", "--query", "cluster.resourcesVpcConfig"),
        _REGION,
    ),
)
_tls = partial(ErrorRule, errors.Unavailable, codes=("SSLError",), hint=_UPDATE_KUBECONFIG)
_another_ca = partial(
    _tls,
    advice="The cluster may have been recreated under the same name after the kubeconfig was written, or a proxy "
    "may inspect TLS.",
)

# `codes` are names of urllib3's and ssl's error classes; the most derived class that has a rule decides
NETWORK: tuple[ErrorRule, ...] = (
    ErrorRule(
        errors.Unavailable,
        "the proxy for {server} failed: {cause}",
        codes=("ProxyError",),
        advice="Check HTTPS_PROXY, NO_PROXY and the context's proxy-url.",
    ),
    _tls("no TLS connection to {server}: {cause}"),
    _another_ca(
        "the certificate of {hostname} is not signed by the cluster's certificate authority",
        fragments=("certificate_verify_failed", "certificate verify failed"),
    ),
    _another_ca(
        "the certificate of {hostname} is for another name",
        fragments=("certificate verify failed: hostname mismatch", "certificate verify failed: ip address mismatch"),
    ),
    _unreachable("the name {hostname} does not resolve", codes=("NameResolutionError",)),
    _unreachable("{server} at {hostname} cannot be reached: {cause}", codes=("NewConnectionError",)),
    _unreachable(
        "{server} cannot be reached: nothing listens at {hostname}",
        codes=("NewConnectionError",),
        fragments=("connection refused",),
    ),
    _unreachable("{server} at {hostname} does not answer", codes=("ConnectTimeoutError",)),
    ErrorRule(errors.ConnectionLost, "{server} took too long to answer", codes=("ReadTimeoutError",)),
    ErrorRule(
        errors.ConnectionLost,
        "{server} sent an incomplete answer {cause}",
        codes=("Overdue",),
        advice="Check the proxy and the context's server, or pass a longer --timeout.",
    ),
    ErrorRule(errors.ConnectionLost, "the connection to {server} was lost: {cause}"),
)


_RBAC = re.compile(
    r'cannot (?P<verb>\w+) resource "(?P<resource>[^"]+)" in API group "(?P<group>[^"]*)" '
    r'(?:in the namespace "(?P<namespace>[^"]+)"|at the cluster scope)'
)
_MISSING_ACCOUNT = re.compile(r"error looking up service account (?P<namespace>[^/\s]+)/(?P<name>[^:\s]+):")

# a read refused with one of these is unsupported, and does not affect other reads
_WRONG_READS = (400, 405, 406, 415, 422)
_DOING = {"GET": "read", "POST": "create", "PATCH": "change", "DELETE": "delete"}

_SINGULAR = {
    "namespaces": "namespace",
    "pods": "pod",
    "pods/log": "log of pod",
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
    """The API server of a request, with the data for hints. `private`: the endpoint is reachable from the VPC only."""

    host: str
    cluster: str
    region: str
    private: bool = False
    how: str = ""

    @property
    def server(self) -> str:
        return f"the API server of cluster {self.cluster}"

    @property
    def words(self) -> dict[str, str]:
        return {
            "server": self.server,
            "cluster": self.cluster,
            "region": self.region,
            "hostname": self.host.split("://", 1)[-1].split("/", 1)[0],
        }


def of_response(status: int, body: bytes, *, method: str, path: str, where: Where) -> errors.PodidError:
    """Return the error for an answer with a status of 400 or above. `path` has no query."""
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
        "because": next((_text(cause.get("message")) for cause in _causes(details)), "") or message,
        "doing": _DOING.get(method, method),
        "named": f"{_SINGULAR.get(kind, kind)} {_in_namespace(path, kind)}{_text(details.get('name'))}",
    }
    return closest(ANSWERS, refusal).make(refusal, words, subject=subject)


def unreadable(path: str, why: str, where: Where) -> errors.UnreadableAnswer:
    """Return the error for an answer of an unexpected form. `why` names members and quotes no value."""
    subject = _subject(path, {})
    return errors.UnreadableAnswer(
        f"the answer of {where.server} for {subject} cannot be read: {why}",
        subject=subject,
        advice="A proxy or gateway may have answered instead. Check the proxy and the context's server.",
    )


def of_network(error: Exception, where: Where) -> errors.PodidError:
    """Return the error for a request without an answer."""
    names = {code for rule in NETWORK for code in rule.codes}
    nearest = next((cls.__name__ for cls in type(error).__mro__ if cls.__name__ in names), "")
    refusal = Refusal(service="network", code=nearest, text=str(error))
    reach = (
        "Its endpoint is private: it can be reached only from inside the VPC (VPN, bastion host, SSM tunnel)."
        if where.private
        else "Its endpoint may be private or restricted to some addresses (publicAccessCidrs). From outside the VPC, "
        "use a VPN or a tunnel, and set HTTPS_PROXY if a proxy is required."
    )
    words = where.words | {"cause": _cause(error), "reach": reach}
    return closest(NETWORK, refusal).make(refusal, words, subject=where.host)


def _causes(details: Mapping[str, Any]) -> list[dict[str, Any]]:
    causes = details.get("causes")
    return [cause for cause in causes if isinstance(cause, dict)] if isinstance(causes, list) else []


def _code(method: str, status: int, message: str, document: Mapping[str, Any], details: Mapping[str, Any]) -> str:
    """Return the reason of the Status, or a more specific name. A 404 for a path that is not served has no object."""
    causes = [cause.get("reason") for cause in _causes(details)]
    if status == 429 and "DisruptionBudget" in causes:
        return "DisruptionBudget"
    if status == 404:
        name, kind = details.get("name"), details.get("kind")
        return "" if not name else "NoServiceAccount" if kind == "serviceaccounts" else "NotFound"
    if status == 403 and _MISSING_ACCOUNT.search(message):
        return "MissingServiceAccount"
    if status == 403 and _RBAC.search(message):
        return "MissingPermission"
    if status == 403 and "NamespaceTerminating" in causes:
        return "NamespaceTerminating"
    if method == "GET" and status == 403:
        return "ForbiddenRead"
    if method == "GET" and status in _WRONG_READS:
        return "Unread"
    return _text(document.get("reason"))


def _permission(message: str) -> dict[str, str]:
    """Return the permission in the authorizer's text (`list pods in namespace shop`, `list nodes (cluster-wide)`) and
    its parts."""
    match = _RBAC.search(message)
    if match is None:
        return {}
    group = f".{match['group']}" if match["group"] else ""
    resource, slash, sub = match["resource"].partition("/")
    scope = f"in namespace {match['namespace']}" if match["namespace"] else "(cluster-wide)"
    return {
        "permission": f"{match['verb']} {resource}{group}{slash}{sub} {scope}",
        "verb": match["verb"],
        "resource": f"{resource}{group}",
        "subresource": sub,
        "namespace": match["namespace"] or "",
        "all_namespaces": "" if match["namespace"] else "--all-namespaces",
    }


def _account(message: str) -> dict[str, str]:
    match = _MISSING_ACCOUNT.search(message)
    if match is None:
        return {}
    namespace, name = match["namespace"], match["name"]
    return {"account": f"{namespace}/{name}", "account_name": name, "account_namespace": namespace}


def _status_object(body: bytes) -> Mapping[str, Any]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) and document.get("kind") == "Status" else {}


def _shown(body: bytes) -> str:
    """Return the text to print for an answer that is not a Status."""
    text = body[:300].decode("utf-8", "replace").strip()
    return "an HTML page" if is_page(text) else text or "no explanation"


def _text(value: object) -> str:
    return cut(value) if isinstance(value, str) else ""


def _subject(path: str, details: Mapping[str, Any]) -> str:
    """Return `pod shop/orders-1`, `deployments in namespace shop` or `nodes` for a path of the API."""
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
    match = re.search(r"/namespaces/([^/]+)/", path + "/")
    return f"{match[1]}/" if match and kind not in ("namespaces", "nodes") else ""


def _cause(error: BaseException) -> str:
    """Return the innermost reason, without the object reprs that urllib3 puts before it."""
    while inner := error.__cause__ or (None if error.__suppress_context__ else error.__context__):
        error = inner
    return getattr(error, "strerror", None) or str(error).rsplit(">: ", 1)[-1] or type(error).__name__
