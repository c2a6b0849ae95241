"""Plans of files as lines, rows and a unified diff; validated files; lines of reconciliation rounds, and manifests."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import yaml

from harness import table
from podid.domain.declaration import Position
from podid.domain.errors import AccessDenied, Conflict
from podid.domain.fileplan import DriftedResource, FileConflict, FilePlan, Unlisted
from podid.domain.incomplete import NotRead, RefusedAccount
from podid.domain.names import ServiceAccountRef
from podid.domain.permissions import KubePermission, Permissions
from podid.domain.plan import Header, Plan, State
from podid.ops.change.kinds import ASSOCIATION
from podid.ops.declare.files import ValidatedFile, ValidatedFiles
from podid.ops.declare.manifests import Setting
from podid.ops.declare.reconcile import Reconciliation, RoundState
from podid.render.fileplan import (
    access_of,
    conflict_lines,
    diff_view,
    file_plan_lines,
    file_plan_view,
    file_plans_view,
    files_of,
    manifests_view,
    round_view,
    validation_view,
)
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
    "association", "shop/web", Position("x.yaml", 6, 3), Conflict("It differs", lines=("tags: a -> b",))
)
UNREAD = NotRead("role web", AccessDenied("Access denied", permission="iam:GetRole"))
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
    assert diff_view((plan(),)).silent == "no differences"
    assert diff_view((plan(conflicts=(CONFLICT,)),)).silent == "podid apply would change nothing"
    assert diff_view((plan((None, API)),)).silent == ""


FILES = ValidatedFiles(
    (
        ValidatedFile(file="a.yaml", declarations=("shop", "web"), mistakes=()),
        ValidatedFile(file="b.yaml", declarations=(), mistakes=("b.yaml:1:2: x", "b.yaml:3:4: y")),
        ValidatedFile(file="c.yaml", declarations=(), mistakes=()),
    )
)


def test_each_mistake_and_each_valid_file_has_a_line_and_a_row() -> None:
    view = validation_view(FILES)
    assert texts(view.lines) == [
        "✓ a.yaml  2 declarations: shop, web",
        "✗ b.yaml:1:2: x",
        "✗ b.yaml:3:4: y",
        "✓ c.yaml  a guard",
    ]
    assert view.tables[0].rows == (
        ("a.yaml", "valid", "2 declarations: shop, web"),
        ("b.yaml", "mistake", "b.yaml:1:2: x"),
        ("b.yaml", "mistake", "b.yaml:3:4: y"),
        ("c.yaml", "valid", "a guard"),
    )
    assert view.names == ("b.yaml",)


_CHANGE = plan((WEB, {**WEB, "disableSessionTags": True, "tags": {"team": "b"}})).changed[0]
DRIFTED = DriftedResource(cluster="demo", subject="association shop/web", change=_CHANGE)
AT = datetime(2026, 11, 28, 12, tzinfo=UTC)


@table(
    ("state", "counts", "words"),
    [
        (RoundState.IN_SYNC, {"unchanged": 2}, "in-sync   2 unchanged"),
        (RoundState.DRIFT, {"changes": 1}, "drift     1 pending change, 0 unchanged"),
        (
            RoundState.DRIFT,
            {"changes": 1, "drift": (DRIFTED,), "error": "x"},
            "drift     1 pending change, 0 unchanged: association shop/web (disableSessionTags, tags.team); x",
        ),
        (RoundState.APPLIED, {"changes": 2, "unchanged": 1}, "applied   2 changes, 1 unchanged"),
        (RoundState.PARTIAL, {"conflicts": 1, "error": "it differs"}, "partial   1 conflict, 0 unchanged: it differs"),
        (
            RoundState.PARTIAL,
            {"not_read": 1, "refused": 2},
            "partial   1 unread resource, 2 refused service accounts, 0 unchanged",
        ),
        (RoundState.FAILED, {"changes": 3, "error": "no answer"}, "failed    no answer"),
        (RoundState.STANDBY, {}, "standby   another process holds the Lease"),
    ],
)
def test_a_round_is_one_line(state: RoundState, counts: dict[str, Any], words: str) -> None:
    view = round_view(Reconciliation(at=AT, state=state, **counts))
    assert view.text == f"2026-11-28T12:00:00Z  {words}\n"
    assert view.names == (state,)


SETTING = Setting(
    name="podid-reconcile-shop",
    namespace="podid",
    image="image",
    cluster_arn="arn:aws:eks:us-west-2:111122223333:cluster/demo",
    words=("reconcile",),
    files={"identities.yaml": "x"},
)
LIST, UPDATE = KubePermission("", "pods", "list"), KubePermission("coordination.k8s.io", "leases", "update")


def objects(permissions: Permissions, namespace: str = "") -> list[Any]:
    return list(access_of(SETTING, permissions, namespace))


def test_permissions_are_bound_to_the_group_of_the_access_entry() -> None:
    role, binding = objects(Permissions(kubernetes=(LIST,)))
    assert (role["kind"], role["metadata"]) == ("ClusterRole", {"name": SETTING.name})
    assert (binding["kind"], binding["roleRef"]["name"]) == ("ClusterRoleBinding", SETTING.name)
    assert [item["name"] for item in binding["subjects"]] == [SETTING.group]
    role, binding = objects(Permissions(kubernetes=(UPDATE,)), "podid")
    assert (role["kind"], binding["kind"]) == ("Role", "RoleBinding")
    assert role["metadata"] == binding["metadata"] == {"name": SETTING.name, "namespace": "podid"}


def test_manifests_begin_with_the_steps_in_aws() -> None:
    granted, lease = Permissions(("eks:DescribeCluster",), (LIST,)), Permissions(kubernetes=(UPDATE,))
    view = manifests_view(SETTING, granted, lease, 300)
    head = [line for line in view.text.splitlines() if line.startswith("#")]
    where = f"--cluster {SETTING.cluster_arn}"
    assert head[1].endswith(
        f"podid role create {SETTING.name} --for podid/{SETTING.name} --policy-file iam-policy.json {where}"
    )
    assert head[2].endswith(f"podid associate podid/{SETTING.name} --role {SETTING.name} {where}")
    assert (
        f"--region us-west-2 --cluster-name demo --principal-arn ROLE_ARN --kubernetes-groups {SETTING.group}"
        in head[3]
    )
    files = dict(files_of(view))
    assert "eks:DescribeCluster" in files["iam-policy.json"]
    kinds = [document["kind"] for document in yaml.safe_load_all(files["manifests.yaml"])]
    assert kinds[-4:] == ["ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"]
