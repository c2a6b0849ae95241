"""Associations that use a role, in all clusters and regions."""

import json
from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import pytest

from podid.aws.eks import Eks
from podid.aws.session import AwsSession
from podid.domain.aws import Association, Cluster, Role
from podid.domain.errors import AccessDenied, InvalidInput, NotRecognized
from podid.domain.names import ServiceAccountRef
from podid.domain.trust import TrustVerdict
from podid.ops.clients import Clients
from podid.ops.role.uses import Uses, cluster_arn, evaluate_uses, may_use, read_all_uses, read_uses, used_words
from podid.sandbox.baseline import add_association, add_cluster, pods_trust
from podid.sandbox.box import Sandbox
from podid.sandbox.credentials import read_signature
from podid.sandbox.http import HttpAnswer, HttpRequest
from worlds import ACCOUNT, CLUSTER_ARN, ORDERS, ROLE_ARN, target_arn, target_trust, trust_for

REJECTED = "The security token included in the request is invalid."


def association(name: str = "orders", role: str = ROLE_ARN, target: str | None = None) -> Association:
    return Association(
        cluster_name="demo",
        namespace="shop",
        service_account=name,
        association_id=f"a-{name}",
        association_arn=f"arn:aws:eks:us-west-2:{ACCOUNT}:podidentityassociation/demo/a-{name}",
        role_arn=role,
        target_role_arn=target,
    )


def role(trust: object, arn: str = ROLE_ARN) -> Role:
    return Role(name=arn.rpartition("/")[2], arn=arn, role_id="AROA", path="/", trust=trust)  # type: ignore[arg-type]


# --- evaluated --------------------------------------------------------------------------------------------------------

USES = Uses({CLUSTER_ARN: (association(), association("cart", target=target_arn()), association("web", target_arn()))})


def test_associations_of_a_role_and_of_a_target_role() -> None:
    assert [item.service_account for item in USES.of(ROLE_ARN)] == ["orders", "cart"]
    assert [item.service_account for item in USES.of(target_arn())] == ["cart", "web"]
    assert USES.of(f"{ROLE_ARN}-old") == ()
    assert cluster_arn(association()) == CLUSTER_ARN
    assert used_words(association()) == "shop/orders in cluster demo, us-west-2"


def test_each_association_has_a_verdict() -> None:
    uses = evaluate_uses(role(trust_for(ORDERS)), USES)
    assert [(use.association.service_account, use.hop, use.evaluation.verdict) for use in uses] == [
        ("orders", 1, TrustVerdict.MATCH),
        ("cart", 1, TrustVerdict.NO_MATCH),
    ]
    uses = evaluate_uses(role(target_trust(), target_arn()), USES)
    assert [(use.association.service_account, use.hop, use.evaluation.verdict) for use in uses] == [
        ("cart", 2, TrustVerdict.MATCH),
        ("web", 1, TrustVerdict.NO_MATCH),
    ]
    with pytest.raises(InvalidInput):
        evaluate_uses(role({"Statement": 3}), USES)


def test_conditions_on_tags_of_the_role_need_its_tags() -> None:
    trust = trust_for(ORDERS)
    trust["Statement"][0]["Condition"]["StringEquals"]["aws:ResourceTag/team"] = "shop"
    tagged = replace(role(trust), tags={"team": "shop"})
    assert [use.evaluation.verdict for use in evaluate_uses(tagged, USES)][:1] == [TrustVerdict.MATCH]
    assert [use.evaluation.verdict for use in evaluate_uses(tagged, USES, tags_known=False)][:1] == [
        TrustVerdict.UNKNOWN
    ]


def test_service_accounts_that_may_use_a_role() -> None:
    cluster = Cluster(name="demo", arn=CLUSTER_ARN, version="1.35", status="ACTIVE")
    refs = [ServiceAccountRef("shop", name) for name in ("orders", "cart", "orders")]
    assert may_use(role(trust_for(ORDERS)), cluster, refs) == (ORDERS,)
    assert may_use(role(pods_trust()), cluster, refs) == (ServiceAccountRef("shop", "cart"), ORDERS)


