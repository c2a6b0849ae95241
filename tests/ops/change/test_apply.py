"""The order of a plan's actions, and the check at its end."""

from pathlib import Path

from harness import Podid
from ops.change.support import policy_file, shared_role
from podid.sandbox.box import Sandbox

ATTACH = ("role", "attach", "shared", "--adopt", "--replace", "-o", "json", "--policy-file")


def test_many_changed_documents_are_read_again_after_one_pause(
    box: Sandbox, podid: Podid, journal: Path, tmp_path: Path
) -> None:
    shared_role(box)
    clock = podid.clock
    assert clock is not None

    def seconds(policies: int) -> float:
        files = [("--policy-file", policy_file(tmp_path, name=f"p{policies}-{n}.json")) for n in range(policies)]
        begin = clock.now()
        outcome = podid(*ATTACH[:-1], *(word for pair in files for word in pair))
        assert outcome.code == 0, outcome
        return clock.now() - begin

    assert seconds(6) < seconds(1) + 1
