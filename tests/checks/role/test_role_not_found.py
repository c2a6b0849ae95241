import pytest

from checks.builder import ACCOUNT, DENIED, NO_ROLE, ROLE_ARN, association, chained, healthy, role, with_role
from checks.grid import answers, only, verdicts
from parsing import parsed
from podid.checks.all import ORDER
from podid.checks.runner import mask
from podid.domain.aws import Role
from podid.domain.findings import Outcome
from podid.domain.snapshot import Known, Missing

ID = "role-not-found"
FAILS = healthy(roles={ROLE_ARN: Known(None)})
UNKNOWN = NO_ROLE
FINDINGS = [("fail", "error", "Role orders")]
UNKNOWNS = [("unknown", "error", "Role orders")]


def test_a_missing_role_whose_name_begins_with_a_dash() -> None:
    arn = f"arn:aws:iam::{ACCOUNT}:role/-orders"
    missing: dict[str, Known[Role | None]] = {arn: Known(None)}
    verdict = only(ID, healthy(associations=(association(role_arn=arn),), roles=missing))
    assert verdict.fix is not None
    (words,) = verdict.fix.commands
    assert parsed(words)[1]["name"] == "-orders"
    assert ROLE_ARN not in words


BASE, TARGET = "Role orders", "Role reports"


def test_a_missing_target_role_is_one_finding() -> None:
    """One association's own role is gone as well."""
    lost = f"arn:aws:iam::{ACCOUNT}:role/lost"
    snapshot = chained(
        association(),
        association(name="billing", role_arn=lost),
        roles={ROLE_ARN: Known(role()), lost: Known(None)},
        target=Known(None),
    )
    named = mask(verdicts(ID, snapshot), ORDER)
    assert [(str(v.subject), v.chain, v.masked_by) for v in named if v.outcome is Outcome.FAIL] == [
        ("Role lost", ("shop/billing",), ""),
        (TARGET, ("shop/billing", "shop/orders"), ""),
    ]


NODES, ORDERS = "Role nodes", "Role orders"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (role(), "pass"),
        (None, "fail"),
        (role(f"arn:aws:iam::{ACCOUNT}:role/apps/orders"), "fail"),
        (DENIED, "unknown"),
    ],
)
def test_roles_of_associations(value: Role | Missing | None, expected: str) -> None:
    assert answers(ID, with_role(value)) == [(expected, "error", ORDERS)]


def test_a_role_under_another_path_is_proposed() -> None:
    other = f"arn:aws:iam::{ACCOUNT}:role/apps/orders"
    fix = only(ID, with_role(role(other))).fix
    assert fix is not None
    assert fix.commands == (("podid", "associate", "shop/orders", "--role", other, "--replace", "--cluster", "prod"),)
    gone = only(ID, with_role(None)).fix
    assert gone is not None
    assert gone.commands == (("podid", "role", "create", "orders", "--for", "shop/orders", "--cluster", "prod"),)
