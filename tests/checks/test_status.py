"""One state for an identity, folded from the verdicts: what it claims, and what takes a claim away."""

from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import table
from podid.checks.affected import concerned
from podid.checks.all import ALL, BY_ID
from podid.checks.runner import run_checks
from podid.checks.status import deciding, statuses
from podid.domain.cloudtrail import PodSession, Redemption
from podid.domain.errors import ExitCode
from podid.domain.evidence import DryRun, Redeemed, TokenTrial
from podid.domain.findings import EVERYONE, Bearing, Severity, Subject
from podid.domain.names import ServiceAccountRef
from podid.domain.plan import code_after
from podid.domain.report import DoctorReport
from podid.domain.snapshot import NOT_READ, ON_REQUEST, SERVICES, Known, Missing, Snapshot, known
from podid.domain.status import IdentityState, IdentityStatus, worst
from podid.ops.reading.scope import DoctorScope
from podid.ops.status.diagnose import diagnose

from .builder import (
    ACCOUNT,
    CLUSTER_ARN,
    NODE_ROLE_ARN,
    NOW,
    ROLE_ARN,
    agent_pod,
    ago,
    association,
    bare,
    chained,
    healthy,
    node,
    pod,
    role,
    trust,
)
from .cases import SMALL

ORDERS = ServiceAccountRef("shop", "orders")
DENIED = Missing("taken away", "some:Permission", "AccessDenied")


def plain(snapshot: Snapshot) -> Snapshot:
    """Without what is read on request, such as tokens."""
    unasked: dict[str, Any] = dict.fromkeys(ON_REQUEST, NOT_READ)
    return replace(snapshot, **unasked)


@cache
def report_of(mode: str) -> DoctorReport:
    """Return the report on the failing cluster of a check."""
    return diagnose(plain(SMALL[mode]))


def judged(snapshot: Snapshot) -> dict[str, IdentityStatus]:
    return {str(identity.ref): identity for identity in diagnose(plain(snapshot)).identities}


def of_orders(snapshot: Snapshot) -> IdentityStatus:
    return judged(snapshot)["shop/orders"]


def rank(state: IdentityState | None) -> int:
    """That nothing can be claimed is less than `configured`, and better than what is known to be wrong."""
    order = (*list(IdentityState)[:4], None, *list(IdentityState)[4:])
    return order.index(state)


# --- what each state claims -------------------------------------------------------------------------------------------


def test_a_healthy_identity_is_ready() -> None:
    identity = of_orders(healthy())
    assert (identity.state, identity.cause, identity.permissions, identity.advice) == (
        IdentityState.READY,
        None,
        None,
        (),
    )
    assert identity.checked_links == tuple(range(1, 10))
    assert [member.state for member in identity.pods or ()] == [IdentityState.READY]
    assert identity.new_pod.state is IdentityState.READY


def test_unread_objects_of_a_product_leave_other_identities_ready() -> None:
    identity = of_orders(healthy(products={"secretstores": DENIED}))
    assert identity.state is IdentityState.READY
    assert "some:Permission" in {item.permission for item in identity.not_checked}


@table("mode", SMALL)
def test_an_error_on_links_1_to_9_breaks_those_whom_it_is_about_and_nobody_else(mode: str) -> None:
    """(a) An error that decides, about an identity, makes it broken or stale, and nothing else does."""
    report = report_of(mode)
    for identity in report.identities:
        errors = [
            verdict
            for verdict in report.findings
            if verdict.severity is Severity.ERROR
            and 1 <= verdict.link < 10
            and BY_ID[verdict.check].bearing is not Bearing.ADVICE
            and (verdict.chain == EVERYONE or str(identity.ref) in verdict.chain)
        ]
        if identity.association is None:
            assert identity.state is IdentityState.NONE
        elif errors:
            assert identity.state in (IdentityState.BROKEN, IdentityState.STALE)
            assert identity.cause is not None
            assert identity.cause in errors or identity.cause.check in {error.masked_by for error in errors}
        else:
            assert identity.state not in (IdentityState.BROKEN, IdentityState.VERIFIED, IdentityState.PROVEN)


