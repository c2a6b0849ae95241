"""Authentication and authorization of callers.

Authentication: static tokens, service account tokens and the bearer tokens of Amazon EKS. Authorization: RBAC roles and
bindings in the store, rules of a user, and permissions denied for a test. Also `Impersonate-…` headers as in
apiserver/pkg/endpoints/filters/impersonation, and SelfSubjectReview, SelfSubjectAccessReview and
SelfSubjectRulesReview.
"""

import base64
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from podid.sandbox.contract import TokenRefused
from podid.sandbox.credentials import read_signature
from podid.sandbox.http import HttpRequest
from podid.sandbox.kube import kinds
from podid.sandbox.kube.objects import Obj, get, namespace, rfc3339
from podid.sandbox.kube.status import StatusError, unauthorized
from podid.sandbox.kube.store import Store
from podid.sandbox.kube.tokens import API_AUDIENCE, TokenIssuer

EKS_PREFIX = "k8s-aws-v1."
# aws-iam-authenticator and EKS accept a presigned request for 15 minutes, whatever X-Amz-Expires says
EKS_TOKEN_SECONDS = 15 * 60
MASTERS = "system:masters"

# system:basic-user and system:discovery, which Kubernetes binds to every authenticated user
BASIC_RULES: tuple[Obj, ...] = (
    {
        "verbs": ["create"],
        "apiGroups": ["authorization.k8s.io"],
        "resources": ["selfsubjectaccessreviews", "selfsubjectrulesreviews"],
    },
    {"verbs": ["create"], "apiGroups": ["authentication.k8s.io"], "resources": ["selfsubjectreviews"]},
)
MASTER_RULE: Obj = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}
PUBLIC_PATHS = ("/healthz", "/livez", "/readyz", "/version", "/version/")
DISCOVERY_PATHS = ("/api", "/api/*", "/apis", "/apis/*", "/healthz", "/livez", "/openapi", "/openapi/*", "/readyz")
NON_RESOURCE_RULES: tuple[Obj, ...] = (
    {"verbs": ["get"], "nonResourceURLs": list(PUBLIC_PATHS)},
    {"verbs": ["get"], "nonResourceURLs": [*DISCOVERY_PATHS, "/version", "/version/"]},
)
OIDC_RULE: Obj = {"verbs": ["get"], "nonResourceURLs": ["/.well-known", "/.well-known/*"]}
_ACCOUNT = "system:serviceaccount:"
_EXTRA = "impersonate-extra-"
_GROUP = "authentication.k8s.io"


@dataclass(frozen=True, slots=True)
class User:
    """An authenticated caller."""

    name: str
    uid: str = ""
    groups: tuple[str, ...] = ()
    extra: tuple[tuple[str, tuple[str, ...]], ...] = ()


ANONYMOUS = User("system:anonymous", groups=("system:unauthenticated",))


def service_account_groups(namespace: str) -> tuple[str, ...]:
    return "system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated"


@dataclass(slots=True)
class Authenticator:
    """Authenticates requests. `identify` returns ARN and secret of the principal of an access key id, or None."""

    cluster_name: str
    issuer: TokenIssuer
    now: Callable[[], float]
    identify: Callable[[str], tuple[str, str] | None]
    groups_of: Callable[[str], tuple[str, ...] | None]
    """The groups of an IAM principal by ARN; None means that the cluster does not know it (401)."""
    tokens: dict[str, User] = field(default_factory=dict)
    principals: dict[str, tuple[str, ...] | None] = field(default_factory=dict)
    """What goes before `groups_of`."""

    def authenticate(self, header: str) -> User:
        """Return the user. Raise the API server's 401 for an unknown credential."""
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer" or not token:
            return ANONYMOUS
        token = token.strip()
        if (user := self.tokens.get(token)) is not None:
            return User(user.name, user.uid, (*user.groups, "system:authenticated"), user.extra)
        if token.startswith(EKS_PREFIX):
            return self._eks(token)
        return self._service_account(token)

    def _service_account(self, token: str) -> User:
        try:
            claims = self.issuer.review(token, API_AUDIENCE)
        except TokenRefused:
            raise unauthorized() from None
        return User(claims.subject, claims.service_account_uid, service_account_groups(claims.namespace))

    def _eks(self, token: str) -> User:
        arn = self._principal(token)
        if arn is None:
            raise unauthorized()
        groups = self.principals[arn] if arn in self.principals else self.groups_of(arn)
        if groups is None:
            raise unauthorized()
        extra = (("arn", (arn,)), ("canonicalArn", (arn,)))
        return User(arn, f"aws-iam-authenticator:{arn}", (*groups, "system:authenticated"), extra)

    def _principal(self, token: str) -> str | None:
        """Return the ARN of a presigned GetCallerIdentity request, if it is for this cluster and has not expired.

        The cluster's name is in a signed header that is not part of the token, so the check signs the request again.
        https://docs.aws.amazon.com/eks/latest/best-practices/identity-and-access-management.html
        """
        encoded = token.removeprefix(EKS_PREFIX)
        try:
            url = urlsplit(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode())
        except ValueError:
            return None
        headers = {"host": url.netloc, "x-k8s-aws-id": self.cluster_name}
        request = HttpRequest("GET", f"{url.path}?{url.query}", headers)
        signature = read_signature(request)
        if signature is None or request.arguments.get("Action") != "GetCallerIdentity":
            return None
        age = self.now() - (signature.signed_at() or 0)
        known = self.identify(signature.access_key_id)
        if known is None or "x-k8s-aws-id" not in signature.signed_headers or not -300 <= age < EKS_TOKEN_SECONDS:
            return None
        arn, secret = known
        return arn if signature.fits(request, secret) else None


