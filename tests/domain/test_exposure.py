"""Access keys in texts, and the abilities that rules of RBAC give."""

from harness import table
from podid.domain.exposure import AS_ANYONE, BY_GET, OF_NODES, KeyPlace, RoleRule, abilities_of, key_ids
from podid.domain.findings import Subject

KEY, TEMPORARY = "AKIAZZZZ2222PODIDWAY", "ASIAZZZZ2222PODIDWAY"
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
        (RoleRule(("",), ("serviceaccounts",), ("impersonate",)), ()),
        (RoleRule(("",), ("users",), ("impersonate",), ("jane",)), ()),
        (RoleRule(("",), ("pods", "pods/attach"), ("get",)), (BY_GET,)),
        (RoleRule(("",), ("pods/exec",), ("get", "create")), (EXEC, BY_GET)),
        # a request to the kubelet's exec by WebSocket is a get
        (RoleRule(("",), ("nodes/proxy",), ("get",)), (OF_NODES,)),
        (RoleRule(("",), ("nodes/proxy",), ("create",)), (OF_NODES,)),
        (RoleRule(("",), ("nodes", "nodes/metrics"), ("get",)), ()),
        (RoleRule(("*",), ("*",), ("*",)), (PODS, TOKENS, EXEC, BY_GET, OF_NODES, AS_ANYONE)),
    ],
)
def test_abilities(rule: RoleRule, abilities: tuple[str, ...]) -> None:
    assert abilities_of((rule,)) == abilities
    assert abilities_of((RoleRule(("",), ("configmaps",), ("get",)), rule)) == abilities


def test_a_binding_in_a_namespace_gives_nothing_outside_of_namespaces() -> None:
    assert abilities_of((RoleRule(("*",), ("*",), ("*",)),), "shop") == (PODS, TOKENS, EXEC, BY_GET)
