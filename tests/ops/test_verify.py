"""Proof of identity: what each answer of EKS Auth means, and the whole exchange against both halves of the sandbox."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from podid.aws.session import AwsSession
from podid.aws.values import Credentials, PodIdentitySession
from podid.domain.errors import AccessDenied, NotFound, PodidError, Rejected, Unavailable
from podid.domain.exit_codes import ExitCode
from podid.domain.model import Association, Caller
from podid.domain.proof import Hop, Identity, PodProof, VerifyReport, VerifyState
from podid.domain.snapshot import Missing
from podid.domain.trust import TrustVerdict
from podid.kube.connect import connect
from podid.kube.reader import KubeReader
from podid.kube.transport import Transport
from podid.kube.writer import KubeWriter
from podid.ops.association.read import AssociationReading
from podid.ops.association.verify import verify
from podid.ops.clients import Clients, KubeAccess
from podid.sandbox.kube import kinds
from sandbox.memory_world import MemoryAddon
from worlds import ORDERS, KubeWorld, Site

ROLE = "arn:aws:iam::111122223333:role/apps/orders"
UNTIL = datetime(2027, 1, 15, 14, 0, tzinfo=UTC)
ASSOCIATION = Association(
    cluster_name="demo",
    namespace="shop",
    service_account="orders",
    association_id="a-12345678901234567",
    association_arn="arn:aws:eks:us-west-2:111122223333:podidentityassociation/demo/a-12345678901234567",
    role_arn=ROLE,
)


@pytest.fixture(autouse=True)
def _injected(world: KubeWorld) -> None:
    """The pods of shop/orders are, and an agent runs on every node."""
    world.aws.addon = MemoryAddon()
    world.aws.associations.add(("shop", "orders"))
    world.writer.dry_run_pod(ORDERS, image="x")
    world.sleep(2)
    world.writer.restart("Deployment", "shop", "orders", at=world.now())
    for _ in range(10):
        world.sleep(1)


class EksAuth:
    """Checks tokens as EKS Auth does, and answers with a session; or raises `error`."""

    def __init__(self, world: KubeWorld, error: PodidError | None = None) -> None:
        self.world = world
        self.error = error
        self.pods: list[str] = []

    def assume_role_for_pod_identity(self, cluster: str, token: str) -> PodIdentitySession:
        claims = self.world.sandbox.review_token(token, "pods.eks.amazonaws.com")
        self.pods.append(claims.pod)
        if self.error is not None:
            raise self.error
        return PodIdentitySession(
            credentials=Credentials(access_key_id="AKID", secret_access_key="s", session_token="t", expires_at=UNTIL),
            association_id="a-12345678901234567",
            association_arn="",
            namespace=claims.namespace,
            service_account=claims.service_account,
        )


def clients_of(kube: KubeAccess, eks_auth: EksAuth, whoami: Callable[[Credentials], Caller]) -> Clients:
    return cast("Clients", SimpleNamespace(kube=kube, eks_auth=eks_auth, sts=SimpleNamespace(caller_of=whoami)))


def caller(role: str = "orders", account: str = "111122223333") -> Caller:
    arn = f"arn:aws:sts::{account}:assumed-role/{role}/eks-demo-orders-x"
    return Caller(account=account, arn=arn)


def look(world: KubeWorld, auth: EksAuth | None = None, who: Caller | None = None, **more: Any) -> VerifyReport:
    token = more.pop("token", "")
    clients = clients_of(world.access(token), auth or EksAuth(world), lambda credentials: who or caller())
    reading = AssociationReading(more.pop("association", ASSOCIATION), **more.pop("reading", {}))
    return verify(clients, reading, now=world.now(), say=world.progress, **more)


def test_every_live_pod_is_asked(world: KubeWorld) -> None:
    auth = EksAuth(world)
    report = look(world, auth)
    assert report == VerifyReport(
        cluster="demo",
        ref=ORDERS,
        role_arn=ROLE,
        state=VerifyState.PROVEN,
        reason=f"all 2 pods assumed {ROLE}",
        pods=tuple(
            PodProof(
                namespace="shop",
                name=pod.name,
                node=pod.node,
                injected=True,
                missing_containers=(),
                state=VerifyState.PROVEN,
                identity=Identity(
                    role_arn=ROLE, account="111122223333", session_name="eks-demo-orders-x", expires_at=UNTIL
                ),
            )
            for pod in world.reader.list_pods("shop")
        ),
        hops=(Hop(number=1, role_arn=ROLE, verdict=TrustVerdict.UNKNOWN, unknowns=(Missing("not read"),)),),
    )
    names = [pod.name for pod in world.reader.list_pods("shop")]
    assert (report.exit_code, auth.pods) == (ExitCode.OK, names)
    assert world.said == [f"redeeming a token for pod shop/{name}" for name in names]
    assert "AKID" not in repr(report)


def scale(world: KubeWorld, replicas: int) -> list[str]:
    def change(obj: dict[str, Any]) -> dict[str, Any]:
        return {**obj, "spec": {**obj["spec"], "replicas": replicas}}

    world.sandbox.patch(kinds.DEPLOYMENTS, "shop", "orders", change)
    for _ in range(5):
        world.sleep(1)
    return [pod.name for pod in world.reader.list_pods("shop")]


def test_one_pod_of_each_workload_on_each_node_unless_all_are_asked_for(world: KubeWorld) -> None:
    """The tokens of a sample, and the fields and the agents of all: that is less than proof, and is called so."""
    names = scale(world, 12)
    nodes = {pod.node for pod in world.reader.list_pods("shop")}
    assert (len(names), len(nodes)) == (12, 3)
    report = look(world)
    assert (report.state, report.exit_code, len(report.pods)) == (VerifyState.IN_EFFECT, ExitCode.OK, 3)
    assert {proof.node for proof in report.pods} == nodes
    assert report.reason.startswith(
        f"proven for 3 of 12 pods, which assumed {ROLE}; the others carry the injected fields"
    )
    every = look(world, most=None)
    assert (every.state, len(every.pods), every.reason) == (VerifyState.PROVEN, 12, f"all 12 pods assumed {ROLE}")
    assert len(look(world, most=1).pods) == 1


def test_the_node_of_a_pod_outside_a_capped_sample_counts_too(world: KubeWorld) -> None:
    scale(world, 12)
    (first,) = look(world, most=1).pods
    other = next(pod.node for pod in world.reader.list_pods("shop") if pod.node != first.node)
    agents_gone(world, other)
    world.sandbox.delete(kinds.NODES, "", other)
    report = look(world, most=1)
    assert (report.state, report.exit_code) == (VerifyState.UNKNOWN, ExitCode.UNDETERMINED)
    assert f"its node {other} is not among the nodes" in report.reason


def agents_gone(world: KubeWorld, node: str) -> None:
    for pod in world.reader.list_agent_pods():
        if node in ("", pod.node):
            world.sandbox.delete(kinds.PODS, pod.namespace, pod.name)


def test_a_pod_on_a_node_without_an_agent_is_never_proven(world: KubeWorld) -> None:
    auth = EksAuth(world)
    node = world.reader.list_pods("shop")[0].node
    agents_gone(world, node)
    report = look(world, auth)
    assert (report.state, report.id, report.link) == (VerifyState.FAILED, "agent-not-on-node", 6)
    assert report.exit_code is ExitCode.ATTENTION
    assert {proof.state for proof in report.pods if proof.node == node} == {VerifyState.FAILED}
    agents_gone(world, "")
    none = look(world, auth)
    assert (none.state, none.reason[-14:]) == (VerifyState.FAILED, " (2 of 2 pods)")


def test_an_agent_that_could_not_be_looked_at_is_unknown(world: KubeWorld) -> None:
    pods = {"apiGroups": [""], "resources": ["pods", "serviceaccounts/token"], "verbs": ["list", "create", "get"]}
    world.sandbox.add_user("podreader-token", "podreader", rules=[pods])
    report = look(world, token="podreader-token")
    assert (report.state, report.permission) == (VerifyState.UNKNOWN, "list daemonsets.apps (cluster-wide)")
    assert report.exit_code is ExitCode.UNDETERMINED


def test_an_address_of_the_pods_own_is_no_proof_even_outside_the_sample(world: KubeWorld) -> None:
    names = scale(world, 6)

    def change(obj: dict[str, Any]) -> dict[str, Any]:
        for container in obj["spec"]["containers"]:
            for item in container.get("env") or ():
                if item["name"] == "AWS_CONTAINER_CREDENTIALS_FULL_URI":
                    item["value"] = "http://127.0.0.1:9911/credentials"
        return obj

    world.sandbox.patch(kinds.PODS, "shop", names[-1], change)
    report = look(world)
    assert (report.state, report.id, report.link) == (VerifyState.FAILED, "injected-fields-hardcoded", 4)
    assert names[-1] in report.reason


def test_a_failure_seconds_after_a_change_is_unknown(world: KubeWorld) -> None:
    changed = replace(ASSOCIATION, created_at=world.now(), modified_at=world.now())
    refused = EksAuth(world, NotFound("no association", subject="association a-1"))
    report = look(world, refused, association=changed)
    assert (report.state, report.exit_code) == (VerifyState.UNKNOWN, ExitCode.UNDETERMINED)
    assert "may still be settling" in report.reason
    world.sleep(30)
    assert look(world, refused, association=changed).state is VerifyState.FAILED


def test_a_role_that_is_gone_or_refuses_by_now_is_not_proven(world: KubeWorld) -> None:
    """EKS Auth may hear of a change of the trust policy later than IAM tells it."""
    gone = {"role_missing": True, "not_evaluated": "role orders does not exist"}
    report = look(world, reading=gone)
    assert (report.state, report.exit_code) == (VerifyState.UNKNOWN, ExitCode.UNDETERMINED)
    assert report.reason.startswith(f"all 2 pods assumed {ROLE} just now, and will not for long: role orders")


def test_a_pod_that_goes_away_meanwhile_makes_nothing_undecided(world: KubeWorld) -> None:
    first, second = (pod.name for pod in world.reader.list_pods("shop"))

    class Auth(EksAuth):
        def assume_role_for_pod_identity(self, cluster: str, token: str) -> PodIdentitySession:
            session = super().assume_role_for_pod_identity(cluster, token)
            world.sandbox.delete(kinds.PODS, "shop", second)
            world.sleep(2)
            return session

    report = look(world, Auth(world))
    assert [proof.name for proof in report.pods] == [first]
    assert report.state is VerifyState.PROVEN


def test_the_target_role_is_the_one_that_counts(world: KubeWorld) -> None:
    association = replace(ASSOCIATION, target_role_arn="arn:aws:iam::444455556666:role/data")
    assert look(world, who=caller("data", "444455556666"), association=association).state is VerifyState.PROVEN
    report = look(world, who=caller("orders"), association=association)
    name = world.reader.list_pods("shop")[0].name
    assert (report.state, report.link, report.reason) == (
        VerifyState.FAILED,
        1,
        f"pod shop/{name}: its credentials are those of arn:aws:sts::111122223333:assumed-role/orders/"
        "eks-demo-orders-x, not of arn:aws:iam::444455556666:role/data (2 of 2 pods)",
    )
    assert report.pods[0].identity is None


@pytest.mark.parametrize(
    ("error", "state", "link", "permission", "reason"),
    [
        (
            Rejected("EKS may not assume the associated role", service_code="AccessDeniedException"),
            VerifyState.FAILED,
            9,
            "",
            "EKS may not assume the associated role; the role's trust policy could not be judged: not read",
        ),
        (
            NotFound("a service account of cluster demo does not exist", subject="a service account of cluster demo"),
            VerifyState.FAILED,
            1,
            "",
            "EKS Auth knows no association for it: deleted, or made seconds ago (a service account of cluster demo "
            "does not exist)",
        ),
        (
            NotFound("cluster demo does not exist", subject="cluster demo"),
            VerifyState.UNKNOWN,
            0,
            "",
            "cluster demo does not exist",
        ),
        (
            AccessDenied("not allowed", permission="eks-auth:AssumeRoleForPodIdentity"),
            VerifyState.UNKNOWN,
            0,
            "eks-auth:AssumeRoleForPodIdentity",
            "not allowed",
        ),
        (
            Rejected("EKS Auth does not accept the token", service_code="InvalidTokenException"),
            VerifyState.UNKNOWN,
            0,
            "",
            "EKS Auth does not accept the token",
        ),
        (Unavailable("EKS Auth cannot be reached"), VerifyState.UNKNOWN, 0, "", "EKS Auth cannot be reached"),
    ],
)
def test_what_a_refusal_means(
    world: KubeWorld, error: PodidError, state: VerifyState, link: int, permission: str, reason: str
) -> None:
    report = look(world, EksAuth(world, error))
    name = world.reader.list_pods("shop")[0].name
    assert (report.state, report.link, report.permission, report.reason) == (
        state,
        link,
        permission,
        f"pod shop/{name}: {reason} (2 of 2 pods)",
    )
    assert report.exit_code is (ExitCode.ATTENTION if state is VerifyState.FAILED else ExitCode.UNDETERMINED)


def test_pods_without_the_fields_are_broken_at_link_3(world: KubeWorld) -> None:
    world.sandbox.faults.webhook_misses = 1
    world.sandbox.delete(kinds.PODS, "shop", world.reader.list_pods("shop")[0].name)
    for _ in range(5):
        world.sleep(1)
    report = look(world)
    (stale,) = [proof for proof in report.pods if not proof.injected]
    assert (stale.state, stale.link, stale.missing_containers) == (VerifyState.FAILED, 3, ("app",))
    assert report.reason == (
        f"pod shop/{stale.name}: it was given no credentials when it was created (containers without credentials: app) "
        "(1 of 2 pods)"
    )
    assert sorted(proof.state for proof in report.pods) == ["failed", "proven"]
    assert report.exit_code is ExitCode.ATTENTION


def test_no_live_pod(world: KubeWorld) -> None:
    world.sandbox.delete(kinds.DEPLOYMENTS, "shop", "orders")
    world.sleep(3)
    report = look(world)
    assert (report.state, report.reason, report.pods) == (
        VerifyState.UNKNOWN,
        "no live pod uses service account shop/orders: a token must be bound to one",
        (),
    )


def test_missing_kubernetes_rights_are_named(world: KubeWorld) -> None:
    read = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}]
    world.sandbox.add_user("viewer-token", "viewer", rules=read)
    report = look(world, token="viewer-token")
    permission = "create serviceaccounts/token in namespace shop"
    name = world.reader.list_pods("shop")[0].name
    assert (report.state, report.permission, report.reason) == (
        VerifyState.UNKNOWN,
        permission,
        f"pod shop/{name}: no token for it: not allowed to {permission} (2 of 2 pods)",
    )
    world.sandbox.add_user("nobody-token", "nobody", rules=[])
    report = look(world, token="nobody-token")
    assert (report.permission, report.reason) == (
        "list pods in namespace shop",
        "could not list its pods: not allowed to list pods in namespace shop",
    )


def test_an_identity_that_aws_could_not_be_asked_about(world: KubeWorld) -> None:
    def whoami(_: Credentials) -> Caller:
        raise Unavailable("STS cannot be reached")

    report = verify(
        clients_of(world.access(), EksAuth(world), whoami),
        AssociationReading(ASSOCIATION),
        now=world.now(),
        say=world.progress,
    )
    assert (report.state, report.pods[0].reason) == (
        VerifyState.UNKNOWN,
        "EKS Auth gave credentials, but AWS could not be asked whose they are: STS cannot be reached",
    )


@pytest.mark.encrypted
def test_the_whole_exchange(site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Association, signed cluster token, restart, TokenRequest, EKS Auth and STS, without any stand-in."""
    site.enter(monkeypatch)
    env = {key: value for key, value in site.env.items() if key != "KUBECONFIG"} | {"HOME": str(tmp_path)}
    aws = AwsSession(None, None, env=env)
    cluster = aws.eks.get_cluster("demo")
    role = aws.iam.get_role("billing-worker")
    aws.eks.create_association("demo", ORDERS, role.arn, token="t")
    site.wait(60)

    def token() -> tuple[str, datetime]:
        bearer = aws.sts.get_cluster_token("demo")
        return bearer.token, bearer.expires_at

    transport = Transport(connect(cluster, token=token, env=env))
    reader, writer = KubeReader(transport), KubeWriter(transport)
    writer.restart("Deployment", "shop", "orders", at=datetime.now(UTC))
    for _ in range(20):
        site.wait(1)
        reader.check()
    association = aws.eks.find_association("demo", ORDERS)
    assert association is not None
    clients, reading = Clients(aws, lambda: KubeAccess((reader, writer))), AssociationReading(association)
    lacking = verify(clients, reading, now=datetime.now(UTC), say=lambda text: None)
    assert (lacking.state, lacking.id, lacking.link) == (VerifyState.FAILED, "agent-not-installed", 6)
    site.with_agent()
    report = verify(clients, reading, now=datetime.now(UTC), say=lambda text: None)
    assert (report.state, report.reason) == (
        VerifyState.PROVEN,
        "all 2 pods assumed arn:aws:iam::111122223333:role/apps/billing-worker",
    )
    identity = report.pods[0].identity
    assert identity is not None
    assert identity.session_name.startswith("eks-demo-orders")
