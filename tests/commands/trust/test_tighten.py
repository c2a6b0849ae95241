"""`podid trust tighten`."""

from pathlib import Path

import pytest

from harness import Podid
from ops.change.support import account_state, writes
from ops.trust.support import ADMIN, trust_of, use, who
from podid.aws.eks import Eks
from podid.domain.errors import AccessDenied, CredentialsError, NotRecognized, PodidError, ServerFailed
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


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (NotRecognized("The security token included in the request is invalid"), 0),  # the region is not enabled
        (CredentialsError("The security token included in the request is expired"), 9),
        (AccessDenied("denied by a service control policy", permission="eks:ListClusters"), 9),
        (ServerFailed("internal failure"), 9),
    ],
)
def test_a_region_that_may_have_users_is_read_or_accepted(
    box: Sandbox, podid: Podid, wide: str, monkeypatch: pytest.MonkeyPatch, failure: PodidError, code: int
) -> None:
    use(box, "orders")
    list_clusters = Eks.list_clusters

    def elsewhere(self: Eks) -> tuple[str, ...]:
        if self._api.origin.region == "af-south-1":
            raise failure
        return list_clusters(self)

    monkeypatch.setattr(Eks, "list_clusters", elsewhere)
    line = ("trust", "tighten", "--role", wide, "--yes", "-o", "json")
    refused = podid(*line, "--dry-run")
    assert (refused.code, writes(box)) == (code, 0)
    if code:
        refused = podid(*line)
        assert (refused.code, writes(box)) == (9, 0)
        assert refused.error["hint"] == f"podid {' '.join(line)} --accept-unread"
        assert refused.error["details"][0].startswith("clusters in af-south-1: ")
        done = podid(*line, "--accept-unread")
        assert (done.code, "clusters in af-south-1" in done.stdout) == (0, True)


def test_a_role_without_associations(box: Sandbox, podid: Podid, wide: str) -> None:
    outcome = podid("trust", "tighten", "--role", wide, "--yes", "-o", "json")
    assert (outcome.code, "no association uses the role" in outcome.error["message"]) == (6, True)
