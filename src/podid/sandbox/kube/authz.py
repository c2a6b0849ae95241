"""RBAC: roles and bindings in the store, rules given to a user directly, and rights taken away for a test."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from podid.sandbox.kube import kinds
from podid.sandbox.kube.authn import MASTERS, User
from podid.sandbox.kube.objects import Obj, get, namespace
from podid.sandbox.kube.status import StatusError
from podid.sandbox.kube.store import Store

# system:basic-user and system:discovery, which every authenticated user has
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


@dataclass(frozen=True, slots=True)
class ResourceAccess:
    """One thing that a caller wants to do; `resource` includes the subresource: pods/log."""

    verb: str
    group: str
    resource: str
    namespace: str = ""
    name: str = ""


@dataclass(slots=True)
class Authorizer:
    """`rules` and `denied` are by user name; a denial wins over everything, system:masters too."""

    store: Store
    rules: dict[str, list[Obj]] = field(default_factory=dict)
    denied: dict[str, set[tuple[str, str]]] = field(default_factory=dict)
    """Pairs of verb and qualified resource: ("list", "daemonsets.apps"), ("get", "pods/log"); "*" is any."""

    def check(self, user: User, access: ResourceAccess) -> None:
        """Raises the API server's 403."""
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
        """The resource rules of a user in a namespace, or at cluster scope when `ns` is empty."""
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
        found: list[Obj] = get(role, "rules", default=[])
        return [rule for rule in found if "resources" in rule]

    def path_allowed(self, user: User, path: str) -> bool:
        """Whether the user may GET a path that is no resource."""
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
    wanted = {"*", access.resource} | ({f"*/{sub}"} if sub else set())
    if not wanted & set(rule.get("resources", ())):
        return False
    names = rule.get("resourceNames")
    return not names or access.name in names


def refusal(user: User, access: ResourceAccess) -> StatusError:
    """403 in the API server's words."""
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
