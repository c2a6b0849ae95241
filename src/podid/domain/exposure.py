"""Ways to an identity beside its pods: access keys stored in the cluster, and permissions of other users in Kubernetes.

Access keys: AWS General Reference, "Understanding unique ID prefixes": AKIA is an access key, ASIA a temporary one.
Permissions: Kubernetes documentation, "Role Based Access Control Good Practices", section "Privilege escalation risks".
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from podid.domain.aws import AccessPolicy
from podid.domain.findings import Subject
from podid.domain.text import short_list

_KEY_ID = re.compile(r"(?<![A-Za-z0-9])(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Za-z0-9])")
# AWS's documentation uses such key IDs
_EXAMPLE = "EXAMPLE"
TEMPORARY = "ASIA"


def key_ids(text: str) -> tuple[str, ...]:
    """Return the IDs of access keys in the text, each once, without those of AWS's documentation."""
    ids = dict.fromkeys(_KEY_ID.findall(text))
    return tuple(key_id for key_id in ids if not key_id.endswith(_EXAMPLE))


@dataclass(frozen=True, slots=True)
class KeyPlace:
    """The place of an access key: the object, and the entry in it. `key_id` is never printed or saved."""

    subject: Subject
    place: str
    key_id: str

    @property
    def namespace(self) -> str:
        return self.subject.namespace

    def __repr__(self) -> str:
        return f"KeyPlace({self.subject}, {self.place})"


@dataclass(frozen=True, slots=True, order=True)
class AccessKey:
    """An access key in an object of the cluster, without its ID. `account` is empty if it could not be read."""

    subject: Subject
    place: str
    last_four: str
    temporary: bool = False
    account: str = ""


@dataclass(frozen=True, slots=True, order=True)
class NamedAbility:
    """An ability by a permission for named objects of a resource; `names` are empty for all objects of the
    namespace."""

    ability: str
    resource: str
    names: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.ability} ({self.resource}{' ' if self.names else ''}{short_list(self.names)})"


@dataclass(frozen=True, slots=True, order=True)
class IdentityGrant:
    """Permissions of a user, group or service account by one binding, in a namespace, or in all if it is empty.
    `abilities` are members of ABILITIES. `binding` is RoleBinding or ClusterRoleBinding with its name. The namespace of
    an access entry may have wildcards."""

    subject: Subject
    namespace: str
    abilities: tuple[str, ...]
    role: str
    binding: str
    named: tuple[NamedAbility, ...] = ()


@dataclass(frozen=True, slots=True)
class RoleRule:
    """One rule of a Role or ClusterRole."""

    groups: tuple[str, ...]
    resources: tuple[str, ...]
    verbs: tuple[str, ...]
    names: tuple[str, ...] = ()

    def allows(self, verb: str, group: str, resource: str) -> bool:
        """Return whether it allows the verb on an object of the resource. A request to create an object has no name, so
        a rule for named objects does not allow it; a request to create a subresource has the name of its object."""
        sub = resource.partition("/")[2]
        if self.names and verb == "create" and not sub:
            return False
        resources = {"*", resource, *((f"*/{sub}",) if sub else ())}
        return (
            bool({"*", verb} & set(self.verbs))
            and bool({"*", group} & set(self.groups))
            and bool(resources & set(self.resources))
        )


_CONTROLLERS = tuple(("apps", kind) for kind in ("deployments", "statefulsets", "daemonsets", "replicasets"))
_JOBS = (("batch", "jobs"), ("batch", "cronjobs"))
# before Kubernetes 1.35, a WebSocket request for exec or attach needs no more than get:
# https://github.com/kubernetes/kubernetes/pull/134577
PODS, TOKENS = "create pods", "create tokens of service accounts"
EXEC, BY_GET = "run commands in pods", "run commands in pods by get requests, before Kubernetes 1.35"
OF_NODES, AS_ANYONE = "run commands in all pods by the kubelets' API", "act as any user"
AS_ACCOUNT, ACT_AS = "act as any service account", "act as others"
BIND, ESCALATE = "bind roles with more permissions", "add permissions to roles"
# neither nodes nor users and groups are in a namespace, and service accounts of kube-system can create pods everywhere
_CLUSTER_WIDE = (OF_NODES, AS_ANYONE, AS_ACCOUNT)
_RBAC = "rbac.authorization.k8s.io"
# a verb, an API group and a resource
_Permission = tuple[str, str, str]
# ability -> the permissions of which each gives it
ABILITIES: dict[str, tuple[_Permission, ...]] = {
    PODS: (
        ("create", "", "pods"),
        *((verb, *kind) for kind in (*_CONTROLLERS, *_JOBS) for verb in ("create", "patch", "update")),
        *((verb, "", "replicationcontrollers") for verb in ("create", "patch", "update")),
    ),
    TOKENS: (("create", "", "serviceaccounts/token"),),
    EXEC: (
        *(("create", "", "pods/exec"), ("create", "", "pods/attach")),
        # another image of a container, or an additional container
        *((verb, "", kind) for kind in ("pods", "pods/ephemeralcontainers") for verb in ("patch", "update")),
    ),
    BY_GET: (("get", "", "pods/exec"), ("get", "", "pods/attach")),
    OF_NODES: (("get", "", "nodes/proxy"), ("create", "", "nodes/proxy")),
    AS_ANYONE: (("impersonate", "", "users"), ("impersonate", "", "groups")),
    AS_ACCOUNT: (("impersonate", "", "serviceaccounts"),),
    BIND: (("bind", _RBAC, "clusterroles"), ("bind", _RBAC, "roles")),
    ESCALATE: (("escalate", _RBAC, "clusterroles"), ("escalate", _RBAC, "roles")),
}
_WRITES = ("create", "patch", "update")
# resources outside of namespaces: a binding in a namespace gives no permission to write them
_OUTSIDE = ("clusterrolebindings", "clusterroles")


