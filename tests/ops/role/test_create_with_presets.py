"""A role with the permissions of presets: in the plan's words, unchanged by a rerun, and undone whole."""

from pathlib import Path

import pytest

from harness import Podid
from ops.change.support import account_state, writes
from podid.sandbox.box import Sandbox

CREATE = ("role", "create", "reader", "--for", "shop/reader")
READ = ("--preset", "dynamodb-read,table=orders")


def test_a_role_for_one_table(box: Sandbox, podid: Podid, journal: Path) -> None:
    before = account_state(box)
    done = podid(*CREATE, *READ, "--preset", "vpc-cni", "-o", "json")
    assert done.code == 0, done.stderr
    said = "preset dynamodb-read-orders: the role may read items of table orders and of its indexes"
    assert said in done.json["notes"]
    role = account_state(box)["roles"]["reader"]
    assert role["inline"]["dynamodb-read-orders"]["Statement"][0]["Resource"] == [
        "arn:aws:dynamodb:us-west-2:111122223333:table/orders",
        "arn:aws:dynamodb:us-west-2:111122223333:table/orders/index/*",
    ]
    assert role["attached"] == ["arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy"]
    made = writes(box)
    assert podid(*CREATE, *READ, "--preset", "vpc-cni").code == 0
    assert writes(box) == made
    other = podid(*CREATE, "--preset", "dynamodb-read,table=carts", "-o", "json")
    assert (other.code, other.error["hint"]) == (6, "podid role attach reader --preset dynamodb-read,table=carts")
    more = podid(*CREATE, "--preset", "dynamodb-read,table=carts", "--replace", "--dry-run", "-o", "json").json["notes"]
    assert "role reader keeps its other policies: dynamodb-read-orders, AmazonEKS_CNI_Policy" in str(more)
    assert podid("undo", "last", "--yes").code == 0
    assert account_state(box) == before


def test_it_can_be_printed_for_others(podid: Podid) -> None:
    printed = podid(*CREATE, *READ, "--print", "json").stdout
    assert "table/orders/index/*" in printed


def test_a_wrong_one_is_refused_before_any_call(box: Sandbox, podid: Podid, journal: Path) -> None:
    for text, code in (("s3-read", 2), ("s3-reed", 5), ("s3-read,bucket=*", 2)):
        outcome = podid(*CREATE, "--preset", text, "-o", "json")
        assert (outcome.code, outcome.stdout) == (code, "")
    assert box.faults.calls.total() == 0
    assert podid(*CREATE, *READ, *READ).code == 2
    assert writes(box) == 0


def test_a_role_that_is_there_gets_one_and_loses_it(box: Sandbox, podid: Podid, journal: Path) -> None:
    assert podid(*CREATE).code == 0
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
    assert podid(*CREATE).code == 0
    box.world.credentials.deny("eks:*")
    assert podid("role", "attach", "reader", *READ).code == 0
    outcome = podid("role", "attach", "reader", "--preset", "cluster-autoscaler", "-o", "json")
    assert (outcome.code, outcome.stdout) == (4, "")


def test_a_role_whose_preset_has_moved_on_is_told(box: Sandbox, podid: Podid, journal: Path) -> None:
    assert podid(*CREATE, *READ).code == 0
    assert "preset-moved-on" not in podid("role", "show", "reader").stdout
    policies = box.iam.role_named("111122223333", "reader").policies
    policies["dynamodb-read-orders"] = policies["dynamodb-read-orders"].replace('"dynamodb:Scan"', '"dynamodb:Old"')
    found = podid("role", "show", "reader", "-o", "json").json["findings"][-1]
    assert (found["id"], found["severity"]) == ("preset-moved-on", "info")
    assert "dynamodb:Scan and no longer has dynamodb:Old" in found["message"]
    assert found["fix"] == "podid role attach reader --preset dynamodb-read,table=orders --replace"
    listed = {item["roleName"]: item["movedOn"] for item in podid("role", "list", "-o", "json").json["items"]}
    assert [name for name, moved in listed.items() if moved] == ["reader"]
    assert listed["reader"] == [
        {
            "policyName": "dynamodb-read-orders",
            "preset": "dynamodb-read",
            "presetHas": ["dynamodb:Scan"],
            "policyHas": ["dynamodb:Old"],
            "command": found["fix"].split(),
        }
    ]
    (row,) = [line for line in podid("role", "list").stdout.splitlines() if line.startswith("reader")]
    assert "dynamodb-read" in row.split("\t")
    assert podid(*found["fix"].split()[1:]).code == 0
    assert "preset-moved-on" not in podid("role", "show", "reader").stdout
    assert not any(item["movedOn"] for item in podid("role", "list", "-o", "json").json["items"])


@pytest.mark.parametrize("permission", ["iam:ListRolePolicies", "iam:GetRolePolicy"])
def test_what_a_role_list_could_not_look_at(box: Sandbox, podid: Podid, journal: Path, permission: str) -> None:
    assert podid(*CREATE, *READ).code == 0
    box.world.credentials.deny(permission)
    found = podid("role", "list", "-o", "json")
    assert found.code == 0
    assert [item["movedOn"] for item in found.json["items"] if item["roleName"] == "reader"] == [None]
    (unknown,) = found.json["unknowns"]
    assert (unknown["what"], unknown["permission"]) == ("comparison of policies with their presets", permission)
