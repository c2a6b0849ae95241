"""Service accounts that are deleted with their association, pods that lose the role, and the resources of one cluster
that `podid decommission` deletes."""

import json
from dataclasses import replace
from typing import Any

import pytest

from cluster_api import injected
from harness import Outcome
from podid.sandbox.aws.protocol import AwsError
from podid.sandbox.baseline import add_association, add_cluster
from podid.sandbox.box import Sandbox
from podid.sandbox.world import AssociationRecord, ClusterRecord
from worlds import ACCOUNT, ACTIONS, Site

MAKE = "associate shop/new --create-role --role made --preset sqs-send,queue=q --create-service-account --wait api"
DELETE = "disassociate shop/new --delete-service-account --yes"


def accounts(site: Site) -> set[str]:
    path = "/api/v1/namespaces/shop/serviceaccounts"
    return {item["metadata"]["name"] for item in site.cluster.items(path)}


def said(site: Site, line: str) -> Outcome:
    return site(*line.split(), "-o", "json")


def test_a_service_account_of_podid_is_deleted_and_restored(healthy: Site) -> None:
    healthy.must(*MAKE.split())
    assert "new" in accounts(healthy)
    plan = said(healthy, f"{DELETE} --dry-run").json
    assert [(item["kind"], item["verb"]) for item in plan["actions"]] == [
        ("association", "delete"),
        ("service-account", "delete"),
    ]
    assert "new" in accounts(healthy)
    outcome = said(healthy, DELETE)
    assert outcome.code == 0, outcome
    assert [item["status"] for item in outcome.json["actions"]] == ["done", "done"]
    assert "new" not in accounts(healthy)
    again = said(healthy, f"{DELETE} --ignore-not-found")
    assert (again.code, [item["status"] for item in again.json["actions"]]) == (0, ["unchanged", "unchanged"])
    healthy.must("undo", "last", "--yes")
    assert "new" in accounts(healthy)
    # made again by podid, it is podid's again
    assert said(healthy, f"{DELETE} --delete-role").code == 0
    assert "new" not in accounts(healthy)
    assert healthy("role", "show", "made").code == 5


def test_a_service_account_of_others_stays(healthy: Site) -> None:
    healthy.associate("shop", "web")
    outcome = said(healthy, "disassociate shop/web --delete-service-account --yes")
    assert (outcome.code, outcome.stdout) == (0, outcome.stdout)  # web does not exist: nothing to delete
    outcome = said(healthy, "disassociate shop/orders --delete-service-account --yes")
    assert outcome.code == 6, outcome
    assert outcome.error["message"] == "Service account shop/orders was not created by podid, according to its journal"
    assert "orders" in accounts(healthy)
    assert [item["serviceAccount"] for item in healthy.must("list", "-o", "json").json["items"]] == ["orders"]


def test_a_service_account_that_others_recreated_stays(healthy: Site) -> None:
    healthy.must(*MAKE.split())
    path = "/api/v1/namespaces/shop/serviceaccounts"
    healthy.cluster.delete(f"{path}/new")
    healthy.cluster.post(path, {"metadata": {"name": "new"}})
    outcome = said(healthy, DELETE)
    assert (outcome.code, outcome.error["subject"]) == (6, "shop/new"), outcome
    assert "new" in accounts(healthy)
    # undo keeps it as well: only its name is the same
    outcome = said(healthy, "undo last --yes")
    assert outcome.code == 6, outcome
    assert "was deleted and created again" in outcome.error["message"]
    assert "new" in accounts(healthy)


def test_a_service_account_with_pods_stays(healthy: Site) -> None:
    healthy.must(*MAKE.split())
    healthy.cluster.make_workload("Deployment", "shop", "late", "new", 1)
    healthy.wait(30)
    outcome = said(healthy, DELETE)
    assert outcome.code == 6, outcome
    assert "running pods use it (late-" in outcome.error["message"]
    assert "new" in accounts(healthy)
    assert "shop/new" in healthy.must("list", "-o", "name").stdout


