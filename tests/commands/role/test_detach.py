"""`podid role detach`."""

from harness import Answers, Podid
from ops.change.support import account_state, writes
from ops.role.support import S3, detach
from podid.sandbox.box import Sandbox


def test_detach_asks_and_undo_attaches_again(box: Sandbox, podid: Podid, orders_policy: str) -> None:
    assert podid("role", "attach", "shop-orders", "--managed-policy", S3).code == 0
    before, count = account_state(box), writes(box)
    refused = podid(*detach(), "-o", "json")
    assert (refused.code, refused.error["code"], writes(box)) == (2, "ConsentNeeded", count)
    asked = Podid(env=podid.env, clock=podid.clock, tty=True, answers=(answers := Answers(True)))
    assert asked(*detach()).code == 0
    assert answers.questions == ["Remove these permissions from role shop-orders? [detach]"]
    role = account_state(box)["roles"]["shop-orders"]
    assert (role["attached"], role["inline"]) == ([], {})
    gone = podid(*detach(), "--yes", "-o", "json")
    assert (gone.code, gone.error["hint"].split()[-1]) == (5, "--ignore-not-found")
    assert podid(*detach(), "--yes", "--ignore-not-found", "-o", "json").json["runId"] is None
    assert podid("undo", "last", "--yes").code == 0
    assert account_state(box) == before
