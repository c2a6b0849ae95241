"""Associations that go with their role, are made again in another cluster, or given to another service account."""

from dataclasses import replace
from pathlib import Path

import pytest

from harness import Outcome, Podid
from ops.change.support import account_state, policy_file, writes
from podid.sandbox.baseline import add_association, add_cluster, add_role, pods_trust
from podid.sandbox.box import Sandbox
from worlds import Site

WAIT = ("--wait", "none")
ARN = "arn:aws:iam::111122223333:role/"
TARGET = "arn:aws:iam::444455556666:role/reports"


def roles(box: Sandbox, cluster: str = "demo") -> dict[str, str]:
    return {
        f"{item.namespace}/{item.service_account}": item.role_arn.rpartition("/")[2]
        for item in box.world.clusters[cluster].associations.values()
    }


def statuses(outcome: Outcome) -> list[tuple[str, str, str]]:
    return [(item["kind"], item["target"], item["status"]) for item in outcome.json["actions"]]


def two_clusters(box: Sandbox) -> None:
    """Clusters demo and blue, and two roles that let in the pods of both."""
    add_cluster(box.world, "blue")
    for name in ("open", "wide"):
        add_role(box.world, box.iam, name, pods_trust())


# --- disassociate -------------------------------------------------------------------------------------------------


def test_the_role_goes_with_the_last_association(box: Sandbox, podid: Podid, journal: Path, tmp_path: Path) -> None:
    before = account_state(box)
    file = policy_file(tmp_path)
    made = podid("associate", "shop/a", "shop/b", "--create-role", "--role", "r", "--policy-file", file, *WAIT)
    assert made.code == 0, made
    count = writes(box)
    used = podid("disassociate", "shop/a", "--delete-role", "--yes", *WAIT, "-o", "json")
    assert (used.code, writes(box)) == (6, count), used
    assert "shop/b" in str(used.error)
    command = ("disassociate", "shop/a", "shop/b", "--delete-role", *WAIT)
    asked = podid(*command, "-o", "json")
    assert (asked.code, writes(box)) == (2, count)
    gone = podid(*command, "--yes", "-o", "json")
    assert gone.code == 0, gone
    assert [kind for kind, _, _ in statuses(gone)] == ["association", "association", "role-policy", "role"]
    assert account_state(box) == before
    assert podid(*command, "--yes", "--ignore-not-found", "-o", "json").code == 0
    back = podid("undo", "last", "--yes", *WAIT)
    assert back.code == 0, back
    assert roles(box) == {"shop/a": "r", "shop/b": "r"}


def test_a_role_of_somebody_else_stays(box: Sandbox, podid: Podid, journal: Path) -> None:
    add_association(box.world, "shop", "orders", "storefront")
    outcome = podid("disassociate", "shop/orders", "--delete-role", "--yes", *WAIT, "-o", "json")
    assert (outcome.code, writes(box)) == (6, 0)
    assert (
        outcome.error["message"]
        == "Role storefront was not created by podid, according to its journal: --delete-role cannot delete it"
    )


def test_a_role_whose_association_stays_is_kept(box: Sandbox, podid: Podid, journal: Path) -> None:
    assert podid("associate", "shop/a", "--create-role", "--role", "r", *WAIT).code == 0
    box.world.credentials.deny("eks:DeletePodIdentityAssociation")
    outcome = podid("disassociate", "shop/a", "--delete-role", "--yes", *WAIT, "-o", "json")
    assert outcome.code == 4, outcome
    assert box.iam.role(f"{ARN}r", as_of=box.world.clock.now()) is not None


def test_of_several_one_that_fails_stops_none(box: Sandbox, podid: Podid, journal: Path) -> None:
    for name in ("a", "b"):
        add_association(box.world, "shop", name, "storefront")
    missing = podid("disassociate", "shop/aa", "shop/a", "shop/c", "--yes", *WAIT, "-o", "json")
    assert (missing.code, writes(box)) == (5, 0)
    assert missing.error["message"].startswith("shop/aa has no association in cluster demo; did you mean shop/a")
    assert [line.split(";")[0] for line in missing.error["details"]] == ["shop/c has no association in cluster demo"]
    rest = podid("disassociate", "shop/aa", "shop/a", "shop/b", "--yes", "--ignore-not-found", *WAIT, "-o", "json")
    assert (rest.code, roles(box)) == (0, {})


