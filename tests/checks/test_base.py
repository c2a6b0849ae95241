"""Verdicts of a check on subjects that were not read."""

from dataclasses import replace

from checks.builder import UNREAD, bare, chained, healthy, pod, service_account
from checks.grid import verdicts
from harness import table
from podid.checks.all import ALL
from podid.checks.runner import run_checks
from podid.domain.cluster import Pod
from podid.domain.findings import Outcome
from podid.domain.snapshot import Known, Snapshot, known


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
