from dataclasses import replace

import pytest

from checks.builder import BOUNDARY_ARN, DENIED, ROLE_ARN, chained, healthy, permissions, role
from checks.grid import answers
from podid.domain.evidence import LogSighting
from podid.domain.snapshot import Known, Snapshot
from podid.domain.status import IdentityState
from podid.ops.status.diagnose import diagnose, select

ID = "permissions-boundary-denies"
FAILS = chained(decisions=Known(permissions("implicitDeny", "allowed", boundary_allows=False)))
UNKNOWN = healthy(target_permissions=DENIED)
PASSES = chained()
FINDINGS = [("fail", "error", "Role orders")]
UNKNOWNS = [("unknown", "error", "Cluster prod")]


def bounded(section: object) -> list[tuple[str, str, str]]:
    with_boundary = replace(role(), permissions_boundary_arn=BOUNDARY_ARN)
    return answers(ID, healthy(roles={ROLE_ARN: Known(with_boundary)}, bounded={ROLE_ARN: section}))


def test_a_boundary_that_allows_no_action() -> None:
    name = f"Role {ROLE_ARN.rpartition('/')[2]}"
    assert ("fail", "error", name) in bounded(Known(False))
    assert ("pass", "error", name) in bounded(Known(True))
    assert ("unknown", "warn", name) in bounded(DENIED)


BOUNDED = {"roles": {ROLE_ARN: Known(replace(role(), permissions_boundary_arn=BOUNDARY_ARN))}}
REFUSED = Known(permissions("implicitDeny", "implicitDeny", boundary_allows=False))
SEEN = LogSighting(id=ID, node="node-1", count=1, sample="no permissions boundary allows")


@pytest.mark.parametrize(
    ("snapshot", "link"),
    [
        (chained(decisions=REFUSED), 9),
        (healthy(**BOUNDED, bounded={ROLE_ARN: Known(False)}), 10),
        (healthy(agent_logs={"kube-system/agent": Known((SEEN,))}), 7),
    ],
    ids=["second hop", "permissions", "the node's role"],
)
def test_a_denied_action_breaks_the_link_of_the_action(snapshot: Snapshot, link: int) -> None:
    """Selected by the link or by the id; the check has no verdict on other links."""
    (finding,) = diagnose(snapshot, checks=select((ID,))).findings
    assert (finding.link, finding.severity.value) == (link, "error")
    (identity,) = diagnose(snapshot).identities
    assert identity.permissions == (finding if link == 10 else None)
    assert (identity.state is IdentityState.BROKEN) is (link != 10)
    for other in (7, 9, 10):
        checks = tuple(c for c in select(links=(str(other),)) if c.id == ID)
        assert [v.link for v in diagnose(snapshot, checks=checks).findings] == ([link] if other == link else [])
        assert {v.link for v in diagnose(snapshot, checks=checks).verdicts} <= {other}
