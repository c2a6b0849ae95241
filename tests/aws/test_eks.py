"""The EKS gateway, end to end over HTTP with unmodified boto3."""

import os
import threading

import pytest

from aws.samples import AGENT, ORDERS, ROLE, token
from podid.aws.requests import CallRecord
from podid.aws.session import AwsSession
from podid.domain.aws import Association, NodeGroup
from podid.domain.errors import (
    AccessDenied,
    AlreadyExists,
    ClusterNotFound,
    CredentialsError,
    LostAnswer,
    NotFound,
    Rejected,
    RoleUnknown,
    ServerFailed,
    Throttled,
    TrustRefused,
)
from podid.domain.names import ServiceAccountRef
from podid.sandbox import baseline
from podid.sandbox.box import Sandbox

OTHER_ROLE = "arn:aws:iam::111122223333:role/storefront"


def associate(session: AwsSession, ref: ServiceAccountRef = ORDERS, role_arn: str = ROLE) -> Association:
    return session.eks.create_association("demo", ref, role_arn, token=token())


# --- clusters -----------------------------------------------------------------------------------------------------


def test_clusters(box: Sandbox, session: AwsSession) -> None:
    for n in range(130):
        baseline.add_cluster(box.world, f"team-{n:03d}")
    assert session.eks.list_clusters() == ("demo", *(f"team-{n:03d}" for n in range(130)))
    cluster = session.eks.get_cluster("demo")
    assert (cluster.name, cluster.account, cluster.region, cluster.partition, cluster.status, cluster.version) == (
        "demo",
        "111122223333",
        "us-west-2",
        "aws",
        "ACTIVE",
        "1.35",
    )
    assert cluster.auto_mode is False


def test_a_cluster_that_does_not_exist_names_the_nearest(box: Sandbox, session: AwsSession) -> None:
    baseline.add_cluster(box.world, "production")
    with pytest.raises(NotFound) as caught:
        session.eks.get_cluster("prodution")
    assert (caught.value.message, caught.value.advice, caught.value.exit_code) == (
        "cluster prodution does not exist in us-west-2",
        "Clusters in us-west-2: production.",
        5,
    )
    assert caught.value.request_id


def test_a_cluster_that_does_not_exist_where_clusters_may_not_be_listed(box: Sandbox, session: AwsSession) -> None:
    box.world.credentials.deny("eks:ListClusters")
    with pytest.raises(NotFound) as caught:
        session.eks.get_cluster("demos")
    assert caught.value.advice == "Check the cluster's name, the region and the profile."


# --- reading associations -----------------------------------------------------------------------------------------


def test_all_pages_and_every_role(box: Sandbox, session: AwsSession) -> None:
    baseline.seed_associations(box.world, 250)
    expected = [(f"team-{n // 50:04d}", f"app-{n % 50:03d}", OTHER_ROLE) for n in range(250)]
    associations = session.eks.list_associations("demo")
    assert [(a.namespace, a.service_account, a.role_arn) for a in associations] == expected
    assert box.faults.calls["eks", "ListPodIdentityAssociations"] == 3
    assert box.faults.calls["eks", "DescribePodIdentityAssociation"] == 250
    summaries = session.eks.list_association_summaries("demo")
    assert [s.association_id for s in summaries] == [a.association_id for a in associations]
    assert box.faults.calls["eks", "DescribePodIdentityAssociation"] == 250


def test_filters(box: Sandbox, session: AwsSession) -> None:
    baseline.seed_associations(box.world, 120)
    one_namespace = session.eks.list_associations("demo", "team-0001")
    assert [str(a.ref) for a in one_namespace] == [f"team-0001/app-{n:03d}" for n in range(50)]
    association = session.eks.find_association("demo", ServiceAccountRef("team-0002", "app-007"))
    assert association is not None
    assert str(association.ref) == "team-0002/app-007"
    assert session.eks.find_association("demo", ServiceAccountRef("team-0002", "app-777")) is None


def test_describes_begin_while_later_pages_still_come(box: Sandbox, session: AwsSession) -> None:
    baseline.seed_associations(box.world, 250)
    box.faults.latency(0.1, "eks", "ListPodIdentityAssociations")
    associations = session.eks.iter_associations("demo")
    next(associations)
    assert box.faults.calls["eks", "ListPodIdentityAssociations"] < 3
    assert len(list(associations)) == 249