def test_a_service_account_of_helm_stays(healthy: Site) -> None:
    healthy.must(*MAKE.split())
    helm = {"meta.helm.sh/release-name": "orders", "meta.helm.sh/release-namespace": "shop"}
    healthy.cluster.merge("/api/v1/namespaces/shop/serviceaccounts/new", {"metadata": {"annotations": helm}})
    outcome = said(healthy, DELETE)
    assert (outcome.code, "Helm release orders in namespace shop" in outcome.error["message"]) == (6, True), outcome
    assert "new" in accounts(healthy)


def test_a_service_account_of_the_same_name_in_another_cluster_stays(healthy: Site) -> None:
    """The journal records the creation in one cluster only."""
    healthy.must(*MAKE.split())
    file = next(iter(sorted((healthy.directory).rglob("*.jsonl"))))
    text = file.read_text()
    file.write_text(text.replace('"cluster":"demo"', '"cluster":"blue"'))
    outcome = said(healthy, DELETE)
    assert (outcome.code, outcome.error["subject"]) == (6, "shop/new"), outcome
    file.write_text(text)
    assert said(healthy, DELETE).code == 0


def test_without_the_permission_nothing_is_deleted(healthy: Site) -> None:
    healthy.must(*MAKE.split())
    rules = [{"apiGroups": [""], "resources": ["serviceaccounts", "pods"], "verbs": ["get", "list"]}]
    outcome = healthy(*DELETE.split(), "--wait", "api", "-o", "json", env=healthy.user("reader", rules))
    assert outcome.code in (4, 8), outcome
    assert "serviceaccounts" in outcome.stderr
    assert "new" in accounts(healthy)
    # the next run goes on where this one ended
    assert said(healthy, f"{DELETE} --ignore-not-found").code == 0
    assert "new" not in accounts(healthy)


def test_running_pods_that_lose_the_role_are_noted(site: Site) -> None:
    site.with_agent().with_identity()
    pods = site.cluster.pod_names("shop", "orders")
    planned = site("disassociate", "shop/orders", "--dry-run", "-o", "json")
    assert planned.code == 0, planned
    (note,) = [line for line in planned.json["notes"] if "lose" in line]
    assert note.startswith(f"{len(pods)} running pods of shop/orders lose the role when the credentials expire, by 20")
    assert all(name in note for name in pods)


def test_a_rerun_of_a_failed_run_continues_it(healthy: Site) -> None:
    healthy.must(*MAKE.split())
    line = "disassociate shop/new --delete-role --yes"
    healthy.box.world.credentials.deny("iam:DeleteRole")
    assert said(healthy, line).code == 8
    healthy.box.world.credentials.allow_again()
    outcome = said(healthy, line)
    assert outcome.code == 0, outcome
    assert healthy("role", "show", "made").code == 5
    assert said(healthy, line).code == 5


def test_a_rerun_restarts_the_pods_whose_association_the_failed_run_deleted(
    healthy: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = healthy.box.world
    add_association(world, "payments", "billing-worker", "shop-orders")
    remove = world.remove_association

    def refuse(cluster: ClusterRecord, association_id: str) -> AssociationRecord:
        if cluster.associations[association_id].namespace == "payments":
            raise AwsError("InvalidRequestException", "not now")
        return remove(cluster, association_id)

    line = "disassociate shop/orders payments/billing-worker --restart --yes"
    with monkeypatch.context() as patch:
        patch.setattr(world, "remove_association", refuse)
        assert said(healthy, line).code == 8
    outcome = said(healthy, line)
    assert outcome.code == 0, outcome
    assert not any(map(injected, healthy.cluster.pods("shop", "orders")))


BLUE = f"arn:aws:eks:us-west-2:{ACCOUNT}:cluster/blue"
DEMO = f"arn:aws:eks:us-west-2:{ACCOUNT}:cluster/demo"
LINE = ("decommission", "--cluster", "blue")
POLICY = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}'


def statement(*clusters: str, principal: str = "pods.eks.amazonaws.com") -> dict[str, Any]:
    condition = {"ArnEquals": {"aws:SourceArn": clusters[0] if len(clusters) == 1 else list(clusters)}}
    return {
        "Effect": "Allow",
        "Principal": {"Service": principal},
        "Action": ACTIONS,
        **({"Condition": condition} if clusters else {}),
    }