def test_several_clusters(box: Sandbox, podid: Podid, journal: Path) -> None:
    two_clusters(box)
    both = ("--cluster", "demo", "--cluster", "blue")
    assert podid("associate", "shop/orders", "--role", "open", *both, *WAIT).code == 0
    gone = podid("disassociate", "shop/orders", *both, "--yes", *WAIT, "-o", "json")
    assert gone.code == 0, gone
    assert roles(box, "demo") == roles(box, "blue") == {}


def test_who_loses_the_role_and_when(site: Site) -> None:
    site.with_agent().with_identity()
    pods = site.cluster.pod_names("shop", "orders")
    planned = site("disassociate", "shop/orders", "--dry-run", "-o", "json")
    assert planned.code == 0, planned
    (note,) = [line for line in planned.json["notes"] if "lose" in line]
    assert note.startswith(f"{len(pods)} running pods of shop/orders lose the role when the credentials expire, by 20")
    assert all(name in note for name in pods)


# --- copy ---------------------------------------------------------------------------------------------------------


def test_another_cluster_becomes_like_the_first(box: Sandbox, podid: Podid, journal: Path, tmp_path: Path) -> None:
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


def cluster_state(box: Sandbox, cluster: str) -> list[tuple[object, ...]]:
    return sorted(
        (
            *(item.namespace, item.service_account, item.role_arn, item.target_role_arn),
            *(item.disable_session_tags, item.policy, tuple(box.world.tags.get(item.arn, {}).items())),
        )
        for item in box.world.clusters[cluster].associations.values()
    )


def test_a_trust_that_names_the_first_cluster(box: Sandbox, podid: Podid, journal: Path) -> None:
    add_cluster(box.world, "blue")
    assert podid("associate", "shop/orders", "--create-role", "--role", "r", *WAIT).code == 0
    command = ("copy", "--from-cluster", "demo", "--to-cluster", "blue", *WAIT, "-o", "json")
    refused = podid(*command)
    assert (refused.code, roles(box, "blue")) == (6, {})
    assert refused.error["hint"].endswith("--update-trust")
    done = podid(*command, "--update-trust")
    assert [(kind, status) for kind, _, status in statuses(done)] == [("role-trust", "done"), ("association", "done")]


def owned_by_an_addon(box: Sandbox) -> None:
    record = add_association(box.world, "kube-system", "ebs-csi-controller-sa", "open")
    arn = f"arn:aws:eks:us-west-2:{box.world.account}:addon/demo/aws-ebs-csi-driver/1"
    box.world.put_association(box.world.clusters["demo"], replace(record, owner_arn=arn))


SKIPPED = "the add-on aws-ebs-csi-driver owns it: podid addon associate aws-ebs-csi-driver ebs-csi-controller-sa"


