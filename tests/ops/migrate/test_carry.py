"""A migration carried out: order, failures and batches."""

from collections.abc import Callable

import pytest

from irsa import ANNOTATION, REPORTS, Irsa, irsa_statement, ways
from podid.sandbox.aws.protocol import AwsError
from podid.sandbox.faults import Fault
from podid.sandbox.world import AssociationRecord, ClusterRecord
from worlds import ACCOUNT, ACTIONS


def test_apply_moves_and_proves(irsa: Irsa) -> None:
    before = irsa.trust("irsa-reports")["Statement"]
    result = irsa.site.must("migrate", "apply", "-A", "--yes", "-o", "json").json
    assert [(action["kind"], action["status"]) for action in result["actions"]] == [
        ("role-trust", "done"),
        ("association", "done"),
        ("restart", "done"),
    ]
    assert [status["state"] for status in result["after"]] == ["verified"]
    after = irsa.trust("irsa-reports")["Statement"]
    assert (after[: len(before)], len(after)) == (before, len(before) + 1)
    assert irsa.annotations(REPORTS) == {ANNOTATION: f"arn:aws:iam::{ACCOUNT}:role/irsa-reports"}
    assert irsa.stages()[REPORTS] == "moved"
    assert all(ways(pod) == {"AWS_CONTAINER_CREDENTIALS_FULL_URI"} for pod in irsa.site.cluster.pods("legacy"))
    again = irsa.site.must("migrate", "apply", "-A", "--yes", "-o", "json").json
    assert [action for action in again["actions"] if action["status"] == "done"] == []
    assert irsa.trust("irsa-reports")["Statement"] == after


def test_after_the_restart_only_its_effect_is_read(irsa: Irsa) -> None:
    site = irsa.site
    site.box.faults.calls.clear()
    site.kube.faults.calls.clear()
    site.must("migrate", "apply", REPORTS, "--yes")
    aws, kube = site.box.faults.calls, {path: count for (_, path), count in site.kube.faults.calls.items()}
    # once for the plan: the migration does not affect these
    for operation in (("eks", "ListInsights"), ("ec2", "DescribeRouteTables"), ("iam", "SimulatePrincipalPolicy")):
        assert aws[operation] == 1, operation
    # once for the plan, and once before the restart
    assert kube["GET /apis/networking.k8s.io/v1/namespaces/legacy/networkpolicies?limit=500"] == 2
    # a new pod may run on a new node
    assert kube["GET /api/v1/nodes?limit=500"] == 3
    # at most three that the webhook did not inject yet, and five rounds; none after the restart
    assert kube["POST /api/v1/namespaces/legacy/pods?dryRun=All"] <= 3 + 5 * 3


def test_many_of_one_role(irsa: Irsa) -> None:
    refs = ("shop/one", "shop/two", "shop/three")
    arn = irsa.role("several", irsa_statement(*refs))
    for ref in refs:
        irsa.account(ref, arn)
    irsa.site.must("migrate", "apply", "-n", "shop", "--yes")
    assert {stage for ref, stage in irsa.stages().items() if ref in refs} == {"moved"}
    assert len(irsa.trust("several")["Statement"]) == 4


def test_blocked_items_stay_and_the_others_move(irsa: Irsa) -> None:
    irsa.account("shop/gone", f"arn:aws:iam::{ACCOUNT}:role/gone")
    outcome = irsa.site("migrate", "apply", "-A", "--yes", "-o", "json")
    assert outcome.code == 8, outcome
    assert [(item["target"], item["status"]) for item in outcome.json["actions"] if item["status"] == "skipped"] == [
        ("shop/gone", "skipped")
    ]
    stages = irsa.stages()
    assert (stages["shop/gone"], stages[REPORTS]) == ("old", "moved")


def agent_goes(irsa: Irsa) -> Callable[[float], None]:
    """Return a wait in which somebody removes the agent once the association exists."""
    eks, once = irsa.site.aws("eks"), iter([True])

    def remove(_: float) -> None:
        known = eks.list_pod_identity_associations(clusterName="demo", namespace="legacy")["associations"]
        if known and next(once, False):
            eks.delete_addon(clusterName="demo", addonName="eks-pod-identity-agent")

    return remove


def test_a_failed_item_is_rolled_back(irsa: Irsa) -> None:
    irsa.site.on_sleep = agent_goes(irsa)
    outcome = irsa.site("migrate", "apply", "-A", "--yes")
    assert outcome.code == 8, outcome
    assert "rolled back to IRSA" in outcome.stderr
    irsa.site.on_sleep = lambda _: None
    assert irsa.site.must("list", "-n", "legacy", "-o", "name").stdout == ""
    assert all(ways(pod) == {"AWS_WEB_IDENTITY_TOKEN_FILE"} for pod in irsa.site.cluster.pods("legacy"))
    # an undo does not create the association again, which the run itself deleted
    undone = irsa.site.must("undo", "last", "--yes", "-o", "json").json["actions"]
    assert [(action["kind"], action["target"]) for action in undone] == [("role-trust", "irsa-reports")]


