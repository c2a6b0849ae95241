"""Service accounts that are deleted with their association, and pods that lose the role."""

import pytest

from cluster_api import injected
from harness import Outcome
from podid.sandbox.aws.protocol import AwsError
from podid.sandbox.baseline import add_association
from podid.sandbox.world import AssociationRecord, ClusterRecord
from worlds import Site

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
