"""Associations that are copied to another cluster or moved to another service account."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from checks.builder import association
from harness import Podid
from ops.association.worlds import ARN, TARGET, WAIT, actions, cluster_state, owned_by_an_addon, roles, two_clusters
from ops.change.support import account_state, policy_file, writes
from podid.ops.association.transfer import copies
from podid.sandbox.baseline import add_association, add_cluster, add_role
from podid.sandbox.box import Sandbox
from worlds import Site

# --- disassociate -------------------------------------------------------------------------------------------------


# --- copy ---------------------------------------------------------------------------------------------------------


def test_a_copy_has_the_settings_of_the_original(box: Sandbox, podid: Podid, journal: Path, tmp_path: Path) -> None:
    two_clusters(box)
    more = {
        "shop/orders": ("open", "--target-role", TARGET, "--tag", "a=b"),
        "shop/cart": ("wide", "--session-policy", policy_file(tmp_path)),
        "pay/api": ("open", "--no-session-tags"),
    }
    for ref, (role, *settings) in more.items():
        assert podid("associate", ref, "--role", role, *settings, *WAIT).code == 0
    command = ("copy", "--from-cluster", "demo", "--to-cluster", "blue", *WAIT, "-o", "json")
    some = podid(*command, "-n", "pay")
    assert (some.code, roles(box, "blue")) == (0, {"pay/api": "open"})
    count = writes(box)
    mapped = podid(*command, "--map-role", "open=wide")
    assert (mapped.code, writes(box)) == (6, count)
    assert mapped.error["details"] == [f"pay/api role: {ARN}open -> {ARN}wide"]
    assert podid(*command).code == 0
    states = {name: cluster_state(box, name) for name in ("demo", "blue")}
    assert states["demo"] == states["blue"]
    count = writes(box)
    again = podid(*command)
    assert (again.code, writes(box)) == (0, count)
    replaced = podid(*command, "--map-role", f"{ARN}open=wide", "--replace")
    assert replaced.code == 0, replaced
    assert set(roles(box, "blue").values()) == {"wide"}


@pytest.mark.parametrize("line", ["copy --from-cluster demo --to-cluster blue", "associate --cluster blue --from-file"])
def test_the_file_of_the_original_does_not_own_the_copy(
    box: Sandbox, podid: Podid, journal: Path, tmp_path: Path, line: str
) -> None:
    """Otherwise its next --prune in the other cluster would delete the copy."""
    two_clusters(box)
    listed = tmp_path / "list.json"
    associate = ("associate", "shop/orders", "--role", "open", "--tag", "podid:owner=shop", "--tag", "a=b")
    assert podid(*associate, *WAIT).code == 0
    listed.write_text(podid("list", "-o", "json").stdout)
    assert podid(*line.split(), *([str(listed)] if "file" in line else []), *WAIT).code == 0
    (*_, tags), *_ = cluster_state(box, "blue")
    assert tags == (("a", "b"),)


def test_a_trust_that_names_the_first_cluster(box: Sandbox, podid: Podid, journal: Path) -> None:
    add_cluster(box.world, "blue")
    assert podid("associate", "shop/orders", "--create-role", "--role", "r", *WAIT).code == 0
    command = ("copy", "--from-cluster", "demo", "--to-cluster", "blue", *WAIT, "-o", "json")
    refused = podid(*command)
    assert (refused.code, roles(box, "blue")) == (6, {})
    assert refused.error["hint"].endswith("--update-trust")
    done = podid(*command, "--update-trust")
    assert [(kind, status) for kind, _, status in actions(done)] == [("role-trust", "done"), ("association", "done")]


SKIPPED = "the add-on aws-ebs-csi-driver owns it: podid addon associate aws-ebs-csi-driver ebs-csi-controller-sa"


@pytest.mark.parametrize("beside", [True, False])
@pytest.mark.parametrize("line", ["copy", "associate --from-file", "associate --from-file, another cluster"])
def test_associations_of_an_add_on_are_skipped(
    box: Sandbox, podid: Podid, journal: Path, tmp_path: Path, line: str, beside: bool
) -> None:
    two_clusters(box)
    owned_by_an_addon(box)
    if beside:
        add_association(box.world, "shop", "orders", "open")
    (tmp_path / "list.json").write_text(podid("list", "-o", "json").stdout)
    command: tuple[str, ...] = ("copy", "--from-cluster", "demo", "--to-cluster", "blue", *WAIT)
    if line != "copy":
        cluster = "demo" if line == "associate --from-file" else "blue"
        command = ("associate", "--from-file", str(tmp_path / "list.json"), "--cluster", cluster, *WAIT)
    kind = ("association", "kube-system/ebs-csi-controller-sa", "skipped")
    for flags in (("--dry-run",), ()):
        result = podid(*command, *flags, "-o", "json")
        assert result.code == 0, result.stderr
        assert [item for item in actions(result) if item[2] == "skipped"] == [kind]
        assert result.json["actions"][-1]["reason"] == SKIPPED
        assert len(result.json["actions"]) == 1 + beside
    for flags in (("--dry-run",), ("-q",)):
        assert SKIPPED in podid(*command, *flags).stdout
    assert "ebs-csi" not in podid(*command, "-o", "name").stdout
    assert roles(box, "blue") == ({"shop/orders": "open"} if beside and line != "associate --from-file" else {})


# --- move ---------------------------------------------------------------------------------------------------------


def test_the_target_role_allows_the_new_role_before_the_old_association_is_deleted(
    box: Sandbox, podid: Podid, journal: Path
) -> None:
    """Without session tags the external id depends on the service account."""
    mine = f"{ARN}reports"
    root = {
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
        "Action": "sts:SetSourceIdentity",
    }
    add_role(box.world, box.iam, "reports", {"Version": "2012-10-17", "Statement": [root]})
    first = ("associate", "shop/orders", "--create-role", "--role", "r", "--target-role", mine, "--no-session-tags")
    assert podid(*first, "--update-trust", *WAIT).code == 0
    before = account_state(box)
    command = ("move", "shop/orders", "shop/api", "--yes", *WAIT, "-o", "json")
    moved = podid(*command, "--update-trust")
    assert moved.code == 0, moved
    assert [item for item in actions(moved) if item[0] != "role-trust"] == [
        ("association", "shop/api", "done"),
        ("target-trust", mine, "done"),
        ("association", "shop/orders", "done"),
    ]
    assert "us-west-2/111122223333/demo/shop/api" in str(account_state(box)["roles"]["reports"]["trust"])
    assert podid("undo", "last", "--yes", *WAIT).code == 0
    assert account_state(box) == before
    messages = podid(*command)
    assert messages.code == 3, messages
    assert messages.json["targetRoles"][0]["command"][-1] == "--update-trust"


def test_the_old_association_is_deleted_last(box: Sandbox, podid: Podid, journal: Path) -> None:
    first = ("associate", "shop/orders", "--create-role", "--role", "r", "--target-role", TARGET, "--tag", "a=b", *WAIT)
    assert podid(*first).code == 0
    before, state = account_state(box), cluster_state(box, "demo")
    command = ("move", "shop/orders", "shop/api", *WAIT, "-o", "json")
    refused = podid(*command, "--yes")
    assert (refused.code, account_state(box)) == (6, before)
    assert refused.error["hint"].endswith("--update-trust")
    asked = podid(*command, "--update-trust")
    assert (asked.code, account_state(box)) == (2, before)
    moved = podid(*command, "--update-trust", "--yes")
    assert moved.code == 0, moved
    assert actions(moved) == [
        ("role-trust", "r", "done"),
        ("association", "shop/api", "done"),
        ("association", "shop/orders", "done"),
    ]
    assert [item[2:] for item in cluster_state(box, "demo")] == [item[2:] for item in state]
    count = writes(box)
    again = podid(*command, "--yes")
    assert (again.code, writes(box)) == (0, count)
    assert "nothing is left to move" in str(again.json["notes"])
    assert (podid("undo", "last", "--yes", *WAIT).code, account_state(box)) == (0, before)


@pytest.mark.parametrize("action", ["eks:CreatePodIdentityAssociation", "eks:DeletePodIdentityAssociation"])
def test_a_move_that_fails_loses_nothing(box: Sandbox, podid: Podid, journal: Path, action: str) -> None:
    add_association(box.world, "shop", "orders", "storefront")
    box.world.credentials.deny(action)
    failed = podid("move", "shop/orders", "shop/api", "--yes", *WAIT, "-o", "json")
    assert failed.code == (4 if "Create" in action else 8), failed
    assert roles(box)["shop/orders"] == "storefront"


def break_webhook(site: Site) -> None:
    """The webhook does not serve new pods."""
    site.cluster.delete("/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/pod-identity-webhook")


def test_the_old_association_stays_if_no_token_could_be_redeemed(healthy: Site) -> None:
    healthy.box.world.credentials.deny("eks-auth:AssumeRoleForPodIdentity")
    stuck = healthy("move", "shop/orders", "legacy/reports", "--update-trust", "--yes", "--wait", "verified")
    assert stuck.code == 8, stuck
    assert "new pods are ready; missing permission: eks-auth:AssumeRoleForPodIdentity" in stuck.stderr


def test_the_old_association_is_deleted_once_new_pods_get_credentials(site: Site) -> None:
    site.with_agent().associate("shop", "orders")
    site.with_new_pods()
    site.cluster.make_account("shop", "api")
    break_webhook(site)
    before = [item["serviceAccount"] for item in site("list", "-o", "json").json["items"]]
    stuck = site("move", "shop/orders", "shop/api", "--yes", "-o", "json")
    assert stuck.code == 8, stuck
    assert [status for *_, status in actions(stuck)] == ["done", "blocked"]
    assert "shop/orders keeps its own" in stuck.error["message"]
    assert {*before, "api"} == {item["serviceAccount"] for item in site("list", "-o", "json").json["items"]}


def test_a_move_that_cannot_be_checked(site: Site) -> None:
    """It continues, unless the state was specified with --wait."""
    site.with_agent().associate("shop", "orders")
    asked = site("move", "shop/orders", "shop/orderz", "--yes", "--wait", "ready", "-o", "json")
    assert (asked.code, [status for *_, status in actions(asked)]) == (8, ["done", "blocked"]), asked
    assert "does not exist" in asked.error["message"]
    assert site("move", "shop/orders", "shop/orderz", "--yes", "--wait", "ready", "-o", "json").code == 9
    rest = site("move", "shop/orders", "shop/orderz", "--yes", "-o", "json")
    assert (rest.code, [item["serviceAccount"] for item in site("list", "-o", "json").json["items"]]) == (0, ["orderz"])


def test_a_trust_statement_for_others_stays(box: Sandbox, podid: Podid, journal: Path) -> None:
    add_association(box.world, "shop", "orders", "storefront")
    moved = podid("move", "shop/orders", "shop/api", "--yes", "--remove-trust", *WAIT, "-o", "json")
    assert (moved.code, [kind for kind, *_ in actions(moved)]) == (0, ["association", "association"])
    assert "still allows" not in str(moved.json["notes"])


OTHER_ACCOUNT = "444455556666"


def test_target_roles_are_mapped_like_roles() -> None:
    far, own = f"arn:aws:iam::{OTHER_ACCOUNT}:role/team/reader", f"{ARN}reader"
    rows: tuple[tuple[Mapping[str, str], str], ...] = (
        ({}, "arn:aws:iam::999988887777:role/team/reader"),
        ({far: f"{ARN}green"}, f"{ARN}green"),
        ({far: "green"}, "arn:aws:iam::999988887777:role/green"),
        ({"reader": "green"}, "arn:aws:iam::999988887777:role/green"),
    )
    for mapped, target in rows:
        (item,) = copies(
            (association(role_arn=own, target_role_arn=far),), mapped, accounts={OTHER_ACCOUNT: "999988887777"}
        )
        assert (mapped, item.settings.target_role_arn) == (mapped, target)