# --- read -------------------------------------------------------------------------------------------------------------


def test_clusters_of_all_regions_of_the_partition(box: Sandbox, clients: Clients, all_regions: None) -> None:
    add_association(box.world, "shop", "orders", "storefront")
    regions: set[str] = set()
    answer = box.gateway.answer

    def answering(request: HttpRequest) -> HttpAnswer:
        if box.gateway.name(request).operation == "ListClusters":
            signature = read_signature(request)
            assert signature is not None
            regions.add(signature.region)
            if signature.region == "ap-east-1":
                code = "UnrecognizedClientException"
                body = json.dumps({"__type": code, "message": REJECTED}).encode()
                return HttpAnswer(403, {"Content-Type": "application/json", "x-amzn-ErrorType": code}, body)
        return answer(request)

    box.gateway.answer = answering  # type: ignore[method-assign]
    uses = read_all_uses(clients.aws, ACCOUNT)
    assert [item.service_account for items in uses.associations.values() for item in items] == ["orders"]
    assert [arn for arn, items in uses.associations.items() if items] == [CLUSTER_ARN]
    assert {"us-west-2", "eu-central-1", "ap-southeast-2"} <= regions
    assert not any(region.startswith(("cn-", "us-gov-")) for region in regions)
    (unread,) = uses.unread  # usually a region that is not enabled, which is reported nevertheless
    assert (unread.what, unread.disabled) == ("ap-east-1", True)


def test_regions_that_reject_the_credentials_are_one_part(clients: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    def list_clusters(self: Eks) -> tuple[str, ...]:
        raise NotRecognized(REJECTED)

    monkeypatch.setattr(Eks, "list_clusters", list_clusters)
    uses = read_all_uses(clients.aws, ACCOUNT, ("us-west-2", "af-south-1", "ap-east-1"))
    # in the caller's own region the credentials are wrong, not the region
    assert [(item.what, item.disabled) for item in uses.unread] == [
        ("2 regions (af-south-1, ap-east-1)", True),
        ("clusters in us-west-2", False),
    ]


def test_regions_that_the_organization_denies_may_have_users(clients: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    def list_clusters(self: Eks) -> tuple[str, ...]:
        raise AccessDenied(
            "ci is not authorized to perform eks:ListClusters, with an explicit deny in a service control policy"
        )

    monkeypatch.setattr(Eks, "list_clusters", list_clusters)
    uses = read_all_uses(clients.aws, ACCOUNT, ("us-west-2", "eu-west-1", "ap-east-1"))
    # pods there may have credentials: the policy may except the roles of their nodes
    regions = ("ap-east-1", "eu-west-1", "us-west-2")
    assert [item.what for item in uses.gaps] == [f"clusters in {region}" for region in regions]


def test_associations_that_an_endpoint_returns_for_each_region_count_once() -> None:
    eks = SimpleNamespace(list_associations=lambda name: (association(),))
    aws = cast("AwsSession", SimpleNamespace(region="us-west-2", partition="aws", eks_in=lambda region: eks))
    uses = read_uses(aws, ACCOUNT, [("eu-west-1", "demo"), ("us-west-2", "demo")])
    assert {arn: len(items) for arn, items in uses.associations.items()} == {
        CLUSTER_ARN: 1,
        CLUSTER_ARN.replace("us-west-2", "eu-west-1"): 0,
    }


def test_clusters_that_cannot_be_read(box: Sandbox, clients: Clients) -> None:
    add_cluster(box.world, "other")
    uses = read_uses(clients.aws, ACCOUNT, [("us-west-2", "other"), ("us-west-2", "nosuch")])
    assert list(uses.associations) == [CLUSTER_ARN.replace("/demo", "/other")]
    assert uses.unread == ()  # the cluster was deleted with its associations after it was listed
    box.world.credentials.deny("eks:ListPodIdentityAssociations")
    (unread,) = read_uses(clients.aws, ACCOUNT, [("us-west-2", "demo")]).unread
    assert str(unread) == "associations of cluster demo in us-west-2: requires eks:ListPodIdentityAssociations"
