"""Roles, failures and clusters of `podid disassociate`."""

import json
from pathlib import Path

from harness import Podid
from ops.association.worlds import ARN, WAIT, actions, roles, two_clusters
from ops.change.support import account_state, policy_file, writes
from podid.sandbox.baseline import add_association, add_cluster
from podid.sandbox.box import Sandbox
from worlds import ACCOUNT


def test_the_role_is_deleted_with_the_last_association(
    box: Sandbox, podid: Podid, journal: Path, tmp_path: Path
) -> None:
    before = account_state(box)
    file = policy_file(tmp_path)
    created = podid("associate", "shop/a", "shop/b", "--create-role", "--role", "r", "--policy-file", file, *WAIT)
    assert created.code == 0, created
    count = writes(box)
    used = podid("disassociate", "shop/a", "--delete-role", "--yes", *WAIT, "-o", "json")
    assert (used.code, writes(box)) == (6, count), used
    assert "shop/b" in str(used.error)
    command = ("disassociate", "shop/a", "shop/b", "--delete-role", *WAIT)
    asked = podid(*command, "-o", "json")
    assert (asked.code, writes(box)) == (2, count)
    gone = podid(*command, "--yes", "-o", "json")
    assert gone.code == 0, gone
    assert [kind for kind, _, _ in actions(gone)] == ["association", "association", "role-policy", "role"]
    assert account_state(box) == before
    assert podid(*command, "--yes", "--ignore-not-found", "-o", "json").code == 0
    back = podid("undo", "last", "--yes", *WAIT)
    assert back.code == 0, back
    assert roles(box) == {"shop/a": "r", "shop/b": "r"}


def test_a_role_that_an_unread_cluster_may_use_is_kept(box: Sandbox, podid: Podid, journal: Path) -> None:
    assert podid("associate", "shop/a", "--create-role", "--role", "r", *WAIT).code == 0
    add_cluster(box.world, "blue")
    box.world.credentials.deny("eks:ListPodIdentityAssociations", resource="arn:aws:eks:*:*:cluster/blue")
    count = writes(box)
    outcome = podid("disassociate", "shop/a", "--delete-role", "--yes", *WAIT)
    assert (outcome.code, outcome.stdout, writes(box)) == (9, "", count)
    assert "podid could not read everything that may use role r.\n  associations of cluster blue" in outcome.stderr


def test_a_role_of_others_stays(box: Sandbox, podid: Podid, journal: Path) -> None:
    add_association(box.world, "shop", "orders", "storefront")
    outcome = podid("disassociate", "shop/orders", "--delete-role", "--yes", *WAIT, "-o", "json")
    assert (outcome.code, writes(box)) == (6, 0)
    assert (
        outcome.error["message"]
        == "Role storefront was not created by podid, according to its journal: --delete-role cannot delete it"
    )


def test_a_role_that_others_may_assume_stays(box: Sandbox, podid: Podid, journal: Path) -> None:
    """Such as a function, which no association shows."""
    assert podid("associate", "shop/a", "--create-role", "--role", "r", *WAIT).code == 0
    role = box.iam.backend(ACCOUNT).get_role("r")
    trust = json.loads(role.assume_role_policy_document)
    function = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    role.assume_role_policy_document = json.dumps({**trust, "Statement": [*trust["Statement"], function]})
    count = writes(box)
    outcome = podid("disassociate", "shop/a", "--delete-role", "--yes", *WAIT, "-o", "json")
    assert (outcome.code, writes(box)) == (6, count), outcome
    message = "Role r also trusts lambda.amazonaws.com: --delete-role cannot delete it"
    assert outcome.error["message"] == message
    deletion = podid("role", "delete", "r", "--dry-run", "-o", "json")
    assert deletion.code == 6, deletion
    assert podid("disassociate", "shop/a", "--yes", *WAIT).code == 0
    notes = podid("role", "delete", "r", "--dry-run", "-o", "json").json["notes"]
    assert "role r also trusts lambda.amazonaws.com, which could no longer assume it" in notes


def test_a_role_whose_association_stays_is_kept(box: Sandbox, podid: Podid, journal: Path) -> None:
    assert podid("associate", "shop/a", "--create-role", "--role", "r", *WAIT).code == 0
    box.world.credentials.deny("eks:DeletePodIdentityAssociation")
    outcome = podid("disassociate", "shop/a", "--delete-role", "--yes", *WAIT, "-o", "json")
    assert outcome.code == 4, outcome
    assert box.iam.role(f"{ARN}r", as_of=box.world.clock.now()) is not None


def test_a_failed_deletion_does_not_stop_the_others(box: Sandbox, podid: Podid, journal: Path) -> None:
    for name in ("a", "b"):
        add_association(box.world, "shop", name, "storefront")
    missing = podid("disassociate", "shop/aa", "shop/a", "shop/c", "--yes", *WAIT, "-o", "json")
    assert (missing.code, writes(box)) == (5, 0)
    assert missing.error["message"].startswith("shop/aa has no association in cluster demo; did you mean shop/a")
    assert [line.split(";")[0] for line in missing.error["details"]] == ["shop/c has no association in cluster demo"]
    rest = podid("disassociate", "shop/aa", "shop/a", "shop/b", "--yes", "--ignore-not-found", *WAIT, "-o", "json")
    assert (rest.code, roles(box)) == (0, {})


def test_several_clusters(box: Sandbox, podid: Podid, journal: Path) -> None:
    two_clusters(box)
    both = ("--cluster", "demo", "--cluster", "blue")
    assert podid("associate", "shop/orders", "--role", "open", *both, *WAIT).code == 0
    gone = podid("disassociate", "shop/orders", *both, "--yes", *WAIT, "-o", "json")
    assert gone.code == 0, gone
    assert roles(box, "demo") == roles(box, "blue") == {}