def make_role(box: Sandbox, name: str, *statements: dict[str, Any], tags: dict[str, str] | None = None) -> None:
    document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    box.iam.make_role(ACCOUNT, name, document, tags=tags)


def trust(box: Sandbox, name: str) -> list[dict[str, Any]] | None:
    role = box.iam.role_named(ACCOUNT, name)
    return None if role is None else json.loads(role.assume_role_policy_document)["Statement"]


def associations(box: Sandbox, cluster: str) -> set[str]:
    return {f"{item.namespace}/{item.service_account}" for item in box.world.clusters[cluster].associations.values()}


@pytest.fixture
def blue(account: Site) -> Site:
    """Return cluster blue, which has associations with a role of podid, a shared role, and one of a tool."""
    box = account.box
    add_cluster(box.world, "blue")
    (account.directory / "read.json").write_text(POLICY)
    file = str(account.directory / "read.json")
    account.must("role", "create", "own", "--for", "shop/orders", "--cluster", "blue", "--policy-file", file)
    account.must("associate", "shop/orders", "--role", "own", "--cluster", "blue", "--wait", "api")
    make_role(box, "shared", statement(BLUE, DEMO), statement(BLUE), statement(DEMO))
    add_association(box.world, "shop", "cart", "shared", cluster_name="blue")
    add_association(box.world, "shop", "cart", "shared")
    make_role(box, "manual", statement(BLUE))
    make_role(box, "wide", statement())
    make_role(box, "stack", statement(BLUE, DEMO), tags={"aws:cloudformation:stack-name": "web"})
    add_association(box.world, "shop", "wide", "wide", cluster_name="blue")
    owned = add_association(box.world, "shop", "stack", "owned", cluster_name="blue")
    box.world.tags[owned.arn] = {"aws:cloudformation:stack-name": "web"}
    make_role(box, "owned", statement(BLUE, DEMO))
    return account


def state(site: Site) -> dict[str, Any]:
    names = ("own", "shared", "manual", "wide", "stack", "owned")
    return {
        **{name: trust(site.box, name) for name in names},
        "blue": associations(site.box, "blue"),
        "demo": associations(site.box, "demo"),
    }


def test_resources_that_only_the_cluster_uses_are_deleted(blue: Site) -> None:
    before = state(blue)
    outcome = blue(*LINE, "--yes", "-o", "json")
    assert outcome.code == 0, outcome
    after = state(blue)
    assert after["own"] is None
    assert after["shared"] == [
        statement(DEMO) | {"Condition": {"ArnEquals": {"aws:SourceArn": [DEMO]}}},
        statement(DEMO),
    ]
    for name in ("manual", "wide", "stack", "owned", "demo"):
        assert after[name] == before[name], name
    assert after["blue"] == {"shop/stack"}


def test_the_target_role_of_an_association_that_stays_is_unchanged(blue: Site) -> None:
    box = blue.box
    make_role(box, "target", statement(BLUE, DEMO))
    items = box.world.clusters["blue"].associations
    (key,) = [key for key, item in items.items() if item.service_account == "stack"]
    items[key] = replace(items[key], target_role_arn=f"arn:aws:iam::{ACCOUNT}:role/target")
    before = trust(box, "target")
    outcome = blue(*LINE, "--yes", "-o", "json")
    assert outcome.code == 0, outcome
    assert trust(box, "target") == before
    assert "unchanged: role target, which an association of the cluster still uses" in outcome.json["notes"]


def test_a_rerun_changes_nothing_and_undo_restores_all(blue: Site) -> None:
    before = state(blue)
    blue.must(*LINE, "--yes")
    again = blue(*LINE, "--yes", "-o", "json")
    assert (again.code, again.json["actions"]) == (0, []), again
    undone = blue("undo", "last", "--yes", "-o", "json")
    assert undone.code == 0, undone
    assert state(blue) == before


