"""Access keys in texts, and the abilities that rules of RBAC give."""

from dataclasses import replace

from harness import table
from podid.domain.exposure import (
    ABILITIES,
    ACT_AS,
    AS_ACCOUNT,
    AS_ANYONE,
    BIND,
    BY_GET,
    ESCALATE,
    OF_NODES,
    KeyPlace,
    NamedAbility,
    RoleRule,
    abilities_of,
    key_ids,
    may_bind,
    named_abilities_of,
)
from podid.domain.findings import Subject

KEY, TEMPORARY = "AKIAZZZZ2222PODIDWAY", "ASIAZZZZ2222PODIDWAY"
RBAC = "rbac.authorization.k8s.io"
PODS, TOKENS, EXEC = "create pods", "create tokens of service accounts", "run commands in pods"


@table(
    ("text", "ids"),
    [
        ("", ()),
        (KEY, (KEY,)),
        (f"id={KEY}, again {KEY} and {TEMPORARY}\n", (KEY, TEMPORARY)),
        (f"x{KEY}", ()),
        (f"{KEY}Z", ()),
        ("AKIAIOSFODNN7EXAMPLE", ()),
        ("AROAZZZZ2222PODIDWAY AIDAZZZZ2222PODIDWAY", ()),
        (KEY.lower(), ()),
    ],
)
def test_key_ids(text: str, ids: tuple[str, ...]) -> None:
    assert key_ids(text) == ids


def test_a_place_does_not_show_its_key() -> None:
    assert KEY not in repr(KeyPlace(Subject("Secret", "a", "shop"), "entry key", KEY))


@table(
    ("rule", "abilities"),
    [
        (RoleRule(("",), ("pods",), ("get", "list")), ()),
        (RoleRule(("",), ("pods",), ("create",)), (PODS,)),
        (RoleRule(("apps",), ("deployments",), ("patch",)), (PODS,)),
        (RoleRule(("apps",), ("deployments",), ("delete",)), ()),
        (RoleRule(("",), ("deployments",), ("create",)), ()),
        (RoleRule(("batch",), ("cronjobs",), ("*",)), (PODS,)),
        (RoleRule(("",), ("serviceaccounts",), ("create",)), ()),
        (RoleRule(("",), ("serviceaccounts/token",), ("create",)), (TOKENS,)),
        (RoleRule(("",), ("serviceaccounts/token",), ("create",), ("orders",)), ()),
        (RoleRule(("",), ("pods/exec",), ("create",)), (EXEC,)),
        (RoleRule(("",), ("*/exec",), ("create",)), (EXEC,)),
        (RoleRule(("",), ("pods",), ("patch",)), (EXEC,)),
        (RoleRule(("",), ("pods/status",), ("patch",)), ()),
        (RoleRule(("",), ("pods/ephemeralcontainers",), ("update",)), (EXEC,)),
        (RoleRule(("",), ("groups",), ("impersonate",)), (AS_ANYONE,)),
        # among them are the controllers of kube-system
        (RoleRule(("",), ("serviceaccounts",), ("impersonate",)), (AS_ACCOUNT,)),
        (RoleRule(("",), ("users",), ("impersonate",), ("jane",)), ()),
        (RoleRule(("",), ("pods", "pods/attach"), ("get",)), (BY_GET,)),
        (RoleRule(("",), ("pods/exec",), ("get", "create")), (EXEC, BY_GET)),
        # a request to the kubelet's exec by WebSocket is a get
        (RoleRule(("",), ("nodes/proxy",), ("get",)), (OF_NODES,)),
        (RoleRule(("",), ("nodes/proxy",), ("create",)), (OF_NODES,)),
        (RoleRule(("",), ("nodes", "nodes/metrics"), ("get",)), ()),
        # roles must be bound or written, too
        (RoleRule((RBAC,), ("clusterroles",), ("bind", "escalate")), ()),
        (RoleRule((RBAC,), ("clusterroles", "rolebindings"), ("bind", "create")), (BIND,)),
        (RoleRule((RBAC,), ("roles",), ("escalate", "update")), (ESCALATE,)),
        (RoleRule(("",), ("roles",), ("escalate", "update")), ()),
        (RoleRule((RBAC,), ("roles", "rolebindings"), ("create", "update", "patch")), ()),
        (RoleRule(("*",), ("*",), ("*",)), tuple(ABILITIES)),
    ],
)
def test_abilities(rule: RoleRule, abilities: tuple[str, ...]) -> None:
    assert abilities_of((rule,)) == abilities
    assert abilities_of((RoleRule(("",), ("configmaps",), ("get",)), rule)) == abilities


def test_a_binding_in_a_namespace_gives_nothing_outside_of_namespaces() -> None:
    assert abilities_of((RoleRule(("*",), ("*",), ("*",)),), "shop") == (*(PODS, TOKENS, EXEC, BY_GET, BIND, ESCALATE),)


NAMES = ("app",)