@pytest.mark.parametrize("permission", ["eks-auth:AssumeRoleForPodIdentity", "create serviceaccounts/token"])
def test_a_token_that_cannot_be_redeemed_names_the_permission(irsa: Irsa, permission: str) -> None:
    if permission.startswith("eks-auth"):
        irsa.site.box.world.credentials.deny(permission)
    else:
        why = (
            'serviceaccounts "reports" is forbidden: User "x" cannot create resource "serviceaccounts/token" in API '
            'group "" in the namespace "legacy"'
        )
        irsa.site.kube.faults.add(Fault("fail", operation="POST */token*", status=403, message=why))
    outcome = irsa.site("migrate", "apply", "-A", "--yes")
    assert (outcome.code, f"; missing permission: {permission}" in outcome.stderr) == (8, True), outcome
    assert "rolled back to IRSA" in outcome.stderr


def test_an_association_that_another_tool_changes_meanwhile_is_not_deleted(irsa: Irsa) -> None:
    pods = {"Effect": "Allow", "Principal": {"Service": "pods.eks.amazonaws.com"}, "Action": ACTIONS}
    remove, eks, other = agent_goes(irsa), irsa.site.aws("eks"), irsa.role("other", pods)

    def then_change(seconds: float) -> None:
        remove(seconds)
        for item in eks.list_pod_identity_associations(clusterName="demo", namespace="legacy")["associations"]:
            keys = {"clusterName": "demo", "associationId": item["associationId"]}
            eks.update_pod_identity_association(**keys, roleArn=other)

    irsa.site.on_sleep = then_change
    outcome = irsa.site("migrate", "apply", REPORTS, "--yes")
    irsa.site.on_sleep = lambda _: None
    assert (outcome.code, "has changed since the plan was made" in outcome.stderr) == (8, True), outcome
    (association,) = irsa.site.must("list", "-n", "legacy", "-o", "json").json["items"]
    assert association["roleArn"] == other


def test_an_association_that_another_person_deletes_meanwhile_is_no_success(irsa: Irsa) -> None:
    eks = irsa.site.aws("eks")

    def delete(_: float) -> None:
        pods = irsa.site.cluster.pods("legacy")
        if all("AWS_CONTAINER_CREDENTIALS_FULL_URI" in ways(pod) for pod in pods):
            for item in eks.list_pod_identity_associations(clusterName="demo", namespace="legacy")["associations"]:
                eks.delete_pod_identity_association(clusterName="demo", associationId=item["associationId"])

    irsa.site.on_sleep = delete
    outcome = irsa.site("migrate", "apply", REPORTS, "--yes")
    assert (outcome.code, "; rolled back to IRSA" in outcome.stderr) == (8, True), outcome
    assert [ways(pod) for pod in irsa.site.cluster.pods("legacy")] == [{"AWS_WEB_IDENTITY_TOKEN_FILE"}]


def test_a_rollback_that_does_not_replace_the_pods_is_reported(irsa: Irsa) -> None:
    remove, eks, counts = agent_goes(irsa), irsa.site.aws("eks"), [0]

    def then_refuse(seconds: float) -> None:
        """Refuse restarts once the association is gone again."""
        remove(seconds)
        listed = eks.list_pod_identity_associations(clusterName="demo", namespace="legacy")["associations"]
        counts.append(len(listed))
        if counts[-2:] == [1, 0]:
            irsa.site.kube.faults.add(Fault("fail", operation="PATCH */deployments/*", status=403, message="forbidden"))

    irsa.site.on_sleep = then_refuse
    outcome = irsa.site("migrate", "apply", "-A", "--yes")
    irsa.site.on_sleep = lambda _: None
    assert outcome.code == 8, outcome
    assert all(ways(pod) != {"AWS_WEB_IDENTITY_TOKEN_FILE"} for pod in irsa.site.cluster.pods("legacy"))
    assert "rolled back to IRSA" not in outcome.stderr
    assert "its association was deleted, but 1 running pod could not be replaced: run podid migrate" in outcome.stderr
    irsa.site.kube.faults.clear()
    irsa.site.must("migrate", "rollback", REPORTS, "--yes")
    assert all(ways(pod) == {"AWS_WEB_IDENTITY_TOKEN_FILE"} for pod in irsa.site.cluster.pods("legacy"))


def refuse_deletion(irsa: Irsa, monkeypatch: pytest.MonkeyPatch, service_account: str) -> None:
    """Let EKS refuse to delete the association of this service account."""
    world = irsa.site.box.world
    remove = world.remove_association

    def refuse(cluster: ClusterRecord, association_id: str) -> AssociationRecord:
        if cluster.associations[association_id].service_account == service_account:
            raise AwsError("InvalidRequestException", "not now")
        return remove(cluster, association_id)

    monkeypatch.setattr(world, "remove_association", refuse)


