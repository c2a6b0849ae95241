"""The results of verify: a line for each pod, for podid's own pods, and for each action."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from checks.builder import NOW, healthy, pod, probed, trial
from podid.domain.encoding import plain
from podid.domain.snapshot import NOT_READ, Known, Missing
from podid.domain.status import Allowed, IdentityState, IdentityStatus
from podid.domain.text import utc
from podid.render.verified import MOST_ROWS, verify_view
from podid.render.view import Line
from worlds import ORDERS

from .identities import BROKEN, STALE, VERIFIED, status_in


def lines(
    *statuses: IdentityStatus, probes: Any = NOT_READ, allowed: Mapping[Any, tuple[Allowed, ...]] | None = None
) -> list[str]:
    view = verify_view(statuses, probes, allowed or {}, single=len(statuses) == 1)
    return [line.text if isinstance(line, Line) else line for line in view.lines]


def test_each_pod_has_its_node_and_its_evidence() -> None:
    first, row, *_ = lines(VERIFIED)
    assert first == "✓ shop/orders  verified  role orders, 1 pod"
    assert row == "  ✓ orders-5d9c-x1  node-1  token redeemed"
    assert "  ↻ old             node-1" in lines(STALE)
    twin = status_in(healthy(pods=(pod(), pod("twin")), tokens={str(ORDERS): Known((trial(),))}))
    assert "  ✓ twin            node-1  same template" in lines(twin)


def test_a_pod_with_the_cause_of_its_identity_says_how_long_it_keeps_the_previous_role() -> None:
    assert STALE.pods is not None
    (first, *others) = STALE.pods
    late = replace(STALE, pods=(replace(first, cause=STALE.cause, stale_until=NOW), *others))
    (row,) = [line for line in lines(late) if first.name in line and "until" in line]
    assert row.endswith(f"  previous role until {utc(NOW)}")


def test_the_issued_role_is_said_only_if_the_state_does_not_contain_it() -> None:
    assert "  EKS Auth would issue role orders for 1 of 1 pod." in lines(BROKEN)
    assert not any("EKS Auth" in line for line in lines(VERIFIED))


def test_many_pods_are_cut() -> None:
    assert VERIFIED.pods is not None
    many = replace(VERIFIED, pods=tuple(replace(VERIFIED.pods[0], name=f"p{n}") for n in range(MOST_ROWS + 2)))
    assert "  and 2 more pods; -o json lists all pods" in lines(many)


def test_podids_own_pods_and_the_actions() -> None:
    met: Any = Known(
        {
            str(ORDERS): Known(
                (
                    probed(node="ip-10-0-0-10.ec2.internal"),
                    probed(redeemed=None, message="the agent refused"),
                    probed(redeemed=None, missing=Missing("no answer")),
                )
            )
        }
    )
    answers = {
        ORDERS: (
            Allowed("s3:GetObject", "*", True),
            Allowed("s3:PutObject", "*", False, "no policy allows it"),
            Allowed("s3:List", "*", None),
        )
    }
    assert [line for line in lines(VERIFIED, probes=met, allowed=answers) if "own pod" in line or "s3:" in line] == [
        "  ✓ podid's own pod  ip-10-0-0-10  role orders",
        "  ✗ podid's own pod  node-1  the agent refused",
        "  ? podid's own pod  node-1  no answer",
        "  ✓ s3:GetObject on *  allowed",
        "  ✗ s3:PutObject on *  denied: no policy allows it",
        "  ? s3:List on *  unknown",
    ]
    document = cast("dict[str, Any]", plain(verify_view((VERIFIED,), met, answers, single=True).document))
    assert [item["node"] for item in document["probes"]] == ["ip-10-0-0-10.ec2.internal", "node-1", "node-1"]
    assert [item["allowed"] for item in document["allowed"]] == [True, False, None]


def test_podids_own_pod_with_another_role_is_no_success() -> None:
    other = "the agent returned the credentials of role other, not of role orders"
    met = Known({str(ORDERS): Known((probed(link=1, message=other),))})
    assert f"  ✗ podid's own pod  node-1  {other}" in lines(VERIFIED, probes=met)


def test_several_identities_end_with_their_counts() -> None:
    shown = lines(VERIFIED, replace(VERIFIED, state=IdentityState.READY))
    assert shown[-2:] == ["", "2 identities: 1 verified, 1 ready"]