@pytest.mark.parametrize("beside", [True, False])
@pytest.mark.parametrize("line", ["copy", "associate --from-file", "associate --from-file, another cluster"])
def test_what_an_addon_owns_is_listed_as_skipped(
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
        found = podid(*command, *flags, "-o", "json")
        assert found.code == 0, found.stderr
        assert [item for item in statuses(found) if item[2] == "skipped"] == [kind]
        assert found.json["actions"][-1]["reason"] == SKIPPED
        assert len(found.json["actions"]) == 1 + beside
    for flags in (("--dry-run",), (), ("-q",)):
        assert SKIPPED in podid(*command, *flags).stdout
        assert "ebs-csi" not in podid(*command, *flags, "-o", "name").stdout
    assert roles(box, "blue") == ({"shop/orders": "open"} if beside and line != "associate --from-file" else {})


@pytest.mark.parametrize(
    ("line", "code", "message"),
    [
        ("--from-cluster demo --to-cluster demo", 2, "--from-cluster and --to-cluster are the same cluster"),
        ("--from-cluster demo --to-cluster blue", 5, "Cluster demo has no associations to copy"),
        ("--from-cluster nosuch --to-cluster demo", 5, "cluster nosuch does not exist"),
        ("--from-cluster demo --to-cluster blue --map-role x", 2, "--map-role 'x' is not OLD=NEW"),
        ("--from-cluster demo --to-cluster blue --map-role a=b --map-role a=c", 2, "--map-role names a twice"),
        ("--from-cluster demo --to-cluster blue --map-role a=b:c", 2, "'b:c' is not an IAM role name"),
    ],
)
def test_copies_that_cannot_be(box: Sandbox, podid: Podid, journal: Path, line: str, code: int, message: str) -> None:
    add_cluster(box.world, "blue")
    outcome = podid("copy", *line.split(), "-o", "json")
    assert (outcome.code, writes(box)) == (code, 0), outcome
    assert outcome.error["message"].startswith(message)


# --- move ---------------------------------------------------------------------------------------------------------


def test_a_target_role_lets_the_new_one_in_before_the_old_one_goes(box: Sandbox, podid: Podid, journal: Path) -> None:
    """Without session tags the external id is another one for another service account."""
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
    assert [item for item in statuses(moved) if item[0] != "role-trust"] == [
        ("association", "shop/api", "done"),
        ("target-trust", mine, "done"),
        ("association", "shop/orders", "done"),
    ]
    assert "us-west-2/111122223333/demo/shop/api" in str(account_state(box)["roles"]["reports"]["trust"])
    assert podid("undo", "last", "--yes", *WAIT).code == 0
    assert account_state(box) == before
    told = podid(*command)
    assert told.code == 3, told
    assert told.json["targetRoles"][0]["command"][-1] == "--update-trust"


def test_the_new_one_comes_first_and_the_old_one_goes_last(box: Sandbox, podid: Podid, journal: Path) -> None:
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
    assert statuses(moved) == [
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
    """Nor does the undo of one."""
    add_association(box.world, "shop", "orders", "storefront")
    box.world.credentials.deny(action)
    failed = podid("move", "shop/orders", "shop/api", "--yes", *WAIT, "-o", "json")
    assert failed.code == (4 if "Create" in action else 8), failed
    assert roles(box)["shop/orders"] == "storefront"


def test_moves_that_cannot_be(box: Sandbox, podid: Podid, journal: Path) -> None:
    add_association(box.world, "shop", "orders", "storefront")
    add_association(box.world, "shop", "api", "orders-dynamodb")
    same = podid("move", "shop/orders", "shop/orders", "--yes", "-o", "json")
    assert (same.code, same.error["message"]) == (2, "shop/orders already has the association")
    none = podid("move", "shop/order", "shop/other", "--yes", "-o", "json")
    assert (none.code, writes(box)) == (5, 0)
    taken = podid("move", "shop/orders", "shop/api", "--yes", *WAIT, "-o", "json")
    assert (taken.code, writes(box)) == (6, 0)
    assert taken.error["hint"].endswith("--replace")
    assert podid("move", "shop/orders", "shop/api", "--yes", "--replace", *WAIT).code == 0
    assert roles(box) == {"shop/api": "storefront"}


def test_a_move_warns_of_whom_nobody_knows(site: Site) -> None:
    site.associate("shop", "orders")
    planned = site("move", "shop/orders", "shop/orderz", "--dry-run", "-o", "json")
    assert planned.code == 0, planned
    assert planned.json["notes"][0].startswith("service account shop/orderz does not exist")
    made = site("move", "shop/orders", "shop/fresh", "--create-service-account", "--yes", "--wait", "api", "-o", "json")
    assert made.code == 0, made
    assert [kind for kind, _, _ in statuses(made)] == ["service-account", "association", "association"]


def break_webhook(site: Site) -> None:
    """New pods are given nothing, although the association is there."""
    site.cluster.delete("/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/pod-identity-webhook")


def test_the_old_one_goes_only_once_new_pods_get_the_new_one(site: Site) -> None:
    site.with_agent().associate("shop", "orders")
    site.with_new_pods()
    site.cluster.make_account("shop", "api")
    break_webhook(site)
    before = [item["serviceAccount"] for item in site("list", "-o", "json").json["items"]]
    stuck = site("move", "shop/orders", "shop/api", "--yes", "-o", "json")
    assert stuck.code == 8, stuck
    assert [status for *_, status in statuses(stuck)] == ["done", "blocked"]
    assert "shop/orders keeps its own" in stuck.error["message"]
    assert {*before, "api"} == {item["serviceAccount"] for item in site("list", "-o", "json").json["items"]}


def test_a_move_that_cannot_be_looked_at(site: Site) -> None:
    """It goes on, unless the look was asked for by name."""
    site.with_agent().associate("shop", "orders")
    asked = site("move", "shop/orders", "shop/orderz", "--yes", "--wait", "ready", "-o", "json")
    assert (asked.code, [status for *_, status in statuses(asked)]) == (8, ["done", "blocked"]), asked
    assert "does not exist" in asked.error["message"]
    assert site("move", "shop/orders", "shop/orderz", "--yes", "--wait", "ready", "-o", "json").code == 9
    rest = site("move", "shop/orders", "shop/orderz", "--yes", "-o", "json")
    assert (rest.code, [item["serviceAccount"] for item in site("list", "-o", "json").json["items"]]) == (0, ["orderz"])


def test_a_move_that_is_seen_and_restarts(site: Site) -> None:
    site.with_agent().associate("shop", "orders")
    site.with_new_pods()
    pods = site.cluster.pod_names("shop", "orders")
    site.cluster.make_account("shop", "api")
    moved = site("move", "shop/orders", "shop/api", "--yes", "--restart", "-o", "json")
    assert moved.code == 0, moved
    assert [kind for kind, *_ in statuses(moved)] == ["association", "association", "restart"]
    assert [after["newPod"]["state"] for after in moved.json["after"]] == ["ready"]
    assert not set(pods) & set(site.cluster.pod_names("shop", "orders"))


def test_the_old_trust_statement_is_named_or_removed(box: Sandbox, podid: Podid, journal: Path) -> None:
    assert podid("associate", "shop/orders", "--create-role", "--role", "r", *WAIT).code == 0
    before = account_state(box)
    command = ("move", "shop/orders", "shop/api", "--update-trust", "--yes", *WAIT, "-o", "json")
    named = podid(*command)
    (note,) = [text for text in named.json["notes"] if "still allows shop/orders" in text]
    assert "podid trust remove --role r --for shop/orders --cluster demo" in note
    assert (podid("undo", "last", "--yes", *WAIT).code, account_state(box)) == (0, before)
    moved = podid(*command, "--remove-trust")
    assert moved.code == 0, moved
    assert statuses(moved) == [
        ("role-trust", "r", "done"),
        ("association", "shop/api", "done"),
        ("association", "shop/orders", "done"),
        ("role-trust", "r", "done"),
    ]
    verdicts = {
        name: podid("trust", "check", "--role", "r", "--for", f"shop/{name}", "-o", "json").json["verdict"]
        for name in ("orders", "api")
    }
    assert verdicts == {"orders": "no-match", "api": "match"}
    assert (podid("undo", "last", "--yes", *WAIT).code, account_state(box)) == (0, before)


def test_a_statement_that_lets_in_others_stays(box: Sandbox, podid: Podid, journal: Path) -> None:
    add_association(box.world, "shop", "orders", "storefront")
    moved = podid("move", "shop/orders", "shop/api", "--yes", "--remove-trust", *WAIT, "-o", "json")
    assert (moved.code, [kind for kind, *_ in statuses(moved)]) == (0, ["association", "association"])
    assert "still allows" not in str(moved.json["notes"])