@table("mode", SMALL)
def test_a_pod_is_no_better_than_what_is_known_of_it(mode: str) -> None:
    snapshot, report = plain(SMALL[mode]), report_of(mode)
    for identity in report.identities:
        for member in identity.pods or ():
            errors = [
                verdict
                for verdict in report.findings
                if verdict.severity is Severity.ERROR and 1 <= verdict.link < 10 and str(identity.ref) in verdict.chain
                if BY_ID[verdict.check].bearing is not Bearing.ADVICE
                if f"{member.namespace}/{member.name}" in set(concerned(verdict, snapshot).keys)
            ]
            assert not errors or member.state in (IdentityState.BROKEN, IdentityState.STALE, IdentityState.NONE)


def test_link_10_is_a_field_of_its_own() -> None:
    modes = [mode for mode in SMALL if BY_ID[mode].link == 10]
    denied = [status for mode in modes for status in judged(SMALL[mode]).values() if status.permissions is not None]
    seen = {status.permissions.check for status in denied if status.permissions is not None}
    assert {"session-policy-misconfig", "app-assumes-own-role"} <= seen
    assert 10 not in {status.cause.link for status in denied if status.cause is not None}
    assert IdentityState.READY in {status.state for status in denied}


@table("mode", [mode for mode in SMALL if BY_ID[mode].bearing is Bearing.ADVICE])
def test_advice_never_lowers_a_state(mode: str) -> None:
    report = report_of(mode)
    alone = {verdict.check for verdict in report.findings} == {mode}
    assert not alone or {status.state for status in report.identities} == {IdentityState.READY}


# --- pods and new pods ------------------------------------------------------------------------------------------------


def test_a_restart_mends_what_is_stale() -> None:
    identity = of_orders(healthy(pods=(pod(), bare(pod("old", created_at=ago(days=3))), agent_pod())))
    assert identity.state is IdentityState.STALE
    assert {member.name: member.state for member in identity.pods or ()} == {"orders-5d9c-x1": "ready", "old": "stale"}
    assert identity.new_pod.state is IdentityState.READY


def test_where_new_pods_get_nothing_a_stale_one_is_broken() -> None:
    identity = of_orders(healthy(pods=(bare(pod(created_at=ago(days=3))), agent_pod()), webhook=None))
    assert [member.state for member in identity.pods or ()] == [IdentityState.BROKEN]
    assert identity.cause is not None
    assert identity.cause.check == "injection-missed-webhook"


def test_without_the_webhook_running_pods_keep_what_they_have_and_the_identity_is_broken() -> None:
    identity = of_orders(healthy(webhook=None))
    assert [member.state for member in identity.pods or ()] == [IdentityState.READY]
    assert (identity.new_pod.state, identity.state) == (IdentityState.BROKEN, IdentityState.BROKEN)


def test_an_agent_that_is_down_on_one_of_two_nodes_breaks_the_pod_there() -> None:
    down = agent_pod("node-2", ready=False, phase="Running", created_at=ago(hours=2))
    identity = of_orders(
        healthy(
            pods=(pod(), pod("orders-5d9c-x2", node="node-2"), agent_pod(), down),
            agent_pods=(agent_pod(), down),
            nodes=(node(), node("node-2")),
        )
    )
    assert {member.node: member.state for member in identity.pods or ()} == {"node-1": "ready", "node-2": "broken"}
    # it may land on either
    assert (identity.new_pod.state, identity.state) == (IdentityState.DOUBTFUL, IdentityState.BROKEN)


def test_pods_that_ask_to_be_left_alone_do_not_count_and_are_named() -> None:
    alone = bare(pod("aside", labels={"eks.amazonaws.com/skip-pod-identity-webhook": "true"}))
    identity = of_orders(healthy(pods=(pod(), alone, agent_pod())))
    assert (identity.state, identity.opted_out) == (IdentityState.READY, ("aside",))
    assert [member.name for member in identity.pods or ()] == ["orders-5d9c-x1"]


def test_a_pod_whose_main_container_opted_out_does_not_count() -> None:
    (app,), skip = pod().containers, {"eks.amazonaws.com/skip-containers": "app"}
    aside = pod("aside", annotations=skip, containers=(app, replace(app, name="fluent-bit")))
    identity = of_orders(healthy(pods=(aside, agent_pod())))
    assert (identity.opted_out, identity.pods) == (("aside",), ())
    other = replace(aside, containers=(app, replace(app, name="worker")))
    assert of_orders(healthy(pods=(other, agent_pod()))).opted_out == ()


