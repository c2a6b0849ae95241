"""`podid trust add`, `remove` and `tighten` on roles and files."""

import json
from pathlib import Path

import pytest

from harness import Podid
from ops.change.support import writes
from ops.trust.support import CLUSTER_ARN, EMPTY, FOR, OIDC, trust_of, who
from podid.sandbox.baseline import add_role
from podid.sandbox.box import Sandbox

NOBODY: dict[str, tuple[tuple[str, ...], int]] = {
    "check": (("check", *FOR), 3),
    "add": (("add", *FOR), 0),
    "remove": (("remove", *FOR), 0),
    "remove --issuer": (("remove", "--issuer", OIDC), 0),
    "remove --issuer --for": (("remove", "--issuer", OIDC, *FOR), 0),
    "tighten": (("tighten", *FOR), 6),
}


@pytest.mark.parametrize("of", ["a file", "a role"])
@pytest.mark.parametrize(("line", "code"), NOBODY.values(), ids=NOBODY)
def test_a_policy_without_statements(
    box: Sandbox, podid: Podid, journal: Path, tmp_path: Path, line: tuple[str, ...], code: int, of: str
) -> None:
    verb, *flags = line
    if of == "a file":
        (tmp_path / "empty.json").write_text(json.dumps(EMPTY))
        where = () if "--issuer" in flags else ("--cluster-arn", CLUSTER_ARN)
        outcome = podid("trust", verb, str(tmp_path / "empty.json"), *flags, *where, "-o", "json")
    else:
        add_role(box.world, box.iam, "r", EMPTY)
        flags = [] if verb == "tighten" else flags
        consent = () if verb == "check" else ("--yes",)
        outcome = podid("trust", verb, "--role", "r", *flags, *consent, "-o", "json")
    assert outcome.code == code, (outcome.stdout, outcome.stderr)
    if verb == "add" and of == "a role":
        assert [who(statement) for statement in trust_of(box, "r")] == [("shop", "orders")]


@pytest.mark.parametrize("verb", ["add", "remove", "tighten"])
def test_roles_that_cannot_be_read(box: Sandbox, podid: Podid, journal: Path, verb: str) -> None:
    flags = ("--yes",) if verb == "tighten" else (*FOR, "--yes")
    missing = podid("trust", verb, "--role", "wid", *flags, "-o", "json")
    assert (missing.code, missing.error["code"]) == (5, "NotFound")
    box.world.credentials.deny("iam:GetRole")
    denied = podid("trust", verb, "--role", "storefront", *flags, "-o", "json")
    assert (denied.code, "iam:GetRole" in denied.error["message"]) == (4, True)
    assert writes(box) == 0
