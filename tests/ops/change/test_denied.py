"""Each right of each changing command taken away in turn: exit 4 and its name, or all the work is done without it."""

import shlex
from collections.abc import Mapping
from pathlib import Path

import pytest

from harness import Podid
from ops.change.support import account_state, policy_file
from podid.checks.all import ALL
from podid.ops.reading.sections import permissions
from podid.sandbox.box import Sandbox

# what is read to say what comes of a change: without it that is not known, and the change is made
AHEAD = frozenset(permissions(ALL).iam) | {"cloudformation:DescribeStackResources"}
ASSOCIATE = ("associate", "shop/orders", "--wait", "none", "--role")
CREATE = ("role", "create", "shop-orders", "--for", "shop/orders")
# command -> (what is run first, the command, the rights without which it does all its work)
COMMANDS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...], frozenset[str]]] = {
    "role create": (
        (),
        (*CREATE, "--policy-file", "POLICY", "--managed-policy", "AmazonS3ReadOnlyAccess"),
        frozenset({"iam:GetPolicy", "access-analyzer:ValidatePolicy"}),
    ),
    "role create, existing": (CREATE, (*CREATE, "--for", "shop/cart", "--update-trust"), frozenset()),
    "associate": ((), (*ASSOCIATE, "storefront", "--tag", "a=b"), frozenset({"iam:GetRole"})),
    "replace": (
        (*ASSOCIATE, "orders-dynamodb"),
        (*ASSOCIATE, "storefront", "--replace"),
        frozenset({"iam:GetRole"}),
    ),
    "update trust": ((), (*ASSOCIATE, "article-2023", "--update-trust"), frozenset()),
    "disassociate": (
        (*ASSOCIATE, "storefront"),
        ("disassociate", "shop/orders", "--yes", "--wait", "none"),
        frozenset(),
    ),
    "install agent": (
        (),
        ("install-agent", "--wait", "none"),
        frozenset(
            {
                *("eks:DescribeAddonVersions", "eks:DescribeNodegroup", "eks:ListNodegroups"),
                *("eks:ListPodIdentityAssociations", "iam:SimulatePrincipalPolicy"),
                *("ec2:DescribeRouteTables", "ec2:DescribeVpcEndpoints"),
            }
        ),
    ),
    "undo": (
        (*CREATE, "--policy-file", "POLICY"),
        ("undo", "last", "--yes"),
        frozenset(),
    ),
    "undo of associate": ((*ASSOCIATE, "storefront"), ("undo", "last", "--yes"), frozenset()),
}


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    ("name", "every"),
    [*((name, 3) for name in COMMANDS), *(pytest.param(name, 1, marks=pytest.mark.rare) for name in COMMANDS)],
)
def test_each_permission_in_turn(box: Sandbox, podid: Podid, tmp_path: Path, name: str, every: int) -> None:
    first, command, optional = COMMANDS[name]
    policy = policy_file(tmp_path)
    first = tuple(policy if part == "POLICY" else part for part in first)
    command = tuple(policy if part == "POLICY" else part for part in command)
    rounds = 0

    def begin() -> None:
        nonlocal rounds
        rounds += 1
        box.reset()
        podid.env = {**podid.env, "PODID_JOURNAL_DIR": str(tmp_path / f"journal-{rounds}")}
        assert not first or podid(*first).code == 0

    begin()
    box.faults.calls.clear()
    outcome = podid(*command)
    assert outcome.code == 0, outcome.stderr
    expected = account_state(box)
    called = {f"{service}:{operation}" for service, operation in box.faults.calls}
    needed = called - {"sts:GetCallerIdentity"}  # needs none
    if needed & {"eks:CreatePodIdentityAssociation", "eks:UpdatePodIdentityAssociation"}:
        needed.add("iam:PassRole")
    if name == "associate":
        needed.add("eks:TagResource")
    for permission in sorted(needed)[::every]:
        begin()
        before = account_state(box)
        box.world.credentials.deny(permission)
        outcome = podid(*command, "-o", "json")
        assert "Traceback" not in outcome.stderr
        if outcome.code == 0:
            assert permission in optional | AHEAD, permission
            assert account_state(box) == expected, permission
            continue
        assert permission not in optional, (permission, outcome.stderr)
        if outcome.code == 9:  # it decides whether the change is safe
            assert f"requires {permission}" in outcome.stderr
            assert (outcome.stdout, account_state(box)) == ("", before), permission
            continue
        assert outcome.code in (4, 8), (permission, outcome.stderr)
        assert outcome.error["permission"] == permission
        assert permission in outcome.error["message"]
        if outcome.code == 4:
            assert outcome.stdout == ""
            # what is to be tried prints it with all the others
            program, *hint = shlex.split(outcome.error["hint"])
            assert (program, permission in podid(*hint).stdout) == ("podid", True), hint
            assert account_state(box) == before, permission
        else:
            states = [item["status"] for item in outcome.json["actions"] if item["status"] != "unchanged"]
            assert states[0] == "done"
            assert "failed" in states
        box.world.credentials.allow_again()
        again = podid(*command)  # whatever had been done, the next run finishes it
        assert again.code == 0, (permission, again.stderr)
        assert account_state(box) == expected, permission
