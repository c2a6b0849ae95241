"""A check: its page, its sections, its subjects and the verdicts on them."""

from dataclasses import replace

import pytest

from checks.builder import DENIED, UNREAD, bare, chained, healthy, pod, service_account
from checks.grid import verdicts
from harness import table
from podid.checks.all import ALL, BY_ID
from podid.checks.base import NODE_ROLE, PERMISSIONS, SECOND_HOP, Check, on_links, placed_on
from podid.checks.runner import run_checks
from podid.domain.cluster import Pod
from podid.domain.findings import FixClass, Outcome, Severity, Subject, Verdict
from podid.domain.snapshot import NOT_READ, Known, Missing, Snapshot, known


@table("pods", [(), (pod("cart-1", service_account="cart"),), (bare(pod(service_account="cart")),)])
@table("base", [healthy(), chained()])
def test_an_association_that_was_not_described_is_unknown_and_no_other(base: Snapshot, pods: tuple[Pod, ...]) -> None:
    """The checks of roles cannot judge it, and the other checks need only its service account."""
    whole = replace(
        base,
        associations=Known((*known(base.associations), UNREAD)),
        service_accounts=Known((*known(base.service_accounts), service_account("cart"))),
        pods=Known((*known(base.pods), *pods)),
    )
    answered = run_checks(ALL, whole)
    assert [v for v in answered if v.outcome is Outcome.FAIL] == []
    of_roles = {check.id for check in ALL if {"roles", "target_roles", "target_permissions"} & {*check.needs}}
    unknown = [v for v in answered if v.outcome is Outcome.UNKNOWN]
    assert of_roles | {"session-policy-misconfig", "tool-aws-denied"} <= {v.check for v in unknown}
    assert {v.permission for v in unknown} == {UNREAD.permission}
    assert {v.chain for v in unknown} == {("shop/cart",), ("*",)}
    for check_id in of_roles:
        assert set(verdicts(check_id, base)) <= set(verdicts(check_id, whole))


CHECK = BY_ID["agent-not-installed"]
BOUNDARY = BY_ID["permissions-boundary-denies"]


def never(check: Check, snapshot: Snapshot) -> Verdict:
    raise AssertionError("the rule was called")


def test_a_check_has_the_metadata_of_its_page() -> None:
    assert (CHECK.severity, CHECK.link, CHECK.fix) == (Severity.ERROR, 6, FixClass.ASK)
    with pytest.raises(LookupError, match="no-such-page: write "):
        Check.of("no-such-page", never, needs=())


def test_a_missing_section_is_unknown_and_one_that_was_not_requested_has_no_verdict() -> None:
    check = replace(CHECK, rule=never, needs=("pods", "nodes", "cluster"))
    other = Missing("no answer")
    gaps = check.judge(healthy(pods=DENIED, nodes=other, cluster=DENIED))
    assert [(verdict.reason, verdict.chain) for verdict in gaps] == [("not allowed", ("*",)), ("no answer", ("*",))]
    assert check.judge(healthy(pods=DENIED, nodes=NOT_READ)) == ()


def test_a_rule_may_return_one_verdict() -> None:
    check = replace(CHECK, rule=lambda check, snapshot: check.of_cluster(snapshot).fail("broken"), needs=())
    (verdict,) = check.judge(healthy())
    assert (str(verdict.subject), verdict.severity, check.fails(healthy())) == ("Cluster prod", Severity.ERROR, True)


def test_a_failure_of_some_pods() -> None:
    case = CHECK.case(Subject("Deployment", "orders", "shop"), ("shop/orders",))
    verdict = case.fail_pods([pod("a")], 3, "too old", "more", verb=("is", "are"), severity=Severity.WARN)
    assert (verdict.message, verdict.evidence) == ("1 of 3 pods is too old", ("pods: a", "more"))
    assert (verdict.severity, verdict.pods, verdict.chain) == (Severity.WARN, (), ("shop/orders",))
    assert case.fail_pods([pod("a"), pod("b")], 3, "too old", verb=("is", "are")).message == "2 of 3 pods are too old"


def test_a_missing_permission_is_its_own_advice() -> None:
    case, hint = CHECK.of_cluster(healthy()), ("podid", "login")
    plain = case.unknown(Missing("no answer", advice="try again", hint=hint))
    assert (plain.message, plain.advice, plain.fix and plain.fix.commands) == (
        "not checked: no answer",
        "try again",
        (hint,),
    )
    denied = case.unknown(Missing("denied", "eks:ListAddons", "AccessDenied", "try again", hint))
    assert (denied.permission, denied.advice, denied.fix) == ("eks:ListAddons", "", None)


def test_requested_links_of_a_check_with_several() -> None:
    assert on_links(CHECK, (6, 7)) is CHECK
    assert on_links(CHECK, (7,)) is None
    assert on_links(BOUNDARY, range(11)) is BOUNDARY
    limited = on_links(BOUNDARY, (SECOND_HOP,))
    assert limited is not None
    # only the verdicts on permissions want this section
    assert (limited.link, "bounded" in BOUNDARY.wants, "bounded" in limited.wants) == (SECOND_HOP, True, False)
    verdict = BOUNDARY.of_cluster(healthy()).ok("in order")
    assert [item.link for item in placed_on(SECOND_HOP, limited, verdict)] == [SECOND_HOP]
    assert list(placed_on(NODE_ROLE, limited, verdict)) == []
    assert [item.link for item in placed_on(NODE_ROLE, BOUNDARY, verdict)] == [NODE_ROLE]
    assert [item.link for item in placed_on(PERMISSIONS, CHECK, verdict)] == [verdict.link]