def test_an_association_that_is_deleted_meanwhile_is_left_out(
    box: Sandbox, session: AwsSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    baseline.seed_associations(box.world, 20)
    gone = session.eks.list_association_summaries("demo")[3]
    iter_summaries = session.eks._iter_summaries
    summaries = list(iter_summaries("demo", None, None))
    monkeypatch.setattr(type(session.eks), "_iter_summaries", lambda *_: iter(summaries))
    session.eks.delete_association("demo", gone.association_id)
    associations = session.eks.list_associations("demo")
    assert {s.association_id for s in summaries} - {a.association_id for a in associations} == {gone.association_id}


def test_listing_without_the_permission_to_describe_says_so(box: Sandbox, session: AwsSession) -> None:
    baseline.seed_associations(box.world, 150)
    box.world.credentials.deny("eks:DescribePodIdentityAssociation")
    with pytest.raises(AccessDenied) as caught:
        session.eks.list_associations("demo")
    assert caught.value.permission == "eks:DescribePodIdentityAssociation"
    assert caught.value.exit_code == 4
    assert caught.value.advice.endswith("A policy for the cluster's ARN does not cover its associations.")
    assert not [thread for thread in threading.enumerate() if thread.name == "podid-pacing"]
    assert len(session.eks.list_association_summaries("demo")) == 150


def test_a_denial_names_caller_action_and_resource(box: Sandbox, session: AwsSession) -> None:
    box.world.credentials.deny("eks:ListPodIdentityAssociations", explicit=True)
    with pytest.raises(AccessDenied) as caught:
        session.eks.list_associations("demo")
    assert caught.value.message.startswith(
        "arn:aws:iam::111122223333:user/podid-admin is not authorized to perform eks:ListPodIdentityAssociations on "
        "arn:aws:eks:us-west-2:111122223333:cluster/demo"
    )
    assert "explicit deny" in caught.value.message
    assert caught.value.permission == "eks:ListPodIdentityAssociations"


@pytest.mark.parametrize("method", ["list_associations", "list_addons", "list_node_groups"])
def test_lists_of_a_cluster_that_does_not_exist(session: AwsSession, method: str) -> None:
    with pytest.raises(ClusterNotFound, match="cluster prod does not exist in us-west-2"):
        getattr(session.eks, method)("prod")


def test_finding_in_a_cluster_that_does_not_exist_is_an_error(session: AwsSession) -> None:
    with pytest.raises(ClusterNotFound):
        session.eks.find_association("prod", ORDERS)
    with pytest.raises(ClusterNotFound):
        session.eks.find_addon("prod", AGENT)


# --- throttles and failures ---------------------------------------------------------------------------------------


def test_a_throttled_list_is_complete(box: Sandbox, session: AwsSession) -> None:
    baseline.seed_associations(box.world, 120)
    box.faults.throttle(200, burst=20, service="eks")
    assert len(session.eks.list_associations("demo")) == 120


def test_a_throttle_that_lasts_is_raised_when_patience_ends(box: Sandbox) -> None:
    box.faults.throttle(0, burst=0, service="eks")
    session = AwsSession(None, None, env=os.environ, patience=0.3)
    with pytest.raises(Throttled) as caught:
        session.eks.list_clusters()
    assert caught.value.exit_code == 7


@pytest.mark.parametrize("fault", ["fail", "reset", "lose_answer"])
def test_reads_survive_passing_failures(box: Sandbox, session: AwsSession, fault: str) -> None:
    baseline.seed_associations(box.world, 60)
    getattr(box.faults, fault)("eks", times=3)
    assert len(session.eks.list_associations("demo")) == 60


def test_a_failure_that_lasts(box: Sandbox) -> None:
    box.faults.fail("eks", status=500)
    session = AwsSession(None, None, env=os.environ, patience=0.3)
    with pytest.raises(ServerFailed):
        session.eks.get_cluster("demo")


def test_expired_and_unknown_credentials(box: Sandbox, session: AwsSession) -> None:
    box.world.credentials.expire(box.admin_key.access_key_id)
    with pytest.raises(CredentialsError, match="the AWS credentials have expired"):
        session.eks.list_clusters()
    box.world.credentials.forget(box.admin_key.access_key_id)
    with pytest.raises(CredentialsError, match="EKS does not recognize the AWS credentials"):
        session.eks.list_clusters()


def test_every_attempt_is_reported_without_secrets(box: Sandbox) -> None:
    records: list[CallRecord] = []
    session = AwsSession(None, None, env=os.environ, on_call=records.append)
    box.faults.fail("eks", times=1, status=503)
    session.eks.list_clusters()
    session.sts.get_caller()
    assert [(r.service, r.operation, r.status) for r in records] == [
        ("eks", "ListClusters", 503),
        ("eks", "ListClusters", 200),
        ("sts", "GetCallerIdentity", 200),
    ]
    assert all(r.seconds > 0 and r.request_id for r in records)
    assert box.admin_key.secret_access_key not in repr(records)


# --- changing associations ----------------------------------------------------------------------------------------


def test_create_update_and_delete(session: AwsSession) -> None:
    created = session.eks.create_association(
        "demo",
        ORDERS,
        ROLE,
        {
            "targetRoleArn": "arn:aws:iam::444455556666:role/remote",
            "disableSessionTags": True,
            "policy": '{"Version":"2012-10-17","Statement":[]}',
        },
        tags={"team": "shop"},
        token=token(),
    )
    assert created == session.eks.get_association("demo", created.association_id)
    assert (created.ref, created.role_arn, created.target_role_arn, created.disable_session_tags, created.tags) == (
        ORDERS,
        ROLE,
        "arn:aws:iam::444455556666:role/remote",
        True,
        {"team": "shop"},
    )
    assert created.external_id == "us-west-2/111122223333/demo/shop/orders"
    assert created.policy == '{"Version":"2012-10-17","Statement":[]}'
    assert created.created_at is not None
    assert created.created_at.utcoffset() is not None
    assert created.owner_arn is None

    updated = session.eks.update_association("demo", created.association_id, {"roleArn": OTHER_ROLE}, token=token())
    assert (updated.role_arn, updated.target_role_arn, updated.policy) == (
        OTHER_ROLE,
        created.target_role_arn,
        created.policy,
    )
    cleared = session.eks.update_association("demo", created.association_id, {"targetRoleArn": ""}, token=token())
    assert cleared.target_role_arn is None

    deleted = session.eks.delete_association("demo", created.association_id)
    assert deleted.association_id == created.association_id
    assert session.eks.find_association("demo", ORDERS) is None
    with pytest.raises(NotFound, match=f"association {created.association_id} of cluster demo does not exist"):
        session.eks.get_association("demo", created.association_id)


def test_an_association_that_exists(session: AwsSession) -> None:
    existing = associate(session)
    with pytest.raises(AlreadyExists) as caught:
        associate(session)
    assert caught.value.existing_id == existing.association_id
    assert caught.value.message.startswith("the association of shop/orders in cluster demo already exists")


def test_a_role_that_eks_does_not_know(session: AwsSession) -> None:
    with pytest.raises(RoleUnknown) as caught:
        associate(session, role_arn="arn:aws:iam::111122223333:role/none")
    assert caught.value.service_code == "InvalidParameterException"


def test_a_role_that_does_not_trust_eks(session: AwsSession) -> None:
    with pytest.raises(TrustRefused) as caught:
        associate(session, role_arn="arn:aws:iam::111122223333:role/article-2023")
    assert (
        caught.value.advice
        == "The trust policy must allow sts:AssumeRole and sts:TagSession for pods.eks.amazonaws.com."
    )


def test_a_role_of_another_account(session: AwsSession) -> None:
    with pytest.raises(Rejected, match="is not in the cluster's account"):
        associate(session, role_arn="arn:aws:iam::999988887777:role/none")


def test_a_caller_that_may_not_pass_the_role(box: Sandbox, session: AwsSession) -> None:
    box.world.credentials.deny("iam:PassRole")
    with pytest.raises(AccessDenied) as caught:
        associate(session)
    assert caught.value.permission == "iam:PassRole"
    assert "iam:PassedToService is pods.eks.amazonaws.com" in caught.value.advice


def test_a_lost_answer_is_reported_and_the_same_token_can_be_sent_again(box: Sandbox, session: AwsSession) -> None:
    box.faults.lose_answer("eks", "CreatePodIdentityAssociation", times=1)
    change = token()
    with pytest.raises(LostAnswer) as caught:
        session.eks.create_association("demo", ORDERS, ROLE, token=change)
    assert caught.value.message.startswith("the change may or may not have taken effect: EKS did not answer")
    assert box.faults.calls["eks", "CreatePodIdentityAssociation"] == 1
    created_once = session.eks.find_association("demo", ORDERS)
    assert created_once is not None
    assert session.eks.create_association("demo", ORDERS, ROLE, token=change) == created_once


def test_a_failure_after_which_nothing_is_sure_is_a_lost_answer_too(box: Sandbox, session: AwsSession) -> None:
    box.faults.fail("eks", "CreatePodIdentityAssociation", times=1, status=500)
    with pytest.raises(LostAnswer):
        associate(session)
    assert box.faults.calls["eks", "CreatePodIdentityAssociation"] == 1


def test_a_throttled_write_is_sent_again(box: Sandbox, session: AwsSession) -> None:
    box.faults.throttle(2, burst=1, service="eks")
    session.eks.list_clusters()
    assert associate(session).ref == ORDERS
    assert box.faults.calls["eks", "CreatePodIdentityAssociation"] > 1


# --- add-ons and nodes --------------------------------------------------------------------------------------------


def test_node_groups(session: AwsSession) -> None:
    assert session.eks.list_node_groups("demo") == (
        NodeGroup(
            name="workers",
            status="ACTIVE",
            node_role_arn="arn:aws:iam::111122223333:role/demo-node-role",
            subnet_ids=tuple(f"subnet-0a1b2c3d4e5f6000{number}" for number in (1, 2, 3)),
        ),
    )
