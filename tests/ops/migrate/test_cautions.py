"""The text of the warnings of a migration."""

from irsa import PROVIDER, Irsa, irsa_statement
from ops.migrate.causes import add, allow


def test_a_pattern_names_its_service_accounts(irsa: Irsa) -> None:
    other = irsa_statement("shop/a", provider=PROVIDER.replace("EXAMPLED", "OTHERD"))
    arn = irsa.role("wide", irsa_statement("shop/*", operator="StringLike"), other)
    for ref in ("shop/one", "shop/two"):
        irsa.account(ref, arn)
    messages = {warning["id"]: warning["message"] for warning in irsa.items()["shop/one"]["warnings"]}
    assert sorted(messages) == ["role-used-elsewhere", "wildcard-subject"]
    # default and cart of namespace shop have no annotation
    assert "shop/one, shop/two use it today; 2 other service accounts could" in messages["wildcard-subject"]


def test_every_chained_role_without_tag_session_is_named(irsa: Irsa) -> None:
    add(irsa, "shop/one")
    arns = [f"arn:aws:iam::444455556666:role/far-{number}" for number in range(7)]
    allow(irsa, "shop/one", arns)
    (warning,) = irsa.items()["shop/one"]["warnings"]
    assert all(f"{arn}:" in warning["message"] for arn in arns)
