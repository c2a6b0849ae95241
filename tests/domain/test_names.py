"""Names and ARNs: parsed, checked and split."""

from collections.abc import Callable

import pytest

from harness import table
from podid.domain import names
from podid.domain.errors import Again, InvalidInput
from podid.domain.names import Arn, ServiceAccountRef

ROLE = "arn:aws:iam::111122223333:role/team/orders"
CLUSTER = "arn:aws-cn:eks:cn-north-1:111122223333:cluster/demo"


def test_service_accounts_are_parsed_once_each() -> None:
    refs = ServiceAccountRef.parse_all(["shop/orders", "web/front.end", "shop/orders"])
    assert refs == (ServiceAccountRef("shop", "orders"), ServiceAccountRef("web", "front.end"))
    assert [str(ref) for ref in refs] == ["shop/orders", "web/front.end"]


@table(
    ("text", "problem"),
    [
        ("orders", "specify NAMESPACE/NAME"),
        ("a/b/c", "specify NAMESPACE/NAME"),
        ("/orders", "specify NAMESPACE/NAME"),
        ("arn:aws:iam::111122223333:role/orders", "specify NAMESPACE/NAME"),
        ("Shop/orders", "'Shop' is not a namespace name"),
        ("sh.op/orders", "'sh.op' is not a namespace name"),
        (f"{'s' * 64}/orders", "is not a namespace name"),
        ("shop/Orders", "'Orders' is not a service account name"),
        ("shop/-orders", "'-orders' is not a service account name"),
        (f"shop/{'o' * 254}", "is not a service account name"),
    ],
)
def test_text_that_is_not_a_service_account(text: str, problem: str) -> None:
    with pytest.raises(InvalidInput, match=problem):
        ServiceAccountRef.parse(text)


@table(
    ("text", "meant"),
    [
        ("system:serviceaccount:shop:orders", "shop/orders"),
        ("shop:orders", "shop/orders"),
        ("Shop:orders", ""),
        ("orders", ""),
    ],
)
def test_other_spellings_of_a_service_account_are_suggested(text: str, meant: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        ServiceAccountRef.parse(text)
    assert raised.value.hint == (Again(swap=(text, meant)) if meant else ())


def test_the_parts_of_an_arn() -> None:
    arn = Arn.parse("arn:aws:s3:::bucket/a:b")
    assert arn == Arn("aws", "s3", "", "", "bucket/a:b")
    assert str(arn) == "arn:aws:s3:::bucket/a:b"
    assert Arn.parse(ROLE).resource_name == names.role_name(ROLE) == "orders"
    assert (names.role_path(ROLE), names.role_path("arn:aws:iam::1:role/a")) == ("/team/", "/")
    assert names.addon_name("arn:aws:eks:eu-west-1:1:addon/demo/vpc-cni/0a") == "vpc-cni"
    assert names.addon_name("vpc-cni") == "vpc-cni"


@table("text", ["", "x", "arn:aws:iam:1:role/a", "arn:gcp:iam::1:role/a", "arn:aws:::1:a", "arn:aws:iam::1:"])
def test_text_that_is_not_an_arn(text: str) -> None:
    with pytest.raises(InvalidInput, match="is not an ARN"):
        Arn.parse(text)


@table(
    ("check", "valid", "invalid"),
    [
        (names.parse_role_arn, ROLE, [ROLE.replace(":role/", ":user/"), ROLE.replace("111122223333", "1")]),
        (
            names.parse_cluster_arn,
            CLUSTER,
            [CLUSTER + "*", CLUSTER.replace("cn-north-1", "*"), CLUSTER.replace(":eks:", ":ecs:"), CLUSTER + "/a"],
        ),
        (names.check_role_name, "a+=,.@-_1", ["", "a b", "r" * 65, "role/a", "é"]),
        (names.check_role, ROLE, ["arn:aws:iam::1:role/a", "a b"]),
        (names.check_managed_policy, "service-role/A_1", ["", "a b", "p" * 129, "arn:aws:iam::1:role/a", ROLE, "é"]),
        (names.check_managed_policy, "arn:aws-cn:iam::aws:policy/job-function/A", ["arn:aws:s3:::policy/a"]),
        (names.check_namespace_name, "shop", ["", "Shop", "a.b"]),
        (names.check_account, "111122223333", ["", "1", "11112222333a", "\uff11" * 12]),
        (names.check_cluster_name, "Demo_1", ["", "-a", "a" * 101, "a.b"]),
    ],
)
def test_a_name_is_returned_or_refused(check: Callable[[str], object], valid: str, invalid: list[str]) -> None:
    assert str(check(valid)) == valid
    for text in invalid:
        with pytest.raises(InvalidInput):
            check(text)


def test_a_role_with_its_path_is_suggested_without() -> None:
    with pytest.raises(InvalidInput) as raised:
        names.check_role_name("team/orders")
    assert raised.value.hint == Again(swap=("team/orders", "orders"))


def test_patterns() -> None:
    assert [names.is_pattern(text) for text in ("a*", "a?", "[ab]", "ab")] == [True, True, True, False]
