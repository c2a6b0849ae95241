"""`podid role delete`."""

from harness import Answers, Podid
from ops.change.support import account_state, writes
from ops.role.support import S3
from podid.sandbox.box import Sandbox


def test_delete_asks_and_undo_creates_the_role_again(box: Sandbox, podid: Podid, orders_policy: str) -> None:
    assert podid("role", "attach", "shop-orders", "--managed-policy", S3).code == 0
    before, count = account_state(box), writes(box)
    plan = podid("role", "delete", "shop-orders", "--dry-run", "-o", "json").json
    assert [(item["kind"], item["verb"]) for item in plan["actions"]] == [
        ("role-attachment", "delete"),
        ("role-policy", "delete"),
        ("role", "delete"),
    ]
    assert "role shop-orders was never used (IAM keeps 400 days)" in plan["notes"]
    refused = podid("role", "delete", "shop-orders", "-o", "json")
    assert (refused.code, writes(box)) == (2, count)
    asked = Podid(env=podid.env, clock=podid.clock, tty=True, answers=(answers := Answers(True)))
    assert asked("role", "delete", "shop-orders").code == 0
    assert answers.questions == ["Delete role shop-orders? [shop-orders]"]
    assert "shop-orders" not in account_state(box)["roles"]
    assert podid("role", "delete", "shop-orders", "--yes").code == 5
    assert podid("role", "delete", "shop-orders", "--yes", "--ignore-not-found").code == 0
    assert podid("undo", "last", "--yes").code == 0
    assert account_state(box) == before