def test_without_an_association_there_is_a_word_for_what_its_pods_use() -> None:
    requested = replace(healthy(associations=()), targets=(ORDERS,))
    (identity,) = statuses(requested, run_checks(ALL, requested), (ORDERS,), [check.id for check in ALL])
    assert identity.state is IdentityState.NONE
    assert [member.uses.uses for member in identity.pods or () if member.uses] == ["pod-identity"]


# --- evidence ---------------------------------------------------------------------------------------------------------


def with_evidence(**sections: Any) -> IdentityStatus:
    known: dict[str, Any] = {
        name: section if isinstance(section, Missing) else Known(section) for name, section in sections.items()
    }
    (identity,) = diagnose(replace(plain(healthy()), **known)).identities
    return identity


def trial(name: str = "orders-5d9c-x1", **changes: Any) -> TokenTrial:
    base = TokenTrial(
        namespace="shop",
        pod=name,
        node="node-1",
        workload=Subject("Deployment", "orders", "shop"),
        template="5d9c",
        redeemed=Redeemed(role_arn=ROLE_ARN, account=ACCOUNT, session_name="s"),
    )
    return replace(base, **changes)


def test_a_redeemed_token_makes_it_verified_and_no_more() -> None:
    identity = with_evidence(tokens={"shop/orders": Known((trial(),))})
    assert (identity.state, identity.new_pod.state) == (IdentityState.VERIFIED, IdentityState.VERIFIED)
    assert [(pod.state, pod.token_pod) for pod in identity.pods or ()] == [
        (IdentityState.VERIFIED, "shop/orders-5d9c-x1")
    ]


def test_a_token_of_the_same_template_counts_and_of_another_does_not() -> None:
    identity = with_evidence(tokens={"shop/orders": Known((trial("another"),))})
    assert identity.state is IdentityState.VERIFIED
    other = with_evidence(tokens={"shop/orders": Known((trial("another", template="old"),))})
    assert other.state is IdentityState.READY


def test_a_token_that_could_not_be_had_takes_nothing_away() -> None:
    denied = Missing("no", "create serviceaccounts/token", "AccessDenied")
    for tokens in (denied, {"shop/orders": denied}, {"shop/orders": Known((trial(redeemed=None, missing=denied),))}):
        assert with_evidence(tokens=tokens).state is IdentityState.READY


def test_a_token_does_not_outweigh_keys_of_the_pod() -> None:
    keyed = replace(plain(SMALL["static-aws-keys-shadow"]), tokens=Known({"shop/orders": Known((trial(),))}))
    (identity,) = diagnose(keyed).identities
    assert (identity.state, identity.pods and identity.pods[0].token is not None) == (IdentityState.BROKEN, True)


def test_a_token_decides_a_trust_that_could_not_be_read() -> None:
    unread = plain(healthy(roles={ROLE_ARN: DENIED}))
    assert diagnose(unread).identities[0].state is IdentityState.UNKNOWN
    seen = replace(unread, tokens=Known({"shop/orders": Known((trial(),))}))
    assert diagnose(seen).identities[0].state is IdentityState.VERIFIED


SESSION = PodSession(
    at=ago(minutes=5),
    role_arn=ROLE_ARN,
    session_name="eks-prod-orders",
    cluster_arn=CLUSTER_ARN,
    ref=ORDERS,
    pod="orders-5d9c-x1",
)
REDEMPTION = Redemption(
    at=ago(minutes=5), cluster="prod", caller_arn=NODE_ROLE_ARN, role_arn=ROLE_ARN, session_name="i-node-1"
)


