"""`podid can-i`."""

import json
from typing import Any

import pytest

from ops.permissions.support import BUCKET, READ, answer, can_i, document
from worlds import ACCOUNT, Site


def test_a_role_by_name(healthy: Site) -> None:
    report = can_i(healthy, "--role", "shop-orders", READ, code=0)
    assert (report["serviceAccount"], report["roleArn"]) == (None, f"arn:aws:iam::{ACCOUNT}:role/shop-orders")
    outcome = healthy("can-i", "--role", "shop-order", READ)
    assert (outcome.code, "did you mean shop-orders?" in outcome.stderr) == (5, True)


def test_files_need_no_access(healthy: Site, tmp_path: Any) -> None:
    file = tmp_path / "p.json"
    file.write_text(json.dumps(document("s3:GetObject", resource=f"{BUCKET}/*")))
    healthy.box.faults.calls.clear()
    report = can_i(healthy, "--policy-file", str(file), "s3:GetObject", code=0)
    assert (report["roleArn"], report["items"][0]["resources"]) == (None, [f"{BUCKET}/*"])
    assert not healthy.box.faults.calls
    mine = {"StringEquals": {"aws:PrincipalArn": "arn:aws:iam::111122223333:role/x"}}
    file.write_text(json.dumps(document("s3:GetObject", Condition=mine)))
    assert answer(healthy, "--policy-file", str(file), "s3:GetObject", code=9)["keys"] == ["aws:PrincipalArn"]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("shop/orders",), "Specify an action"),
        ((READ,), "Specify a service account as NAMESPACE/NAME"),
        (("shop/orders", "GetItem"), "is not an action"),
        (("shop/orders", "dynamodb:Nosuch*"), "matches 'dynamodb:Nosuch*'"),
        (("shop/orders", READ, "--resource", "orders"), "is not an ARN"),
        (("shop/orders", READ, "--context-key", "x"), "is not KEY=VALUE"),
        (("shop/orders", READ, "--role", "shop-orders"), "cannot be used together"),
        (("deploy/shop/orders", READ), "'deploy/shop/orders'"),
    ],
)
def test_usage_errors(healthy: Site, words: tuple[str, ...], why: str) -> None:
    outcome = healthy("can-i", *words)
    assert (outcome.code, outcome.stdout) == (2, ""), outcome
    assert why in outcome.stderr


def test_names_that_do_not_exist(healthy: Site) -> None:
    outcome = healthy("can-i", "shop/order", READ)
    assert (outcome.code, "did you mean shop/orders?" in outcome.stderr) == (5, True)
    outcome = healthy("can-i", "pod/shop/nosuch", READ)
    assert (outcome.code, "Pod shop/nosuch does not exist" in outcome.stderr) == (5, True)
    stderr = healthy("can-i", "shop/orders", "dynamodb:GetItm").stderr
    assert "dynamodb:GetItm is not in the action table of 2026-" in stderr
    assert "did you mean dynamodb:GetItem" in stderr
