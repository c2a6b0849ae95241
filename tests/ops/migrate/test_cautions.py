"""The text of the warnings of a migration."""

from irsa import PROVIDER, Irsa, irsa_statement
from ops.migrate.causes import (
    add,
    allow,
    annotation_owned,
    role_used_elsewhere,
    session_name_changed,
    session_name_changed_in_a_policy,
    wildcard_subject_without_sub,
)

OTHER_PROVIDER = PROVIDER.replace("EXAMPLED", "OTHERD")


def test_a_pattern_names_its_service_accounts(irsa: Irsa) -> None:
    other = irsa_statement("shop/a", provider=OTHER_PROVIDER)
    arn = irsa.role("wide", irsa_statement("shop/*", operator="StringLike"), other)
    for ref in ("shop/one", "shop/two"):
        irsa.account(ref, arn)
    messages = {warning["id"]: warning["message"] for warning in irsa.items()["shop/one"]["warnings"]}
    assert sorted(messages) == ["role-used-elsewhere", "wildcard-subject"]
    # default and cart of namespace shop have no annotation
    assert "shop/one, shop/two use it today; 2 other service accounts could" in messages["wildcard-subject"]


def test_a_pattern_in_one_namespace_is_not_counted_for_the_cluster(irsa: Irsa) -> None:
    arn = irsa.role("wide", irsa_statement("*", operator="StringLike"))
    for ref in ("shop/one", "pay/one"):
        irsa.account(ref, arn)
    messages = {warning["id"]: warning["message"] for warning in irsa.items("-n", "shop")["shop/one"]["warnings"]}
    assert "(system:serviceaccount:*): in namespace shop, shop/one uses it today" in messages["wildcard-subject"]
    messages = {warning["id"]: warning["message"] for warning in irsa.items()["shop/one"]["warnings"]}
    assert "(system:serviceaccount:*): pay/one, shop/one use it today" in messages["wildcard-subject"]


def test_every_chained_role_without_tag_session_is_named(irsa: Irsa) -> None:
    add(irsa, "shop/one")
    arns = [f"arn:aws:iam::444455556666:role/far-{number}" for number in range(7)]
    allow(irsa, "shop/one", arns)
    (warning,) = irsa.items()["shop/one"]["warnings"]
    assert all(f"{arn}:" in warning["message"] for arn in arns)


def test_the_text_of_each_warning(irsa: Irsa) -> None:
    annotation_owned(irsa, "shop/annotated")
    role_used_elsewhere(irsa, "shop/elsewhere")
    session_name_changed(irsa, "shop/by-trust")
    session_name_changed_in_a_policy(irsa, "shop/by-policy")
    session_name_changed(irsa, "shop/by-all")
    allow(irsa, "shop/by-all", "*", "s3:GetObject", StringLike={"aws:userid": "*:botocore-session-*"})
    wildcard_subject_without_sub(irsa, "shop/any")
    items = irsa.items()
    texts = {
        "shop/annotated": ("annotation-owned", "Helm release one in namespace ? manages the annotation."),
        "shop/elsewhere": ("role-used-elsewhere", f"Role shop-elsewhere also trusts {OTHER_PROVIDER}."),
        "shop/by-trust": ("session-name-changed", "The trust policy of role shop-by-trust depends on the session name"),
        "shop/by-policy": ("session-name-changed", "Policy more of role shop-by-policy depends on the session name"),
        "shop/by-all": ("session-name-changed", "The trust policy and policy more of role shop-by-all depend on the"),
        "shop/any": (
            "wildcard-subject",
            "The trust policy of role shop-any allows service accounts by a pattern (any): shop/any uses it today; ",
        ),
    }
    for ref, (id_, text) in texts.items():
        (warning,) = items[ref]["warnings"]
        assert warning["id"] == id_
        assert warning["message"].startswith(text)