def test_an_association_that_cannot_be_deleted_does_not_keep_the_others_from_their_restart(
    irsa: Irsa, monkeypatch: pytest.MonkeyPatch
) -> None:
    refs = ("shop/a", "shop/b", "shop/c")
    for ref in refs:
        irsa.with_role(ref)
    refuse_deletion(irsa, monkeypatch, "b")
    eks, once = irsa.site.aws("eks"), iter([True])

    def agent_goes_late(_: float) -> None:
        known = eks.list_pod_identity_associations(clusterName="demo", namespace="shop")["associations"]
        if {item["serviceAccount"] for item in known} >= {"b", "c"} and next(once, False):
            eks.delete_addon(clusterName="demo", addonName="eks-pod-identity-agent")

    irsa.site.on_sleep = agent_goes_late
    outcome = irsa.site("migrate", "apply", *refs, "--yes", "--cluster", "demo")
    irsa.site.on_sleep = lambda _: None
    assert (outcome.code, "shop/c: " in outcome.stderr) == (8, True), outcome
    assert "not rolled back: " in outcome.stderr
    assert "run podid migrate rollback shop/b --cluster demo" in outcome.stderr
    assert "shop/b" in irsa.site.must("list", "-n", "shop", "-o", "name").stdout
    assert outcome.stderr.count("; rolled back to IRSA") == 1
    assert all(ways(pod) == {"AWS_WEB_IDENTITY_TOKEN_FILE"} for pod in irsa.site.cluster.pods("shop", "c"))


def test_a_rollback_that_fails_on_the_way_restarts_the_pods_whose_association_it_deleted(
    irsa: Irsa, monkeypatch: pytest.MonkeyPatch
) -> None:
    refs = ("shop/a", "shop/b", "shop/c")
    for ref in refs:
        irsa.with_role(ref)
    irsa.site.must("migrate", "apply", *refs, "--yes")
    refuse_deletion(irsa, monkeypatch, "b")
    outcome = irsa.site("migrate", "rollback", *refs, "--yes")
    assert (outcome.code, "not now" in outcome.stderr) == (8, True), outcome
    for service_account in ("a", "c"):
        pods = irsa.site.cluster.pods("shop", service_account)
        assert all(ways(pod) == {"AWS_WEB_IDENTITY_TOKEN_FILE"} for pod in pods), service_account


@pytest.fixture
def three(irsa: Irsa, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return service accounts of which the first fails: EKS does not accept its association."""
    refs = ["shop/a", "shop/b", "shop/c"]
    for ref in refs:
        irsa.with_role(ref)
    put = irsa.site.box.world.put_association

    def refuse(cluster: ClusterRecord, association: AssociationRecord) -> None:
        if association.service_account == "a":
            raise AwsError("InvalidParameterException", "not this one")
        put(cluster, association)

    monkeypatch.setattr(irsa.site.box.world, "put_association", refuse)
    return refs


def test_a_failure_does_not_stop_the_others_up_to_max_failures(irsa: Irsa, three: list[str]) -> None:
    argv = ("migrate", "apply", *three, "--yes", "--parallel", "1")
    outcome = irsa.site(*argv, "--max-failures", "0")
    assert (outcome.code, "Stopped after 1 failure" in outcome.stderr) == (8, True), outcome
    assert [*map(irsa.stages().get, three)] == ["admitted", "old", "old"]
    outcome = irsa.site(*argv)
    assert (outcome.code, "shop/a: " in outcome.stderr) == (8, True), outcome
    assert [*map(irsa.stages().get, three)] == ["admitted", "moved", "moved"]


def test_a_denial_before_the_first_change_is_not_a_partial_success(irsa: Irsa) -> None:
    irsa.site.box.world.credentials.deny("iam:UpdateAssumeRolePolicy")
    outcome = irsa.site("migrate", "apply", "legacy/reports", "--yes")
    assert (outcome.code, "iam:UpdateAssumeRolePolicy" in outcome.stderr) == (4, True), outcome


def test_the_time_limit_leaves_time_to_roll_back(irsa: Irsa) -> None:
    irsa.with_role("shop/one")
    irsa.site.kube.faults.webhook_misses = 10_000
    outcome = irsa.site("migrate", "apply", "-A", "--yes", "--timeout", "1m")
    assert (outcome.code, outcome.stderr.count("rolled back to IRSA")) == (8, 4), outcome
    assert irsa.site.must("list", "-A", "-o", "name").stdout == "shop/orders\n"
    assert irsa.site.slept < 400


def test_a_failed_item_can_be_kept(irsa: Irsa) -> None:
    irsa.site.on_sleep = agent_goes(irsa)
    outcome = irsa.site("migrate", "apply", "-A", "--yes", "--keep-failed")
    irsa.site.on_sleep = lambda _: None
    assert (outcome.code, "rolled back" in outcome.stderr) == (8, False), outcome
    assert irsa.site.must("list", "-n", "legacy", "-o", "name").stdout == f"{REPORTS}\n"