@dataclass(frozen=True, slots=True)
class ResourceAccess:
    """A verb on a resource. `resource` includes the subresource: pods/log."""

    verb: str
    group: str
    resource: str
    namespace: str = ""
    name: str = ""


@dataclass(slots=True)
class Authorizer:
    """Authorizes requests. `rules` and `denied` are by user name. A denial overrides everything, even
    system:masters."""

    store: Store
    rules: dict[str, list[Obj]] = field(default_factory=dict)
    denied: dict[str, set[tuple[str, str]]] = field(default_factory=dict)
    """Pairs of verb and qualified resource: ("list", "daemonsets.apps"), ("get", "pods/log"); "*" is any."""

    def check(self, user: User, access: ResourceAccess) -> None:
        """Raise the API server's 403 unless the user is authorized."""
        if not self.allowed(user, access):
            raise refusal(user, access)

    def allowed(self, user: User, access: ResourceAccess) -> bool:
        resource, _, sub = access.resource.partition("/")
        qualified = f"{resource}.{access.group}" if access.group else resource
        qualified += f"/{sub}" if sub else ""
        taken = self.denied.get(user.name, set())
        if {(access.verb, qualified), ("*", qualified), (access.verb, "*")} & taken:
            return False
        return any(_grants(rule, access) for rule in self.rules_for(user, access.namespace))

    def rules_for(self, user: User, ns: str) -> list[Obj]:
        """Return the resource rules of a user in a namespace, or at cluster scope when `ns` is empty."""
        rules: list[Obj] = list(BASIC_RULES) if "system:authenticated" in user.groups else []
        if MASTERS in user.groups:
            rules.append(MASTER_RULE)
        rules += [rule for rule in self.rules.get(user.name, []) if rule.get("namespace") in (None, ns)]
        for binding in self.store.all(kinds.CLUSTER_ROLE_BINDINGS):
            if _binds(binding, user):
                rules += self._role_rules(binding, "")
        for binding in self.store.all(kinds.ROLE_BINDINGS, ns) if ns else ():
            if _binds(binding, user):
                rules += self._role_rules(binding, ns)
        return rules

    def _role_rules(self, binding: Obj, ns: str) -> Iterable[Obj]:
        reference = binding["roleRef"]
        if reference["kind"] == "ClusterRole":
            role = self.store.find(kinds.CLUSTER_ROLES, "", reference["name"])
        else:
            role = self.store.find(kinds.ROLES, ns, reference["name"])
        rules: list[Obj] = get(role, "rules", default=[])
        return [rule for rule in rules if "resources" in rule]

    def path_allowed(self, user: User, path: str) -> bool:
        """Return whether the user may GET a non-resource path."""
        if MASTERS in user.groups or path in PUBLIC_PATHS:
            return True
        known = "system:authenticated" in user.groups
        return known and any(path == entry or path.startswith(f"{entry}/") for entry in ("/api", "/apis", "/openapi"))


def _binds(binding: Obj, user: User) -> bool:
    for subject in binding.get("subjects") or ():
        if subject["kind"] == "User" and subject["name"] == user.name:
            return True
        if subject["kind"] == "Group" and subject["name"] in user.groups:
            return True
        if subject["kind"] == "ServiceAccount":
            home = subject.get("namespace") or namespace(binding)
            if user.name == f"system:serviceaccount:{home}:{subject['name']}":
                return True
    return False


def _grants(rule: Obj, access: ResourceAccess) -> bool:
    if not {"*", access.verb} & set(rule["verbs"]) or not {"*", access.group} & set(rule.get("apiGroups", [""])):
        return False
    _, _, sub = access.resource.partition("/")
    resources = {"*", access.resource} | ({f"*/{sub}"} if sub else set())
    if not resources & set(rule.get("resources", ())):
        return False
    names = rule.get("resourceNames")
    return not names or access.name in names


def refusal(user: User, access: ResourceAccess) -> StatusError:
    """Return a 403 with the API server's message."""
    plural = access.resource.partition("/")[0]
    qualified = f"{plural}.{access.group}" if access.group else plural
    subject = f'{qualified} "{access.name}"' if access.name else qualified
    where = f'in the namespace "{access.namespace}"' if access.namespace else "at the cluster scope"
    message = (
        f'{subject} is forbidden: User "{user.name}" cannot {access.verb} resource "{access.resource}" '
        f'in API group "{access.group}" {where}'
    )
    details: Obj = {"name": access.name} if access.name else {}
    if access.group:
        details["group"] = access.group
    return StatusError(403, "Forbidden", message, {**details, "kind": plural})