@table(
    ("session", "redemption", "state"),
    [
        (SESSION, REDEMPTION, IdentityState.PROVEN),
        # podid's own redemption makes a session of the pod too
        (SESSION, replace(REDEMPTION, session_name="podid-admin"), IdentityState.READY),
        (SESSION, replace(REDEMPTION, at=ago(hours=1)), IdentityState.READY),
        (SESSION, replace(REDEMPTION, error_code="AccessDenied"), IdentityState.READY),
        # of another pod, of the time before this one, of another cluster
        (replace(SESSION, pod="orders-5d9c-x2"), REDEMPTION, IdentityState.READY),
        (replace(SESSION, at=ago(hours=6)), replace(REDEMPTION, at=ago(hours=6)), IdentityState.READY),
        (replace(SESSION, cluster_arn=f"{CLUSTER_ARN}-2"), REDEMPTION, IdentityState.READY),
    ],
)
def test_only_a_session_of_the_very_pod_by_its_nodes_agent_proves_it(
    session: PodSession, redemption: Redemption, state: IdentityState
) -> None:
    identity = with_evidence(sessions={ROLE_ARN: Known((session,))}, redemptions=(redemption,))
    assert identity.state is state


def test_dry_runs_of_a_fresh_association_are_open_until_enough_rounds_agree() -> None:
    fresh = healthy(associations=(association(created_at=ago(seconds=5), modified_at=ago(seconds=5)),), pods=())
    few = DryRun(hits=3, rounds=1, needed=5, last=NOW)
    open_ = diagnose(replace(plain(fresh), dry_runs=Known({"shop/orders": Known(few)}))).identities[0]
    assert (open_.new_pod.state, open_.unsettled is None) == (IdentityState.UNKNOWN, False)
    seen = diagnose(replace(plain(fresh), dry_runs=Known({"shop/orders": Known(replace(few, rounds=5))}))).identities[0]
    assert (seen.new_pod.state, seen.unsettled is None) == (IdentityState.READY, True)


# --- what was not read ------------------------------------------------------------------------------------------------


def test_what_aws_alone_tells_is_configured() -> None:
    """No word of Kubernetes: nothing is claimed of the cluster."""
    unread: dict[str, Any] = {name: NOT_READ for name, service in SERVICES.items() if service == "kubernetes"}
    identity = of_orders(replace(healthy(), **unread))
    assert (identity.state, identity.pods) == (IdentityState.CONFIGURED, None)
    assert identity.not_checked


def test_without_the_roles_nothing_is_claimed() -> None:
    assert of_orders(healthy(roles=NOT_READ)).state is None


def test_no_check_that_decides_needs_what_is_read_on_request() -> None:
    assert all(ON_REQUEST.isdisjoint(check.needs) for check in ALL if deciding(check))


@table("gap", [DENIED, NOT_READ])
@table("name", sorted(SERVICES))
def test_a_section_less_never_gives_a_better_state(name: str, gap: Missing) -> None:
    for whole in (healthy(), chained()):
        less: dict[str, Any] = {name: gap}
        for status in judged(replace(whole, **less)).values():
            assert rank(status.state) <= rank(IdentityState.READY), status.ref


@given(
    st.sampled_from(sorted(SMALL)),
    st.sets(st.sampled_from(sorted(SERVICES)), max_size=6),
    st.sampled_from([DENIED, NOT_READ]),
)
def test_sections_less_never_make_a_broken_cluster_look_well(mode: str, names: set[str], gap: Missing) -> None:
    """(b) At a lower cost, or with fewer rights, nothing from `ready` on is claimed that was not before."""
    before = judged(SMALL[mode])
    less: dict[str, Any] = dict.fromkeys(names, gap)
    for ref, status in judged(replace(SMALL[mode], **less)).items():
        if ref in before and rank(before[ref].state) < rank(IdentityState.READY):
            assert rank(status.state) < rank(IdentityState.READY), (ref, status.state)


def test_the_worst_of_several() -> None:
    assert worst([IdentityState.READY, IdentityState.STALE, IdentityState.PROVEN]) is IdentityState.STALE
    assert worst([IdentityState.READY, None]) is None
    assert worst([IdentityState.BROKEN, None]) is IdentityState.BROKEN
    assert worst([]) is None


def test_an_accepted_finding_counts_for_nothing() -> None:
    def accept_all(report: Any) -> Any:
        return replace(report, verdicts=tuple(replace(v, accepted="known") for v in report.verdicts))

    (identity,) = diagnose(plain(SMALL["static-aws-keys-shadow"]), adjust=accept_all).identities
    assert identity.state is IdentityState.READY


