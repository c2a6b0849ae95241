"""Roles with the permissions of presets: created, unchanged by a rerun, and undone."""

from pathlib import Path

from harness import Podid
from ops.change.support import account_state, writes
from ops.role.support import CREATE_READER, READ
from podid.sandbox.box import Sandbox


def test_a_role_for_one_table(box: Sandbox, podid: Podid, journal: Path) -> None:
    before = account_state(box)
    done = podid(*CREATE_READER, *READ, "--preset", "vpc-cni", "-o", "json")
    assert done.code == 0, done.stderr
    note = "preset dynamodb-read-orders: the role may read items of table orders and of its indexes"
    assert note in done.json["notes"]
    role = account_state(box)["roles"]["reader"]
    assert role["inline"]["dynamodb-read-orders"]["Statement"][0]["Resource"] == [
        "arn:aws:dynamodb:us-west-2:111122223333:table/orders",
        "arn:aws:dynamodb:us-west-2:111122223333:table/orders/index/*",
    ]
    assert role["attached"] == ["arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy"]
    count = writes(box)
    assert podid(*CREATE_READER, *READ, "--preset", "vpc-cni").code == 0
    assert writes(box) == count
    other = podid(*CREATE_READER, "--preset", "dynamodb-read,table=carts", "-o", "json")
    assert (other.code, other.error["hint"]) == (6, "podid role attach reader --preset dynamodb-read,table=carts")
    more = podid(*CREATE_READER, "--preset", "dynamodb-read,table=carts", "--replace", "--dry-run", "-o", "json").json[
        "notes"
    ]
    assert "role reader keeps its other policies: dynamodb-read-orders, AmazonEKS_CNI_Policy" in str(more)
    assert podid("undo", "last", "--yes").code == 0
    assert account_state(box) == before


def test_a_wrong_preset_is_refused_before_any_call(box: Sandbox, podid: Podid, journal: Path) -> None:
    for text, code in (("s3-read", 2), ("s3-reed", 5), ("s3-read,bucket=*", 2)):
        outcome = podid(*CREATE_READER, "--preset", text, "-o", "json")
        assert (outcome.code, outcome.stdout) == (code, "")
    assert box.faults.calls.total() == 0
    assert podid(*CREATE_READER, *READ, *READ).code == 2
    assert writes(box) == 0
