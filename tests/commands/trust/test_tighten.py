"""`podid trust tighten`."""

from pathlib import Path

from harness import Podid
from ops.change.support import account_state
from ops.trust.support import ADMIN, trust_of, use, who
from podid.sandbox.box import Sandbox


def test_tighten_asks_and_narrows_to_the_users_of_the_role(
    box: Sandbox, podid: Podid, wide: str, journal: Path
) -> None:
    use(box, "orders", "cart")
    before = account_state(box)
    asked = podid("trust", "tighten", "--role", wide, "-o", "json")
    assert (asked.code, asked.error["code"]) == (2, "ConsentNeeded")
    outcome = podid("trust", "tighten", "--role", wide, "--yes", "-o", "json")
    assert outcome.code == 0, outcome.stderr
    assert trust_of(box)[0] == ADMIN
    assert sorted(who(statement) for statement in trust_of(box)[1:]) == [("shop", "cart"), ("shop", "orders")]
    assert podid("trust", "check", "--role", wide).code == 0
    again = podid("trust", "tighten", "--role", wide, "-o", "json")
    assert (again.code, [a["status"] for a in again.json["actions"]]) == (0, ["unchanged"])
    assert podid("undo", "last", "--yes").code == 0
    assert account_state(box) == before