def test_a_dry_run_and_a_refusal_change_nothing(blue: Site) -> None:
    before = state(blue)
    plan = blue(*LINE, "--dry-run", "-o", "json")
    assert plan.code == 0, plan
    targets = [(item["verb"], item["target"]) for item in plan.json["actions"]]
    assert ("delete", "own") in targets
    assert ("update", "shared") in targets
    notes = " ".join(plan.json["notes"])
    assert "manual, which podid did not create, according to its journal" in notes
    assert "belongs to CloudFormation stack web" in notes
    # in the order of the roles' names, although podid reads all at the same time
    assert notes.index("unchanged: role manual") < notes.index(f"role shared: {BLUE} was removed from Statement[0]")
    assert blue(*LINE).code == 2
    assert state(blue) == before


def test_a_cluster_that_is_gone(blue: Site) -> None:
    """Only trust policies of roles still name the cluster."""
    box = blue.box
    del box.world.clusters["blue"]
    outcome = blue(*LINE, "--yes")
    assert outcome.code == 0, outcome
    assert trust(box, "own") is None
    assert [item["Condition"]["ArnEquals"]["aws:SourceArn"] for item in trust(box, "owned") or ()] == [[DEMO]]


@pytest.mark.parametrize(
    ("action", "code"),
    [
        ("eks:ListPodIdentityAssociations", 4),
        ("eks:DescribePodIdentityAssociation", 4),
        ("eks:ListClusters", 9),
        ("iam:ListRoles", 4),
        ("iam:GetRole", 4),
    ],
)
def test_without_a_complete_reading_nothing_is_changed(blue: Site, action: str, code: int) -> None:
    before = state(blue)
    blue.box.world.credentials.deny(action)
    outcome = blue(*LINE, "--yes")
    blue.box.world.credentials.allow_again()
    assert outcome.code == code, outcome
    assert action in outcome.stderr
    assert state(blue) == before


def test_a_cluster_of_the_same_name_elsewhere_is_another(blue: Site) -> None:
    other = BLUE.replace("us-west-2", "us-east-1")
    make_role(blue.box, "elsewhere", statement(other))
    blue.must(*LINE, "--yes")
    assert trust(blue.box, "elsewhere") == [statement(other)]


@pytest.mark.parametrize("gone", [False, True])
def test_a_rerun_deletes_the_roles_of_associations_that_the_failed_run_deleted(blue: Site, gone: bool) -> None:
    """Their trust policies do not name the cluster, which may have been deleted meanwhile."""
    box = blue.box
    blue.must("role", "create", "anywhere", "--for", "shop/web", "--cluster", "blue", "--scope", "account")
    blue.must("associate", "shop/web", "--role", "anywhere", "--cluster", "blue", "--wait", "api")
    box.world.credentials.deny("iam:DeleteRole")
    assert blue(*LINE, "--yes").code == 8
    box.world.credentials.allow_again()
    assert (associations(box, "blue"), trust(box, "anywhere") is None) == ({"shop/stack"}, False)
    if gone:
        del box.world.clusters["blue"]
    outcome = blue(*LINE, "--yes", "--timeout", "10m")
    assert outcome.code == 0, outcome
    assert (trust(box, "anywhere"), trust(box, "own"), trust(box, "wide")) == (None, None, [statement()])


def test_deleted_roles_leave_the_trust_policy_of_their_common_target_role(blue: Site) -> None:
    """The target role also loses its own statement for the cluster: three changes of one trust policy."""
    box, target = blue.box, f"arn:aws:iam::{ACCOUNT}:role/goal"
    make_role(box, "goal", statement(BLUE), statement(DEMO))
    for name in ("a", "b"):
        line = ("role", "create", name, "--for", f"shop/{name}", "--cluster", "blue", "--target-role", target)
        blue.must(*line, "--update-trust")
        blue.must("associate", f"shop/{name}", "--role", name, "--cluster", "blue", "--wait", "api")
    whole = trust(box, "goal")
    noted = blue.must(*LINE, "--dry-run", "-o", "json").json["notes"]
    assert len([note for note in noted if "pass --update-trust" in note]) == 2
    outcome = blue(*LINE, "--update-trust", "--yes")
    assert outcome.code == 0, outcome
    assert (trust(box, "a"), trust(box, "b")) == (None, None)
    assert trust(box, "goal") == [statement(DEMO)]
    blue.must("undo", "last", "--yes")
    after = trust(box, "goal")
    assert after is not None
    assert whole is not None
    assert sorted(map(json.dumps, after)) == sorted(map(json.dumps, whole))
