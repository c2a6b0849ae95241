"""An OIDC provider that is removed from a trust policy, as a whole or one service account of it."""

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from itertools import product
from typing import Any

from domain.trust.statements import ADMIN, EC2, IRSA, OWN, TWO_PROVIDERS
from domain.trust.trust_helpers import OIDC, OIDC_ID
from harness import table
from podid.domain.names import ServiceAccountRef
from podid.domain.trust import Edit, parse_policy, remove_issuer, remove_subject

SECOND = OIDC.replace("/ABC", "/ABCD")
IRSA_2 = IRSA | {"Principal": {"Federated": SECOND}}
ISSUERS: dict[str, tuple[list[Any], str, list[Any] | str]] = {
    "by URL": ([IRSA, OWN], f"https://{OIDC_ID}", [OWN]),
    "by host and path": ([OWN, IRSA], OIDC_ID, [OWN]),
    "by ARN": ([OWN, IRSA, EC2], OIDC, [OWN, EC2]),
    "with a slash": ([OWN, IRSA], f"https://{OIDC_ID}/", [OWN]),
    "all of its statements": ([IRSA, OWN, IRSA | {"Sid": "Two"}], OIDC_ID, [OWN]),
    "no other provider": ([IRSA, IRSA_2, OWN], OIDC_ID, [IRSA_2, OWN]),
    "one of two providers": (
        [{**IRSA, "Principal": {"Federated": [OIDC, SECOND]}, "Condition": TWO_PROVIDERS}, OWN],
        OIDC_ID,
        [{**IRSA, "Principal": {"Federated": [SECOND]}, "Condition": TWO_PROVIDERS}, OWN],
    ),
    "its Deny stays": ([IRSA, OWN, IRSA | {"Effect": "Deny"}], OIDC_ID, [OWN, IRSA | {"Effect": "Deny"}]),
    "none of it": ([OWN, IRSA], f"{OIDC_ID}X", "no-change"),
    "nothing federated": ([OWN, EC2], OIDC_ID, "no-change"),
    "the only statement": ([IRSA], OIDC_ID, "refused"),
    "bound to its own condition": ([IRSA | {"Principal": {"Federated": [OIDC, SECOND]}}, OWN], OIDC_ID, "refused"),
}


@table(("before", "issuer", "after"), ISSUERS.values())
def test_a_provider_is_removed(before: list[Any], issuer: str, after: list[Any] | str) -> None:
    edit = take_out(before, issuer=issuer)
    assert edit.outcome == (after if isinstance(after, str) else "changed"), edit.reason
    assert statements_of(edit) == (before if isinstance(after, str) else after)


# --- one service account of it ----------------------------------------------------------------------------------------

SUB = f"{OIDC_ID}:sub"
NAMES = ("shop/orders", "shop/cart", "shop/orders-2", "web/orders", "web/x")


def subject(name: str) -> str:
    return f"system:serviceaccount:{name.replace('/', ':')}"


def irsa(condition: Mapping[str, Any] | None, **members: Any) -> dict[str, Any]:
    raw = {**IRSA, "Condition": condition, **members}
    return {name: value for name, value in raw.items() if value is not None}


def take_out(before: Sequence[Mapping[str, Any]], name: str = "", issuer: str = OIDC_ID) -> Edit:
    document = parse_policy({"Version": "2012-10-17", "Statement": list(before)})
    if not name:
        return remove_issuer(document, issuer)
    return remove_subject(document, issuer=issuer, ref=ServiceAccountRef(*name.split("/")))


def statements_of(edit: Edit) -> list[Any]:
    return [item.raw for item in edit.policy.statements]


def gets_in(statements: Sequence[Mapping[str, Any]], name: str) -> bool:
    """By the provider, whatever the token's audience: as simple as can be, and nothing of podid's engine."""
    return any(
        all(
            any(_matches(operator, value, subject(name)) for value in ([values] if isinstance(values, str) else values))
            for operator, keys in statement.get("Condition", {}).items()
            for key, values in keys.items()
            if key == SUB
        )
        for statement in statements
        if OIDC in statement["Principal"].get("Federated", ())
    )


def _matches(operator: str, value: str, sent: str) -> bool:
    if operator.endswith("IgnoreCase"):
        return value.lower() == sent.lower()
    return fnmatchcase(sent, value) if operator.endswith("StringLike") else value == sent


LISTS = (
    None,
    subject("shop/orders"),
    [subject("shop/orders")],
    [subject("shop/orders"), subject("shop/cart"), subject("web/x")],
    [subject("shop/cart"), subject("web/x")],
    subject("shop/*"),
    [subject("shop/orders"), subject("shop/order*"), subject("web/x")],
    [subject("shop/orders"), subject("web/*")],
    "system:serviceaccount:*:orders",
)
AUDIENCES: tuple[dict[str, Any], ...] = (
    {},
    {"StringEquals": {f"{OIDC_ID}:aud": "sts.amazonaws.com"}},
    {"StringLike": {f"{OIDC_ID}:aud": ["sts.*", "own"]}},
)


