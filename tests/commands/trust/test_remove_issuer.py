"""`podid trust remove --issuer`: an OIDC provider, or service accounts of it."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from domain.trust.statements import IRSA, OWN
from domain.trust.trust_helpers import OIDC_ID
from harness import Outcome, Podid

SUB = f"{OIDC_ID}:sub"


def subjects(*names: str) -> dict[str, Any]:
    return {SUB: [f"system:serviceaccount:{name.replace('/', ':')}" for name in names]}


LISTED: Mapping[str, Any] = IRSA | {"Condition": {"StringEquals": subjects("shop/orders", "shop/cart", "web/x")}}


def removed(before: Sequence[Mapping[str, Any]], *names: str) -> Outcome:
    flags = [word for name in names for word in ("--for", name)]
    document = {"Version": "2012-10-17", "Statement": list(before)}
    return Podid()("trust", "remove", "-", "--issuer", OIDC_ID, *flags, "-o", "json", stdin=json.dumps(document))


def test_a_provider_is_removed_from_a_policy_on_stdin() -> None:
    outcome = removed([IRSA, OWN])
    assert (outcome.code, outcome.json["outcome"], outcome.json["policy"]["Statement"]) == (0, "changed", [OWN])
    unchanged = removed([OWN])
    assert (unchanged.code, unchanged.json["outcome"]) == (0, "no-change")
    refused = removed([IRSA])
    assert (refused.code, refused.stdout) == (6, "")
    assert "no statement would remain" in refused.stderr


def test_all_named_service_accounts_or_none() -> None:
    before: list[Mapping[str, Any]] = [LISTED, OWN]
    assert removed(before, "shop/orders", "shop/cart").json["policy"]["Statement"] == [
        IRSA | {"Condition": {"StringEquals": subjects("web/x")}},
        OWN,
    ]
    assert removed(before, "shop/orders", "shop/cart", "web/x").json["policy"]["Statement"] == [OWN]
    wide: Mapping[str, Any] = IRSA | {"Condition": {"StringLike": {SUB: "system:serviceaccount:web:*"}}}
    assert removed([*before, wide], "shop/orders", "web/y").code == 6


def test_the_service_accounts_of_a_removed_provider() -> None:
    wide: Mapping[str, Any] = IRSA | {"Condition": {"StringLike": {SUB: "system:serviceaccount:a:*"}}}
    everyone = {name: value for name, value in IRSA.items() if name != "Condition"}
    assert removed([LISTED, wide, everyone, OWN]).json["notes"][1:] == [
        "Statement[0] allowed shop/orders, shop/cart, web/x",
        "Statement[1] allowed a/*",
        "Statement[2] allowed every service account of the cluster",
    ]


@pytest.mark.parametrize("flags", [("--scope", "namespace"), ("--no-session-tags",), ("--cluster-arn", "x")])
def test_options_that_do_not_concern_a_provider(flags: tuple[str, ...]) -> None:
    line = ("trust", "remove", "-", "--issuer", OIDC_ID, *flags)
    assert Podid()(*line, stdin=json.dumps({"Statement": [IRSA, OWN]})).code == 2