@table(
    ("rule", "namespace", "named"),
    [
        # a request to create an object has no name, one to create a subresource has
        (RoleRule(("",), ("pods",), ("create",), NAMES), "", []),
        (RoleRule(("apps",), ("deployments",), ("create",), NAMES), "", []),
        (RoleRule(("",), ("serviceaccounts/token",), ("create",), NAMES), "", [(TOKENS, "serviceaccounts/token")]),
        (RoleRule(("",), ("pods/exec",), ("create",), NAMES), "", [(EXEC, "pods/exec")]),
        (
            RoleRule(("",), ("pods/attach", "pods/exec"), ("get",), NAMES),
            "",
            [(BY_GET, "pods/exec"), (BY_GET, "pods/attach")],
        ),
        (RoleRule(("",), ("pods/ephemeralcontainers",), ("patch",), NAMES), "", [(EXEC, "pods/ephemeralcontainers")]),
        (RoleRule(("",), ("pods",), ("update",), NAMES), "", [(EXEC, "pods")]),
        (RoleRule(("apps",), ("deployments",), ("patch",), NAMES), "shop", [(PODS, "deployments")]),
        (RoleRule(("apps",), ("deployments",), ("get", "delete"), NAMES), "shop", []),
        (RoleRule(("batch",), ("cronjobs",), ("*",), NAMES), "shop", [(PODS, "cronjobs")]),
        (RoleRule(("",), ("nodes/proxy",), ("get",), NAMES), "", [(OF_NODES, "nodes/proxy")]),
        (RoleRule(("",), ("nodes/proxy",), ("get",), NAMES), "shop", []),
        (RoleRule(("",), ("users", "groups"), ("impersonate",), NAMES), "", [(ACT_AS, "users"), (ACT_AS, "groups")]),
        (RoleRule(("",), ("users",), ("impersonate",), NAMES), "shop", []),
        (RoleRule(("",), ("serviceaccounts",), ("impersonate",), NAMES), "shop", [(ACT_AS, "serviceaccounts")]),
        (RoleRule((RBAC,), ("clusterroles",), ("bind",), NAMES), "", []),
        (RoleRule((RBAC,), ("roles",), ("escalate", "patch"), NAMES), "shop", [(ESCALATE, "roles")]),
        (RoleRule((RBAC,), ("clusterroles",), ("escalate", "patch"), NAMES), "", [(ESCALATE, "clusterroles")]),
        (RoleRule((RBAC,), ("clusterroles",), ("escalate", "patch"), NAMES), "shop", []),
        (RoleRule(("",), ("secrets",), ("*",), NAMES), "", []),
    ],
)
def test_abilities_on_named_objects(rule: RoleRule, namespace: str, named: list[tuple[str, str]]) -> None:
    assert sorted(named_abilities_of((rule,), namespace)) == sorted(NamedAbility(a, kind, NAMES) for a, kind in named)
    assert abilities_of((rule,), namespace) == ()


def test_an_ability_on_all_objects_includes_named_ones() -> None:
    token = RoleRule(("",), ("serviceaccounts/token",), ("create",))
    rules = (token, replace(token, names=NAMES))
    assert (abilities_of(rules), named_abilities_of(rules)) == ((TOKENS,), ())


def test_service_accounts_of_one_namespace() -> None:
    rule = RoleRule(("",), ("serviceaccounts",), ("impersonate",))
    assert abilities_of((rule,), "shop") == ()
    assert named_abilities_of((rule,), "shop") == (NamedAbility(ACT_AS, "serviceaccounts"),)
    assert str(NamedAbility(ACT_AS, "serviceaccounts")) == "act as others (serviceaccounts)"


def test_to_bind_named_roles() -> None:
    rules = (
        RoleRule((RBAC,), ("clusterroles",), ("bind",), ("admin", "none")),
        RoleRule((RBAC,), ("rolebindings",), ("create",)),
    )
    (ability,) = named_abilities_of(rules, "shop")
    assert str(ability) == "bind roles with more permissions (clusterroles admin, none)"
    everything, reading = (RoleRule(("*",), ("*",), ("*",)),), (RoleRule(("",), ("pods",), ("get",)),)
    assert may_bind(ability, "shop", {("ClusterRole", "", "admin"): everything})
    assert not may_bind(ability, "shop", {("ClusterRole", "", "admin"): reading})
    # another role, and a role of a namespace
    assert not may_bind(ability, "shop", {("ClusterRole", "", "edit"): everything})
    assert not may_bind(ability, "shop", {("Role", "shop", "admin"): everything})
    of_namespace = replace(ability, resource="roles")
    assert may_bind(of_namespace, "shop", {("Role", "shop", "admin"): everything})
    assert may_bind(of_namespace, "", {("Role", "web", "admin"): everything})
    assert not may_bind(of_namespace, "shop", {("Role", "web", "admin"): everything})
    assert may_bind(NamedAbility(TOKENS, "serviceaccounts/token", NAMES), "shop", {})
