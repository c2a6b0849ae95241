"""Plan, status and leftovers of a migration as tables and lines."""

from dataclasses import replace

from podid.domain.migration import (
    Blocker,
    Caution,
    CredentialCounts,
    Leftover,
    MigrationCleanup,
    MigrationItem,
    MigrationPlan,
    MigrationStatus,
    OlderAgent,
    OlderWay,
    Stage,
)
from podid.domain.names import ServiceAccountRef
from podid.render.migration import cleanup_view, item_lines, migration_plan_view, migration_status_view
from render.shown import texts

ROLE = "arn:aws:iam::111122223333:role/orders"
ORDERS = MigrationItem(
    ref=ServiceAccountRef("shop", "orders"),
    source=OlderWay.IRSA,
    role_arn=ROLE,
    stage=Stage.OLD,
    pods=CredentialCounts(total=2, irsa=2),
)
CART = replace(ORDERS, ref=ServiceAccountRef("shop", "cart"), stage=Stage.MOVED, pods=CredentialCounts())
OLD_SDK = Blocker("sdk-too-old", "The SDK is too old.", way_out=(("podid", "explain", "sdk-too-old"),))
OWNED = Caution("annotation-owned", "Helm manages the annotation")
PLAN = MigrationPlan(cluster="demo", items=(ORDERS, replace(CART, blockers=(OLD_SDK,))), providers=())


def test_a_row_for_each_item() -> None:
    view = migration_plan_view(PLAN, short=False)
    (table,) = view.tables
    assert list(table.rows) == [
        ("shop", "orders", "old", ROLE, "0/2", "-", "-", "irsa"),
        ("shop", "cart", "moved", ROLE, "0/0", "sdk-too-old", "-", "irsa"),
    ]
    assert (view.names, texts(view.lines)) == (("shop/orders", "shop/cart"), [])


def test_a_line_for_each_item_then_each_blocker_once() -> None:
    blocked = replace(CART, blockers=(OLD_SDK,))
    assert texts(item_lines((ORDERS, blocked))) == [
        "· shop/orders  old         role orders, 0 of 2 pods moved",
        "✗ shop/cart    moved       role orders, no pods; sdk-too-old",
        "",
        "✗ sdk-too-old  shop/cart",
        "  The SDK is too old.",
        "  Fix   podid explain sdk-too-old",
        "  More  podid explain sdk-too-old",
        "",
        "2 service accounts: 1 old, 1 moved; 1 blocked",
    ]
    assert item_lines(()) == []


def test_a_note_of_every_item_is_printed_once() -> None:
    items = [replace(item, warnings=(OWNED,), unknown=("policies",)) for item in (ORDERS, CART)]
    lines = texts(item_lines(items))
    assert lines[:2] == [
        "! shop/orders  old         role orders, 0 of 2 pods moved",
        "! shop/cart    moved       role orders, no pods",
    ]
    assert lines[3:5] == ["! annotation-owned  2 service accounts", "  Helm manages the annotation."]
    assert "Not checked: policies" in lines


def test_roles_of_one_service_account_are_counted() -> None:
    assert texts(item_lines((ORDERS, replace(ORDERS, role_arn=f"{ROLE}-2"))))[-1] == (
        "1 service account with 2 roles: 2 old"
    )


def test_the_status_ends_with_agents_and_the_next_commands() -> None:
    agent = OlderAgent(source=OlderWay.KIAM, workloads=("DaemonSet/kube-system/kiam",), serves=())
    following = (("podid", "migrate", "finish", "-A"),)
    status = MigrationStatus(cluster="demo", items=(CART,), agents=(agent,), next=following)
    assert texts(migration_status_view(status, short=True).lines)[-2:] == [
        "kiam (DaemonSet kube-system/kiam) no longer serves any workload; podid migrate cleanup "
        "DaemonSet/kube-system/kiam deletes it",
        "Next  podid migrate finish -A",
    ]
    assert texts(migration_status_view(status, short=False).lines) == []


def test_leftovers_by_arn_or_workload() -> None:
    items = (
        Leftover(kind="role", arn=ROLE, reason="no principal"),
        Leftover(kind="agent", workload="DaemonSet/kube-system/kiam", reason="serves nothing"),
    )
    view = cleanup_view(MigrationCleanup(items=items))
    assert list(view.tables[0].rows) == [
        ("role", ROLE, "no principal"),
        ("agent", "DaemonSet/kube-system/kiam", "serves nothing"),
    ]
    assert view.names == (ROLE, "DaemonSet/kube-system/kiam")
