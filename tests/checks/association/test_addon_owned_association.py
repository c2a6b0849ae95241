from typing import Any

import pytest

from checks.builder import DENIED, ROLE_ARN, addon, healthy
from checks.grid import answers

ID = "addon-owned-association"
FAILS = healthy(addons=(addon(association_arns=("arn",), service_account_role_arn=ROLE_ARN),))
UNKNOWN = healthy(addons=DENIED)
FINDINGS = [("fail", "warn", "Addon eks-pod-identity-agent")]
UNKNOWNS = [("unknown", "warn", "Cluster prod")]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"association_arns": ("a",)}, "pass"),
        ({"service_account_role_arn": ROLE_ARN}, "pass"),
        ({"association_arns": ("a",), "service_account_role_arn": ROLE_ARN}, "fail"),
    ],
)
def test_addons_with_two_roles(changes: Any, expected: str) -> None:
    rows = answers(ID, healthy(addons=(addon(**changes),)))
    assert rows == [(expected, "warn", "Addon eks-pod-identity-agent")]