def abilities_of(rules: Iterable[RoleRule], namespace: str = "") -> tuple[str, ...]:
    """Return the abilities by which the rules, bound in a namespace or in all, give the identity of service
    accounts, whichever object they are used on."""
    listed = tuple(rules)
    return tuple(
        ability
        for ability, ways in ABILITIES.items()
        if any(rule.allows(*way) for rule in listed if not rule.names for way in _usable(ways, listed, namespace))
        and not (namespace and ability in _CLUSTER_WIDE)
    )


def named_abilities_of(rules: Iterable[RoleRule], namespace: str = "") -> tuple[NamedAbility, ...]:
    """Return the abilities by which the rules give the identity of service accounts through named objects, or through
    the service accounts of the namespace; without those that the rules give on all objects."""
    listed = tuple(rules)
    complete = abilities_of(listed, namespace)
    named: dict[NamedAbility, None] = {}
    for ability, ways in ABILITIES.items():
        if ability in complete or (namespace and ability in (OF_NODES, AS_ANYONE)):
            continue
        words = ACT_AS if ability in (AS_ANYONE, AS_ACCOUNT) else ability
        usable = list(_usable(ways, listed, namespace))
        for rule in (rule for rule in listed if rule.names or ability == AS_ACCOUNT):
            kinds = dict.fromkeys(way[2] for way in usable if rule.allows(*way))
            named |= dict.fromkeys(NamedAbility(words, kind, rule.names) for kind in kinds)
    return tuple(named)


def may_bind(ability: NamedAbility, namespace: str, rules: Mapping[tuple[str, str, str], Iterable[RoleRule]]) -> bool:
    """Return whether the ability to bind named roles gives the identity of service accounts, by the rules of roles by
    kind, namespace and name; true for every other ability."""
    if ability.ability != BIND:
        return True
    kind = "ClusterRole" if ability.resource == "clusterroles" else "Role"
    named = ((home, listed) for (of, home, name), listed in rules.items() if of == kind and name in ability.names)
    return any(
        abilities_of(listed, namespace) or named_abilities_of(listed, namespace)
        for home, listed in named
        if kind == "ClusterRole" or not namespace or home == namespace
    )


def _usable(ways: Iterable[_Permission], rules: tuple[RoleRule, ...], namespace: str) -> Iterator[_Permission]:
    """Yield the permissions that are sufficient: `bind` also requires a permission to write bindings, and `escalate`
    one to write the roles. Kubernetes documentation, "Using RBAC Authorization", section "Privilege escalation
    prevention and bootstrapping"."""
    for way in ways:
        verb, _, kind = way
        kinds = {"bind": ("rolebindings", "clusterrolebindings"), "escalate": (kind,)}.get(verb)
        if kinds is None:
            yield way
        else:
            written = [name for name in kinds if not (namespace and name in _OUTSIDE)]
            if any(rule.allows(write, _RBAC, name) for rule in rules for write in _WRITES for name in written):
                yield way


# of AWS: https://docs.aws.amazon.com/eks/latest/userguide/access-policy-permissions.html
_CLUSTER_ADMIN = "AmazonEKSClusterAdminPolicy"
_OF_EDITORS = (PODS, EXEC)
ACCESS_POLICIES: dict[str, tuple[str, ...]] = {
    _CLUSTER_ADMIN: tuple(ABILITIES),
    "AmazonEKSAdminPolicy": _OF_EDITORS,
    # get on all resources
    "AmazonEKSAdminViewPolicy": (BY_GET, OF_NODES),
    "AmazonEKSEditPolicy": _OF_EDITORS,
}


def grants_of(policy: AccessPolicy) -> Iterator[IdentityGrant]:
    """Yield the grants by an access policy of EKS, one for each pattern of namespaces. Yield none for an administrator
    of the whole cluster, as for members of system:masters."""
    name = policy.policy_arn.rpartition("/")[2]
    if name not in ACCESS_POLICIES or (name == _CLUSTER_ADMIN and not policy.namespaces):
        return
    kind, _, path = policy.principal_arn.rpartition(":")[2].partition("/")
    subject = Subject(f"IAM {kind}", path.rpartition("/")[2])
    # an access policy with a namespace includes no permission beyond it
    abilities = tuple(a for a in ACCESS_POLICIES[name] if not (policy.namespaces and a in _CLUSTER_WIDE))
    for namespace in policy.namespaces or ("",):
        yield IdentityGrant(subject, namespace, abilities, name, "access entry")


def keys_in(places: Iterable[tuple[Subject, str, str]]) -> Iterator[KeyPlace]:
    """Yield the places of access keys in (object, entry, text)."""
    for subject, place, text in places:
        yield from (KeyPlace(subject, place, key_id) for key_id in key_ids(text))
