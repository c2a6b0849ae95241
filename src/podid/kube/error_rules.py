"""What an API server says, and what comes of a request that got no answer; one `ErrorRule` an error.

The texts that are told apart here are Kubernetes' own (apimachinery's Status, the authorizer's and the service account
admission plugin's messages) and were compared with the answers of a kube-apiserver 1.36. Templates may use the words of
`podid.kube.errors`.
"""

from functools import partial

from podid.domain.errors import (
    AccessDenied,
    AlreadyExists,
    BudgetHolds,
    Conflict,
    CredentialsError,
    NotFound,
    NotServed,
    Rejected,
    Throttled,
    Unavailable,
    UnreadableAnswer,
)
from podid.domain.refusals import ErrorRule, Template

_REGION = ("--region", "{region}")
_UPDATE_KUBECONFIG: Template = ("aws", "eks", "update-kubeconfig", "--name", "{cluster}", _REGION)

_unknown_caller = partial(
    ErrorRule,
    CredentialsError,
    "{what} does not know who is calling (401 Unauthorized)",
    subject="{whom}",
    hint=("aws", "eks", "list-access-entries", "--cluster-name", "{cluster}", _REGION),
    advice="The caller has no access entry (or aws-auth mapping) in this cluster, the credentials are another "
    "cluster's or have expired, or this machine's clock is wrong.",
)
_forbidden = partial(ErrorRule, service="kubernetes", statuses=(403,))

# `service` is kubernetes where a Status came, and other where none did; `codes` are its reason or what its message was
# recognised as
ANSWERS: tuple[ErrorRule, ...] = (
    _unknown_caller(statuses=(401,)),
    _unknown_caller(codes=("MissingRight",), fragments=('user "system:anonymous"',)),
    _forbidden(
        AccessDenied,
        "not allowed to {permission}",
        codes=("MissingRight",),
        id="tool-k8s-rbac-denied",
        hint=(
            *("kubectl", "auth", "can-i", "{verb}", "{resource}"),
            ("--subresource", "{subresource}"),
            ("-n", "{namespace}"),
        ),
    ),
    _forbidden(
        NotFound,
        "service account {account} does not exist",
        codes=("MissingServiceAccount",),
        subject="{account}",
        hint=("kubectl", "create", "serviceaccount", "{account_name}", "-n", "{account_namespace}"),
    ),
    _forbidden(Conflict, "the namespace of {subject} is being deleted: {message}", codes=("NamespaceTerminating",)),
    _forbidden(
        Rejected,
        "an admission rule of the cluster refused {subject}: {message}",
        service_code="AdmissionDenied",
    ),
    ErrorRule(
        AccessDenied,
        "something on the way to {what} refused {path} (403, not an answer of Kubernetes)",
        statuses=(403,),
    ),
    ErrorRule(NotFound, "{named} does not exist", codes=("NotFound",), statuses=(404,)),
    ErrorRule(
        NotFound,
        "{named} does not exist",
        codes=("NoServiceAccount",),
        statuses=(404,),
        service_code="NotFound",
        id="association-sa-not-found",
    ),
    ErrorRule(NotServed, "{what} does not serve {path}", statuses=(404,), service_code="NotFound"),
    ErrorRule(AlreadyExists, "{subject} exists already", codes=("AlreadyExists",), statuses=(409,)),
    ErrorRule(Conflict, "{subject} was changed by somebody else meanwhile: {message}", statuses=(409,)),
    ErrorRule(BudgetHolds, "{subject} is held: {because}", codes=("DisruptionBudget",), statuses=(429,)),
    ErrorRule(Throttled, "{what} throttled requests until the time was up: {message}", statuses=(429,)),
    ErrorRule(Unavailable, "{what} failed with {status}: {message}", statuses=tuple(range(500, 600))),
    ErrorRule(Rejected, "{what} refused to {doing} {subject}: {message}"),
    ErrorRule(NotServed, "{what} refused to {doing} {subject}: {message}", codes=("Unread",)),
    ErrorRule(
        UnreadableAnswer,
        "what answered {path} in the place of {what} says HTTP {status}, and not as Kubernetes would ({message})",
        service="other",
        statuses=tuple(set(range(300, 500)) - {401, 403, 404, 409, 429}),
        advice="Check the proxy and the context's server.",
    ),
)

_unreachable = partial(
    ErrorRule,
    Unavailable,
    advice="{reach}",
    hint=(
        *("aws", "eks", "describe-cluster", "--name", "{cluster}", "--query", "cluster.resourcesVpcConfig"),
        _REGION,
    ),
)
_tls = partial(ErrorRule, Unavailable, codes=("SSLError",), hint=_UPDATE_KUBECONFIG)
_another_ca = partial(
    _tls,
    advice="The kubeconfig is of a cluster that was made anew under the same name, or a proxy on the way opens TLS "
    "connections.",
)

# `codes` are names of urllib3's and ssl's classes, of which the one that is nearest counts
NETWORK: tuple[ErrorRule, ...] = (
    ErrorRule(
        Unavailable,
        "the proxy on the way to {what} failed: {cause}",
        codes=("ProxyError",),
        advice="Check HTTPS_PROXY, NO_PROXY and the context's proxy-url.",
    ),
    _tls("no TLS connection to {what}: {cause}"),
    _another_ca(
        "the certificate shown by {hostname} is not signed by the cluster's certificate authority",
        fragments=("certificate_verify_failed", "certificate verify failed"),
    ),
    _another_ca(
        "the certificate shown by {hostname} is for another name",
        fragments=("certificate verify failed: hostname mismatch", "certificate verify failed: ip address mismatch"),
    ),
    _unreachable("the name {hostname} does not resolve", codes=("NameResolutionError",)),
    _unreachable("{what} at {hostname} cannot be reached: {cause}", codes=("NewConnectionError",)),
    _unreachable(
        "{what} cannot be reached: nothing listens at {hostname}",
        codes=("NewConnectionError",),
        fragments=("connection refused",),
    ),
    _unreachable("{what} at {hostname} does not answer", codes=("ConnectTimeoutError",)),
    ErrorRule(Unavailable, "{what} took too long to answer", codes=("ReadTimeoutError",)),
    ErrorRule(
        Unavailable,
        "{what} did not answer in full {cause}",
        codes=("Overdue",),
        advice="Check the proxy and the context's server, or give it more time with --timeout.",
    ),
    ErrorRule(Unavailable, "the connection to {what} broke: {cause}"),
)
