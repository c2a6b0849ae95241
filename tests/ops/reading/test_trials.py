"""Tokens of pods as EKS Auth answers them: raw, one for trial workload and template, and no credential kept."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest

from checks.builder import association, pod
from ops.reading.reports import findings
from ops.shop import Shop
from podid.aws.decode import Credentials, PodIdentitySession
from podid.domain.aws import Association, Caller
from podid.domain.errors import AccessDenied, NotFound, PodidError, Rejected, Unavailable
from podid.domain.evidence import Redeemed, TokenTrial
from podid.domain.findings import Subject
from podid.domain.names import ServiceAccountRef
from podid.domain.section import READS, Cost
from podid.domain.snapshot import Known, Missing, Section, known
from podid.ops.clients import KubeAccess
from podid.ops.reading.collect import ReadRequest, collect
from podid.ops.reading.readings import Source
from podid.ops.reading.scope import EVERYTHING, DoctorScope
from podid.ops.reading.trials import sample, tokens
from podid.ops.status.diagnose import select
from podid.sandbox import baseline
from podid.sandbox.kube import kinds
from worlds import ORDERS, KubeWorld, Site, cluster_of

ROLE = "arn:aws:iam::111122223333:role/apps/orders"
ID = "a-12345678901234567"
DATA, USER = "arn:aws:iam::444455556666:role/x/data", "arn:aws:iam::111122223333:user/me"
UNTIL = datetime(2027, 1, 15, 14, 0, tzinfo=UTC)
ASSOCIATION = association(cluster_name="demo", association_id=ID, role_arn=ROLE)
SECRETS = ("AKID", "SECRET", "TOKEN")


@dataclass
class EksAuth:
    """Checks tokens as EKS Auth does, and answers with a session; or raises `error`. `before` is called first."""

    world: KubeWorld
    error: PodidError | None = None
    association_id: str = ID
    before: Callable[[], object] = lambda: None

    def assume_role_for_pod_identity(self, cluster: str, token: str) -> PodIdentitySession:
        self.before()
        claims = self.world.sandbox.review_token(token, "pods.eks.amazonaws.com")
        if self.error is not None:
            raise self.error
        return PodIdentitySession(
            credentials=Credentials(
                access_key_id=SECRETS[0], secret_access_key=SECRETS[1], session_token=SECRETS[2], expires_at=UNTIL
            ),
            association_id=self.association_id,
            association_arn="",
            namespace=claims.namespace,
            service_account=claims.service_account,
        )


def caller(role: str = "orders", account: str = "111122223333") -> Caller:
    return Caller(account=account, arn=f"arn:aws:sts::{account}:assumed-role/{role}/eks-demo-orders-x")


def tried(
    world: KubeWorld,
    auth: EksAuth | None = None,
    who: Callable[[Credentials], Caller] = lambda credentials: caller(),
    *,
    association: Association = ASSOCIATION,
    access: KubeAccess | None = None,
    all_pods: bool = False,
) -> tuple[TokenTrial, ...]:
    aws = SimpleNamespace(eks_auth=auth or EksAuth(world), sts=SimpleNamespace(caller_of=who))
    clients = SimpleNamespace(kube=access or world.access(), aws=aws)
    before: dict[str, Section[Any]] = {"associations": Known((association,)), "pods": Known(world.reader.list_pods())}
    source = Source(
        clients=cast("Any", clients),
        cluster=cluster_of(world.sandbox, world.aws),
        scope=EVERYTHING,
        all_pods=all_pods,
        now=world.now(),
        journal=None,
        previous=Missing("not read"),
        before=lambda name: before[name],
    )
    section = tokens(source)
    assert list(section) == ["shop/orders"]
    assert not any(secret in repr(section) for secret in SECRETS)
    return known(section["shop/orders"])


def names(world: KubeWorld) -> list[str]:
    return [pod.name for pod in world.reader.list_pods("shop", service_account="orders")]


def test_one_of_each_workload_and_template(world: KubeWorld) -> None:
    (trial,) = tried(world)
    (first, *_) = world.reader.list_pods("shop", service_account="orders")
    assert trial == TokenTrial(
        namespace="shop",
        pod=first.name,
        node=first.node,
        workload=Subject("Deployment", "orders", "shop"),
        template=first.labels["pod-template-hash"],
        at=world.now(),
        redeemed=Redeemed(role_arn=ROLE, account="111122223333", session_name="eks-demo-orders-x", expires_at=UNTIL),
    )
    assert [trial.pod for trial in tried(world, all_pods=True)] == names(world)
    # a rollout under way: one pod of the old template and one of the new
    world.writer.restart("Deployment", "shop", "orders", at=world.now())
    world.sleep(0.2)
    hashes = {pod.labels["pod-template-hash"] for pod in world.reader.list_pods("shop", service_account="orders")}
    assert len(hashes) == 2
    assert {trial.template for trial in tried(world)} == hashes


def test_ready_ones_come_first_and_of_hundreds_some_are_enough() -> None:
    assert [trial.name for trial in sample([pod("a", ready=False), pod("b")])] == ["b"]
    assert [trial.name for trial in sample([pod("a", ready=False), pod("b")], all_pods=True)] == ["b", "a"]
    bare = [pod(f"p{number:03}", owner=None, labels={}) for number in range(60)]
    assert [len(sample(bare)), len(sample(bare, all_pods=True))] == [50, 60]


def test_no_pod_no_trial(world: KubeWorld) -> None:
    world.sandbox.delete(kinds.DEPLOYMENTS, "shop", "orders")
    world.sleep(3)
    assert tried(world) == ()


def test_a_pod_that_goes_away_meanwhile_leaves_none(world: KubeWorld) -> None:
    """Before its token is asked for; one that goes later has had its answer."""
    first, second = names(world)
    access = world.access()
    (trial,) = tried(world, association=replace(ASSOCIATION), access=_deleting(world, access, first), all_pods=True)
    assert trial.pod == second


def _deleting(world: KubeWorld, access: KubeAccess, name: str) -> KubeAccess:
    request = access.writer.request_token

    def gone(ref: ServiceAccountRef, pod: Any, **more: Any) -> str:
        if pod.name == name and name in names(world):
            world.sandbox.delete(kinds.PODS, "shop", name)
            world.sleep(2)
        return request(ref, pod, **more)

    return cast("KubeAccess", SimpleNamespace(reader=access.reader, writer=SimpleNamespace(request_token=gone)))


@pytest.mark.parametrize(
    ("error", "refusal", "permission"),
    [
        (Rejected("EKS may not assume it", service_code="AccessDeniedException"), "AccessDeniedException", ""),
        (Rejected("it does not fit", service_code="PackedPolicyTooLarge"), "PackedPolicyTooLarge", ""),
        (Rejected("not accepted", service_code="InvalidTokenException"), "InvalidTokenException", ""),
        (NotFound("no such", subject="a service account of cluster demo"), "ResourceNotFoundException", ""),
        (NotFound("cluster demo does not exist", subject="cluster demo"), "", ""),
        (AccessDenied("no", permission="eks-auth:AssumeRoleForPodIdentity"), "", "eks-auth:AssumeRoleForPodIdentity"),
        (Unavailable("EKS Auth cannot be reached"), "", ""),
    ],
)
def test_a_refusal_and_what_stands_in_the_way(
    world: KubeWorld, error: PodidError, refusal: str, permission: str
) -> None:
    (trial,) = tried(world, EksAuth(world, error))
    assert trial.redeemed is None
    if refusal:
        assert (trial.refusal, trial.message, trial.missing) == (refusal, error.message, None)
    else:
        assert (trial.refusal, trial.missing) == ("", Missing(error.message, permission, error.code))


def test_a_service_account_that_was_deleted(world: KubeWorld) -> None:
    world.sandbox.delete(kinds.SERVICE_ACCOUNTS, "shop", "orders")
    (trial,) = tried(world)
    assert (trial.refusal, trial.missing) == ("ServiceAccountNotFound", None)
    assert trial.message == "service account shop/orders does not exist"


def test_a_permission_that_is_missing_is_named(world: KubeWorld) -> None:
    read = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}]
    world.sandbox.add_user("viewer-token", "viewer", rules=read)
    (trial,) = tried(world, access=world.access("viewer-token"))
    permission = "create serviceaccounts/token in namespace shop"
    assert trial.missing == Missing(
        f"no token could be requested: the caller is not authorized to {permission}", permission, "AccessDenied"
    )


@pytest.mark.parametrize(
    ("who", "target", "expected", "role"),
    [
        (caller(), None, True, ROLE),
        (caller("nodes"), None, False, "arn:aws:iam::111122223333:role/nodes"),
        (caller("orders", "444455556666"), None, False, "arn:aws:iam::444455556666:role/orders"),
        (
            caller("data", "444455556666"),
            "arn:aws:iam::444455556666:role/x/data",
            True,
            "arn:aws:iam::444455556666:role/x/data",
        ),
        (caller(), DATA, False, "arn:aws:iam::111122223333:role/orders"),
        (
            Caller(account="1", arn="arn:aws:iam::111122223333:user/me"),
            None,
            False,
            "arn:aws:iam::111122223333:user/me",
        ),
    ],
)
def test_whose_credentials_they_are(
    world: KubeWorld, who: Caller, target: str | None, expected: bool, role: str
) -> None:
    (trial,) = tried(world, who=lambda _: who, association=replace(ASSOCIATION, target_role_arn=target))
    assert trial.redeemed is not None
    assert (trial.expected, trial.redeemed.role_arn) == (expected, role)


def test_an_identity_that_could_not_be_had(world: KubeWorld) -> None:
    def unreached(_: Credentials) -> Caller:
        raise Unavailable("STS cannot be reached")

    (trial,) = tried(world, who=unreached)
    reason = "EKS Auth returned credentials, but their identity could not be read: STS cannot be reached"
    assert trial.missing == Missing(reason, error_code="Unavailable")
    (trial,) = tried(world, who=lambda _: Caller(account="1", arn="nobody"))
    assert trial.missing is not None
    (trial,) = tried(world, EksAuth(world, association_id="a-another"))
    assert trial.missing is not None
    assert trial.missing.error_code == "OtherAssociation"


# --- in a snapshot -------------------------------------------------------------------------------------------------


def test_of_many_some_are_tried_and_of_those_that_are_named_all(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("podid.ops.reading.trials.MOST_UNNAMED", 1)
    baseline.add_association(shop.box.world, "payments", "billing-worker", "apps/billing-worker")
    shop.later(300)
    refs = (ServiceAccountRef("payments", "billing-worker"), ORDERS)

    def of(scope: DoctorScope) -> list[str]:
        request = ReadRequest(checks=select(("role-not-found",)), scope=scope, cost=READS | Cost.TOKEN)
        snapshot = collect(shop.clients, shop.place, request, now=shop.box.world.clock.datetime(), journal=None)
        trials: Mapping[str, Any] = known(snapshot.tokens)
        return sorted(trials)

    assert of(EVERYTHING) == ["payments/billing-worker"]
    assert of(DoctorScope.of(refs)) == [str(ref) for ref in refs]


def test_a_role_that_was_changed_is_what_they_show(shop: Shop) -> None:
    snapshot = shop.read(DoctorScope.of((ORDERS,)), cost=READS | Cost.TOKEN)
    (trial,) = known(known(snapshot.tokens)["shop/orders"])
    assert trial.redeemed is not None
    assert trial.redeemed.role_arn.endswith(":role/storefront")
    assert (trial.expected, trial.redeemed.expires_at is not None) == (True, True)


WRONG = {
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": ["sts:AssumeRole"]}]
}


def test_tokens_that_podid_redeems(healthy: Site) -> None:
    """What nothing that can be read explains is the organization's; without consent no credentials are requested."""
    refused = healthy("doctor", "--verify")
    assert (refused.code, "Creating credentials" in refused.stderr) == (2, True)
    assert findings(healthy, "--verify", "--yes") == {}
    healthy.box.world.credentials.deny("eks-auth:AssumeRoleForPodIdentity")
    outcome = healthy("doctor", "--verify", "--yes", "-o", "json")
    assert (outcome.code, outcome.json["findings"]) == (9, [])
    assert {item["permission"] for item in outcome.json["unknowns"]} == {"eks-auth:AssumeRoleForPodIdentity"}
    healthy.box.world.credentials.allow_again()
    healthy.trust("shop-orders", {"Version": "2012-10-17", **WRONG})
    assert findings(healthy, "--verify", "--yes", "--check", "trust-wrong-principal") == {
        "trust-wrong-principal": "error"
    }
