"""Lines of reconciliation rounds, and the manifests with their permissions."""

from datetime import UTC, datetime
from typing import Any

import yaml

from harness import table
from podid.domain.permissions import KubePermission, Permissions
from podid.ops.declare.manifests import Setting
from podid.ops.declare.reconcile import Reconciliation, RoundState
from podid.render.reconcile import access_of, files_of, manifests_view, round_view

AT = datetime(2026, 11, 28, 12, tzinfo=UTC)


@table(
    ("state", "counts", "words"),
    [
        (RoundState.IN_SYNC, {"unchanged": 2}, "in-sync   2 unchanged"),
        (RoundState.DRIFT, {"changes": 1}, "drift     1 pending change, 0 unchanged"),
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
