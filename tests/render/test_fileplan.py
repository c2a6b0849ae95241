"""Plans of files as lines, rows and a unified diff."""

from dataclasses import replace

from podid.domain.declaration import Position
from podid.domain.fileplan import FileConflict, FilePlan, NotRead, RefusedAccount, Unlisted
from podid.domain.names import ServiceAccountRef
from podid.domain.plan import Header, Plan, State
from podid.ops.change.kinds import ASSOCIATION
from podid.render.fileplan import conflict_lines, diff_view, file_plan_lines, file_plan_view, file_plans_view
from render.shown import texts

HEADER = Header(
    caller_arn="arn:aws:iam::111122223333:user/a", account="111122223333", region="us-west-2", cluster="demo"
)
WEB, API = (
    {
        "namespace": "shop",
        "serviceAccount": name,
        "roleArn": f"arn:aws:iam::111122223333:role/{name}",
        "targetRoleArn": None,
        "disableSessionTags": False,
        "policy": None,
        "tags": {"team": "a"},
        "associationId": "",
    }
    for name in ("web", "api")
)


def plan(*states: tuple[State | None, State | None], **members: object) -> FilePlan:
    actions = tuple(ASSOCIATION.action(before, after) for before, after in states)
    return replace(FilePlan(plan=Plan(header=HEADER, actions=actions, separate=True)), **members)  # type: ignore[arg-type]


CONFLICT = FileConflict(
    kind="association", target="shop/web", at=Position("x.yaml", 6, 3), message="It differs", lines=("tags: a -> b",)
)
UNREAD = NotRead(target="role web", reason="Access denied", permission="iam:GetRole")
REFUSED = RefusedAccount(ref=ServiceAccountRef("shop", "cart"), reason="no role")


def test_conflicts_have_their_place_and_their_differences() -> None:
    item = plan(conflicts=(CONFLICT,), refused=(REFUSED,), unread=(UNREAD,))
    assert texts(conflict_lines(item)) == [
        "  ! x.yaml:6:3: It differs",
        "      tags: a -> b",
        "  ! service account shop/cart: its annotations are ignored: no role",
        "  ? role web could not be read: Access denied (requires iam:GetRole)",
    ]


def test_a_plan_without_changes_counts_the_other_resources() -> None:
    unlisted = tuple(Unlisted(ref=ServiceAccountRef("shop", f"a{n}"), role_arn="", owner="other") for n in range(12))
    _, *lines = texts(file_plan_lines(plan(unchanged=2, only_in_cluster=unlisted)))
    assert lines[:4] == [
        "  no changes",
        "  = 2 resources as declared",
        "  only in the cluster: 12 associations",
        "      shop/a0 (owner: other)",
    ]
    assert lines[-1] == "      and 2 more; -o json lists them all"


def test_a_row_has_its_status() -> None:
    pruned = frozenset({("association", "shop/api")})
    item = plan(
        (None, WEB), (API, None), pruned_keys=pruned, conflicts=(CONFLICT,), refused=(REFUSED,), unread=(UNREAD,)
    )
    view = file_plan_view(item)
    assert view.names == ("shop/web", "shop/api")
    assert [row[:4] for row in view.tables[0].rows] == [
        ("association", "create", "shop/web", "planned"),
        ("association", "delete", "shop/api", "pruned"),
        ("association", "-", "shop/web", "conflict"),
        ("-", "-", "shop/cart", "refused"),
        ("-", "-", "role web", "not read"),
    ]


def test_a_diff_has_a_part_for_each_changed_resource() -> None:
    changed = {**WEB, "disableSessionTags": True, "tags": {"team": "b"}}
    lines = texts(diff_view((plan((WEB, changed), (None, API), (API, None)),)).lines)
    assert [line for line in lines if line.startswith(("---", "+++"))] == [
        *("--- live/association/shop/web", "+++ file/association/shop/web"),
        *("--- /dev/null", "+++ file/association/shop/api"),
        *("--- live/association/shop/api", "+++ /dev/null"),
    ]
    second = lines.index("--- /dev/null")
    assert [line for line in lines[2:second] if line.startswith(("-", "+"))] == [
        *("-disableSessionTags: false", "+disableSessionTags: true"),
        *("-  team: a", "+  team: b"),
    ]


def test_a_diff_of_several_clusters_has_their_headers() -> None:
    green = replace(plan((None, API)), plan=replace(plan((None, API)).plan, header=replace(HEADER, cluster="green")))
    of_demo, of_green = [line for line in texts(diff_view((plan(), green)).lines) if line.startswith("As ")]
    assert "cluster demo" in of_demo
    assert "cluster green" in of_green
    assert len(file_plans_view((plan(), green)).document["items"]) == 2  # type: ignore[arg-type]


def test_no_differences_differ_from_prevented_ones() -> None:
    assert texts(diff_view((plan(),)).lines) == ["no differences"]
    assert texts(diff_view((plan(conflicts=(CONFLICT,)),)).lines) == ["podid apply would change nothing"]
