"""Presets that are attached to a role and detached."""

from pathlib import Path

from harness import Podid
from ops.change.support import account_state
from ops.role.support import CREATE_READER, READ
from podid.sandbox.box import Sandbox


def test_presets_are_attached_and_detached(box: Sandbox, podid: Podid, journal: Path) -> None:
    assert podid(*CREATE_READER).code == 0
    bare = account_state(box)
    argv = ("role", "attach", "reader", *READ, "--preset", "cluster-autoscaler", "--preset", "ebs-csi", "-o", "json")
    done = podid(*argv)
    assert done.code == 0, done.stderr
    assert "preset dynamodb-read-orders: the role may read items of table orders and of its indexes" in str(done.json)
    role = account_state(box)["roles"]["reader"]
    assert set(role["inline"]) == {"dynamodb-read-orders", "cluster-autoscaler"}
    assert "k8s.io/cluster-autoscaler/demo" in str(role["inline"]["cluster-autoscaler"])
    assert len(role["attached"]) == 1
    assert podid(*argv).json["runId"] is None
    again = ("role", "detach", "reader", *READ, "--preset", "cluster-autoscaler", "--preset", "ebs-csi")
    assert podid(*again, "-o", "json").code == 2, "it asks"
    assert podid(*again, "--yes").code == 0
    assert account_state(box) == bare
    assert podid(*again, "--yes").code == 5
    assert podid("undo", "last", "--yes").code == 0
    assert account_state(box)["roles"]["reader"] == role


def test_a_preset_that_names_no_cluster_needs_none(box: Sandbox, podid: Podid, journal: Path) -> None:
    assert podid(*CREATE_READER).code == 0
    box.world.credentials.deny("eks:*")
    assert podid("role", "attach", "reader", *READ).code == 0
    outcome = podid("role", "attach", "reader", "--preset", "cluster-autoscaler", "-o", "json")
    assert (outcome.code, outcome.stdout) == (4, "")