def conditions() -> list[dict[str, Any]]:
    """One or two conditions on the subject, beside one on the audience or none."""
    blocks = []
    for equal, like, audience in product(LISTS, LISTS, AUDIENCES):
        block: dict[str, Any] = {operator: dict(keys) for operator, keys in audience.items()}
        for operator, values in (("StringEquals", equal), ("StringLike", like)):
            if values is not None:
                block.setdefault(operator, {})[SUB] = values
        blocks.append(block)
    return blocks


def test_other_service_accounts_keep_their_access() -> None:
    outcomes = set()
    for condition in conditions():
        for before in ([irsa(condition), OWN], [EC2, irsa(condition), irsa({"StringEquals": {SUB: LISTS[3]}}), OWN]):
            edit = take_out(before, "shop/orders")
            outcomes.add(edit.outcome.value)
            after = statements_of(edit)
            if edit.refused:
                assert "they would lose access" in edit.reason, condition
                assert after == before
                continue
            allowed = {name for name in NAMES if gets_in(before, name)}
            assert {name for name in NAMES if gets_in(after, name)} == allowed - {"shop/orders"}, condition
            assert [s for s in after if "Federated" not in s["Principal"]] == [s for s in before if s in (OWN, EC2)]
    assert outcomes == {"changed", "no-change", "refused"}


ONE: dict[str, tuple[Sequence[Any], Sequence[Any] | str]] = {
    "its own statement": ([IRSA, OWN], [OWN]),
    "a list of one": ([irsa({"StringLike": {SUB: [subject("shop/orders")]}}), OWN], [OWN]),
    "one of a list": (
        [irsa({"StringEquals": {SUB: LISTS[3]}, "Null": {f"{OIDC_ID}:aud": "false"}})],
        [irsa({"StringEquals": {SUB: [subject("shop/cart"), subject("web/x")]}, "Null": {f"{OIDC_ID}:aud": "false"}})],
    ),
    "ForAnyValue, as generators write it": (
        [irsa({"ForAnyValue:StringEquals": {SUB: LISTS[3]}}), OWN],
        [irsa({"ForAnyValue:StringEquals": {SUB: LISTS[4]}}), OWN],
    ),
    "in any case of letters": (
        [irsa({"StringEqualsIgnoreCase": {SUB: [subject("Shop/Orders"), subject("web/x")]}})],
        [irsa({"StringEqualsIgnoreCase": {SUB: [subject("web/x")]}})],
    ),
    "a list beside a pattern": (
        [irsa({"StringEquals": {SUB: LISTS[3]}, "StringLike": {SUB: subject("*/*")}})],
        [irsa({"StringEquals": {SUB: LISTS[4]}, "StringLike": {SUB: subject("*/*")}})],
    ),
    "somebody else's list": ([irsa({"StringEquals": {SUB: LISTS[4]}}), OWN], "no-change"),
    "a list of another provider": ([irsa({"StringEquals": {f"{OIDC_ID}D:sub": LISTS[3]}}), OWN], "no-change"),
    "not by pods": ([EC2, ADMIN], "no-change"),
    "a Deny stays": ([IRSA | {"Effect": "Deny"}, OWN], "no-change"),
    "a pattern": ([irsa({"StringLike": {SUB: subject("shop/*")}}), OWN], "by StringLike system:serviceaccount:shop:*"),
    "a pattern beside the name": ([irsa({"StringLike": {SUB: LISTS[6]}}), OWN], "they would lose access"),
    "a pattern beside the name, in the second statement": (
        [
            irsa({"StringLike": {SUB: [subject("shop/orders"), subject("web/*")]}}),
            irsa({"StringLike": {SUB: LISTS[6]}}),
        ],
        "Statement[1] allows shop/orders by StringLike",
    ),
    "no subject": ([irsa(None), OWN], "without a condition on sub"),
    "all but one": ([irsa({"StringNotEquals": {SUB: subject("web/x")}}), OWN], "they would lose access"),
    "beside another principal": (
        [irsa({"StringEquals": {SUB: LISTS[1]}}, Principal={"Federated": OIDC, "AWS": "1"}), OWN],
        "also names principals other than shop/orders",
    ),
    "the only statement": ([IRSA], "no statement would remain"),
}


@table(("before", "after"), ONE.values())
def test_one_service_account_is_removed(before: Sequence[Any], after: Sequence[Any] | str) -> None:
    edit = take_out(before, "shop/orders")
    if isinstance(after, str) and after != "no-change":
        assert edit.refused
        assert after in edit.reason
        return
    assert edit.outcome == ("no-change" if after == "no-change" else "changed"), edit.reason
    assert statements_of(edit) == list(before if after == "no-change" else after)