def path_refusal(user: User, verb: str, path: str) -> StatusError:
    return StatusError(403, "Forbidden", f'forbidden: User "{user.name}" cannot {verb} path "{path}"', {})


def impersonated(request: HttpRequest) -> User | None:
    """Return the impersonated user; None for a request without impersonation."""
    name, uid = request.header("impersonate-user"), request.header("impersonate-uid")
    groups, extra = request.values("impersonate-group"), tuple(_extra(request))
    if not name:
        if uid or groups or extra:
            message = f'Internal Server Error: "{request.path}": requested uid, groups or extra without a user'
            raise StatusError(500, "InternalError", message, {"causes": [{"message": message}]})
        return None
    if not groups and name.startswith(_ACCOUNT):
        groups = service_account_groups(name.removeprefix(_ACCOUNT).partition(":")[0])
    elif name != ANONYMOUS.name and "system:authenticated" not in groups:
        groups += ("system:authenticated",)
    keys = dict.fromkeys(key for key, _ in extra)
    return User(name, uid, groups, tuple((key, tuple(v for k, v in extra if k == key)) for key in keys))


def permissions_for(request: HttpRequest) -> Iterator[ResourceAccess]:
    """Return the permissions that the request requires."""
    name, uid = request.header("impersonate-user"), request.header("impersonate-uid")
    if name.startswith(_ACCOUNT):
        namespace, _, account = name.removeprefix(_ACCOUNT).partition(":")
        yield ResourceAccess("impersonate", "", "serviceaccounts", namespace, account)
    else:
        yield ResourceAccess("impersonate", "", "users", "", name)
    for group in request.values("impersonate-group"):
        yield ResourceAccess("impersonate", "", "groups", "", group)
    for key, value in _extra(request):
        yield ResourceAccess("impersonate", _GROUP, f"userextras/{key}", "", value)
    if uid:
        yield ResourceAccess("impersonate", _GROUP, "uids", "", uid)


def _extra(request: HttpRequest) -> Iterator[tuple[str, str]]:
    for name, value in request.lines:
        if name.startswith(_EXTRA):
            yield unquote(name.removeprefix(_EXTRA)), value


def review(kind: str, body: Obj, user: User, authorizer: Authorizer, now: float) -> Obj:
    """Return the answer to a review of the caller's own identity or permissions."""
    if kind == "SelfSubjectReview":
        return {
            "kind": kind,
            "apiVersion": "authentication.k8s.io/v1",
            "metadata": {"creationTimestamp": rfc3339(now)},
            "status": {"userInfo": _user_info(user)},
        }
    spec: Obj = body.get("spec") or {}
    answer: Obj = {"kind": kind, "apiVersion": "authorization.k8s.io/v1", "metadata": {}}
    if kind == "SelfSubjectAccessReview":
        allowed = _allowed(spec, user, authorizer)
        return {**answer, "spec": spec, "status": {"allowed": allowed}}
    status = {
        "resourceRules": _distinct(map(_resource_rule, authorizer.rules_for(user, spec.get("namespace", "")))),
        "nonResourceRules": _paths(user),
        "incomplete": False,
    }
    return {**answer, "spec": {}, "status": status}


def _user_info(user: User) -> Obj:
    info: Obj = {"username": user.name}
    if user.uid:
        info["uid"] = user.uid
    info["groups"] = list(user.groups)
    if user.extra:
        info["extra"] = {key: list(values) for key, values in user.extra}
    return info


def _allowed(spec: Obj, user: User, authorizer: Authorizer) -> bool:
    if path := get(spec, "nonResourceAttributes", "path"):
        return authorizer.path_allowed(user, path)
    attributes: Obj = spec.get("resourceAttributes") or {}
    resource = str(attributes.get("resource", ""))
    if sub := attributes.get("subresource"):
        resource += f"/{sub}"
    access = ResourceAccess(
        str(attributes.get("verb", "")),
        str(attributes.get("group", "")),
        resource,
        str(attributes.get("namespace", "")),
        str(attributes.get("name", "")),
    )
    return authorizer.allowed(user, access)


def _resource_rule(rule: Obj) -> Obj:
    kept = ("verbs", "apiGroups", "resources", "resourceNames")
    return {field: rule[field] for field in kept if rule.get(field)}


def _distinct(rules: Iterable[Obj]) -> list[Obj]:
    distinct: list[Obj] = []
    for rule in rules:
        if rule not in distinct:
            distinct.append(rule)
    return distinct


def _paths(user: User) -> list[Obj]:
    paths: list[Obj] = list(NON_RESOURCE_RULES)
    if MASTERS in user.groups:
        paths.append({"verbs": MASTER_RULE["verbs"], "nonResourceURLs": ["*"]})
    return [*paths, OIDC_RULE]
