"""A command that fails deletes the roles that it created, also in its earlier incomplete runs."""

from contextlib import suppress

import pytest

from ops.change.support import account_state
from ops.migrate.killed import Killed, dying
from podid.sandbox.baseline import add_association
from worlds import Site

# each with the operation that is refused
LINES = (
    (
        "associate shop/orders --create-role --role r --managed-policy AmazonS3ReadOnlyAccess --wait api",
        "eks:CreatePodIdentityAssociation",
    ),
    ("role create r --for shop/orders --managed-policy AmazonS3ReadOnlyAccess", "iam:AttachRolePolicy"),
    ("addon install adot --recommended --wait api", "eks:CreateAddon"),
    ("addon associate aws-ebs-csi-driver --recommended --wait api", "eks:UpdateAddon"),
)
lines = pytest.mark.parametrize(("line", "operation"), LINES, ids=[line for line, _ in LINES])


@lines
def test_of_a_killed_run(account: Site, monkeypatch: pytest.MonkeyPatch, line: str, operation: str) -> None:
    before = account_state(account.box)
    for number in range(2):  # the first request that is no GET may list insights
        if account_state(account.box) == before:
            with dying(account, monkeypatch, number, "after"), suppress(Killed):
                account(*line.split())
    assert account_state(account.box) != before
    account.box.world.credentials.deny(operation)
    failed = account(*line.split())
    assert (failed.code, failed.stdout, account_state(account.box)) == (4, "", before), failed
    assert "which this command created, w" in failed.stderr


def after_a_failed_rollback(account: Site, line: str, operation: str) -> None:
    """Leave the roles of the command, whose `operation` is refused."""
    credentials = account.box.world.credentials
    credentials.deny(operation)
    credentials.deny("iam:DeleteRole")
    assert account(*line.split()).code == 8
    credentials.allow_again()
    credentials.deny(operation)


@lines
def test_of_a_failed_rollback(account: Site, line: str, operation: str) -> None:
    before = account_state(account.box)
    after_a_failed_rollback(account, line, operation)
    failed = account(*line.split())
    assert (failed.code, failed.stdout, account_state(account.box)) == (4, "", before), failed


def test_a_role_that_something_else_uses_now(account: Site) -> None:
    after_a_failed_rollback(account, *LINES[0])
    add_association(account.box.world, "shop", "cart", "r")
    failed = account(*LINES[0][0].split())
    assert (failed.code, "r" in account_state(account.box)["roles"]) == (8, True), failed
    assert "could not be deleted: " in failed.stderr