# --- service accounts without pods ------------------------------------------------------------------------------------

IDLE = ServiceAccountRef("shop", "nightly")


def _with_idle_account(agents_down: tuple[str, ...]) -> Snapshot:
    """Two nodes, pods of shop/orders on the first, and an association of a service account that has no pods."""
    nodes = ("node-1", "node-2")
    snapshot = healthy()
    accounts = known(snapshot.service_accounts)
    of_cluster = trust(StringEquals={"aws:SourceAccount": ACCOUNT}, ArnEquals={"aws:SourceArn": CLUSTER_ARN})
    return healthy(
        roles={ROLE_ARN: Known(role(document=of_cluster))},
        associations=(*known(snapshot.associations), association(IDLE.namespace, IDLE.name)),
        service_accounts=(*accounts, replace(accounts[0], namespace=IDLE.namespace, name=IDLE.name)),
        nodes=tuple(node(name) for name in nodes),
        agent_pods=tuple(_agent(name, down=name in agents_down) for name in nodes),
    )


def _agent(node_name: str, *, down: bool) -> Any:
    healthy_pod = agent_pod(node_name)
    if not down:
        return healthy_pod
    waiting = tuple(replace(c, ready=False, waiting="CrashLoopBackOff") for c in healthy_pod.containers)
    return replace(healthy_pod, ready=False, containers=waiting)


@pytest.mark.parametrize(
    ("agents_down", "state"),
    [
        ((), IdentityState.READY),
        (("node-2",), IdentityState.DOUBTFUL),
        (("node-1",), IdentityState.DOUBTFUL),
        (("node-1", "node-2"), IdentityState.BROKEN),
    ],
    ids=["none", "a spare node", "another's node", "all"],
)
def test_the_next_pod_of_a_service_account_without_pods_may_land_anywhere(
    agents_down: tuple[str, ...], state: IdentityState
) -> None:
    snapshot = plain(_with_idle_account(agents_down))
    whole = {identity.ref: identity for identity in diagnose(snapshot).identities}
    assert whole[IDLE].state is state
    named = diagnose(snapshot, scope=DoctorScope.of((IDLE,)))
    assert [identity.state for identity in named.identities] == [state]
    assert whole[ORDERS].state is (IdentityState.BROKEN if "node-1" in agents_down else IdentityState.READY)
    # the finding that takes the state away is there too
    assert bool(named.findings) == (state is not IdentityState.READY)
    of_namespace = diagnose(snapshot, scope=DoctorScope(namespace=IDLE.namespace)).identities
    assert {identity.ref: identity.state for identity in of_namespace}[IDLE] is state


@table(
    ("mode", "changes", "first"),
    [
        (mode, *kind)
        for mode in ("networkpolicy-blocks-agent", "host-firewall-blocks-link-local")
        for kind in (({"compute_type": "fargate"}, "fargate-pod"), ({"os": "windows"}, "windows-pod"))
    ],
)
def test_a_node_that_cannot_run_the_agent_is_the_first_cause(mode: str, changes: dict[str, str], first: str) -> None:
    """No other fix helps pods there."""
    identity = of_orders(replace(SMALL[mode], nodes=Known((node(**changes),))))
    assert identity.state is IdentityState.BROKEN
    assert identity.cause is not None
    assert identity.cause.check == first


def test_a_missing_service_account_does_not_excuse_a_broken_trust_policy() -> None:
    """An association may be created before its service account, but not with a role that EKS cannot assume."""
    broken = role(document=trust(principal="ec2.amazonaws.com"))
    absent = {"service_accounts": (), "pods": (agent_pod(),), "workloads": ()}
    for age in (ago(minutes=1), ago(days=2)):
        named = {"associations": (association(created_at=age),), **absent}
        missing = of_orders(healthy(**named))
        unassumable = of_orders(healthy(**named, roles={ROLE_ARN: Known(broken)}))
        codes = [
            code_after(status, IdentityState.READY, running=False, unjudged=ExitCode.OK)
            for status in (missing, unassumable)
        ]
        assert codes == [ExitCode.OK, ExitCode.ATTENTION], age
