"""The pods that can assume a role, in words."""

from typing import Any

from harness import table
from ops.role.support import PODS
from podid.domain.aws import Role
from podid.domain.trust import PodIdentity, ScopeKind
from podid.ops.role.access import access_words, also_allowed

IN_ANY = "any cluster in account 111122223333"
ANY = f"any pod of {IN_ANY}"


def role(*statements: dict[str, Any]) -> Role:
    return Role(
        name="r",
        arn="arn:aws:iam::111122223333:role/r",
        role_id="AROA",
        path="/",
        trust={"Version": "2012-10-17", "Statement": list(statements)},
    )


def allow(*actions: str) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": PODS, "Action": list(actions)}


@table(
    ("statements", "words"),
    [
        ((allow("sts:AssumeRole", "sts:TagSession"),), ANY),
        ((allow("sts:AssumeRole"), allow("sts:TagSession")), ANY),
        ((allow("sts:AssumeRole"),), "applies to EKS Pod Identity, but allows no pod: sts:TagSession is not allowed"),
        (
            (allow("sts:AssumeRole", "sts:TagSesion"),),
            "applies to EKS Pod Identity, but allows no pod: sts:TagSession is not allowed",
        ),
        ((allow("sts:TagSession"),), "applies to EKS Pod Identity, but allows no pod: sts:AssumeRole is not allowed"),
        (
            (
                allow("sts:AssumeRole", "sts:TagSession"),
                {"Effect": "Deny", "Principal": PODS, "Action": "sts:*"},
            ),
            "applies to EKS Pod Identity, but allows no pod",
        ),
    ],
)
def test_both_actions_are_required(statements: tuple[dict[str, Any], ...], words: str) -> None:
    (sentence,) = access_words(role(*statements))
    assert sentence.endswith(words)
    assert (ANY in sentence) is (words == ANY)


DEMO = "arn:aws:eks:us-west-2:111122223333:cluster/demo"


def when(**conditions: Any) -> dict[str, Any]:
    return {**allow("sts:AssumeRole", "sts:TagSession"), "Condition": conditions}


@table(
    ("condition", "words"),
    [
        (
            {"ArnLike": {"aws:SourceArn": "arn:aws:eks:*:*:cluster/demo"}},
            "any pod in cluster arn:aws:eks:*:*:cluster/demo",
        ),
        ({"ArnLike": {"aws:SourceArn": "arn:*:eks:*:*:*"}}, ANY),
        ({"ArnLike": {"aws:SourceArn": "arn:aws:eks:eu-*:*:cluster/*"}}, ANY),
        ({"ArnLike": {"aws:SourceArn": "arn:aws:eks:eu-?est-1:*:cluster/blue"}}, "any pod in cluster arn:aws:eks:eu-?"),
        ({"StringLike": {"aws:SourceArn": "arn:aws:eks:*"}}, ANY),
        ({"StringLike": {"aws:SourceArn": "*:cluster/blue"}}, "any pod in cluster *:cluster/blue"),
        ({"ArnLikeIfExists": {"aws:SourceArn": "arn:aws:eks:*:*:cluster/*"}}, ANY),
        ({"StringLike": {"aws:RequestTag/kubernetes-namespace": "shop-*"}}, "any pod in namespace shop-*"),
        ({"ArnEquals": {"aws:SourceArn": DEMO.replace("us-west-2", "eu-west-1")}}, "any pod in cluster demo"),
        (
            {"StringEquals": {"aws:RequestTag/kubernetes-namespace": ["shop", "web"]}},
            "any pod in namespace shop or web in any cluster",
        ),
        (
            {"StringEqualsIfExists": {"aws:RequestTag/eks-cluster-arn": "arn:aws:eks:*:*:cluster/demo"}},
            "while its association sends no session tags",
        ),
        (
            {"StringEquals": {"aws:SourceArn": "arn:aws:eks:*:*:cluster/demo"}},
            "applies to EKS Pod Identity, but allows no pod",
        ),
        ({"StringEquals": {"aws:SourceAccount": "999900001111"}}, "applies to EKS Pod Identity, but allows no pod"),
        ({"StringEquals": {"aws:SourceOrgID": "o-1"}}, "not known"),
    ],
)
@table("clusters", [(), (DEMO,)])
def test_patterns_of_clusters_are_described(condition: dict[str, Any], words: str, clusters: tuple[str, ...]) -> None:
    """The engine is asked for pods that can be, of the clusters that there are and of those that are named."""
    (sentence,) = access_words(role(when(**condition)), clusters, "us-west-2")
    assert words in sentence


def test_a_split_trust_with_conditions_on_either_half() -> None:
    statements = [
        {**allow(action), "Condition": {"StringEquals": {"aws:RequestTag/kubernetes-namespace": "shop"}}}
        for action in ("sts:AssumeRole", "sts:TagSession")
    ]
    assert access_words(role(*statements), (DEMO,)) == (f"any pod in namespace shop in {IN_ANY}",)


def identity(name: str = "orders") -> PodIdentity:
    return PodIdentity(DEMO, "shop", name)


OF_ORDERS = when(
    StringEquals={
        "aws:RequestTag/kubernetes-namespace": "shop",
        "aws:RequestTag/kubernetes-service-account": "orders",
    },
    ArnEquals={"aws:SourceArn": DEMO},
)
OF_NAMESPACE = when(StringEquals={"aws:RequestTag/kubernetes-namespace": "shop"}, ArnEquals={"aws:SourceArn": DEMO})


@table(
    ("statement", "scope", "others"),
    [
        (OF_ORDERS, "service-account", ()),
        (OF_NAMESPACE, "service-account", ("any pod in namespace shop in cluster demo",)),
        (OF_NAMESPACE, "namespace", ()),
        (OF_NAMESPACE, "cluster", ()),
        (allow("sts:AssumeRole", "sts:TagSession"), "cluster", (ANY,)),
        (allow("sts:AssumeRole", "sts:TagSession"), "account", ()),
    ],
)
def test_pods_that_are_allowed_besides_the_requested_ones(
    statement: dict[str, Any], scope: str, others: tuple[str, ...]
) -> None:
    assert also_allowed(role(statement), DEMO, [identity()], ScopeKind(scope)) == others


def test_another_service_account_is_allowed_unless_it_is_requested() -> None:
    cart = when(
        **{
            **OF_ORDERS["Condition"],
            "StringEquals": {
                "aws:RequestTag/kubernetes-namespace": "shop",
                "aws:RequestTag/kubernetes-service-account": "cart",
            },
        }
    )
    both = role(OF_ORDERS, cart)
    assert also_allowed(both, DEMO, [identity()], ScopeKind.SERVICE_ACCOUNT) == ("shop/cart in cluster demo",)
    assert also_allowed(both, DEMO, [identity(), identity("cart")], ScopeKind.SERVICE_ACCOUNT) == ()
