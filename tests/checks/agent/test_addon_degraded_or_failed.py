import shlex

from checks.builder import CRASHED, DENIED, addon, agent_pod, ago, daemon_set, healthy
from checks.grid import only
from harness import table
from podid.domain.aws import AddonIssue
from podid.domain.snapshot import Snapshot

ID = "addon-degraded-or-failed"
FAILS = healthy(agent_addon=addon(status="CREATE_FAILED"))
UNKNOWN = healthy(agent_addon=addon(status="UPDATING"))
FINDINGS = [("fail", "error", "Addon eks-pod-identity-agent")]
UNKNOWNS = [("unknown", "error", "Addon eks-pod-identity-agent")]
TOO_FEW = (AddonIssue("InsufficientNumberOfReplicas", "The add-on is unhealthy."),)


@table(
    ("snapshot", "expected"),
    [
        (healthy(), ("pass", "error", "")),
        (healthy(agent_addon=None), ("not-applicable", "error", "")),
        (healthy(agent_addon=addon(status="UPDATE_FAILED")), ("fail", "error", "")),
        (healthy(agent_addon=addon(status="PAUSED")), ("unknown", "error", "")),
        (healthy(agent_addon=addon(status="CREATING", created_at=ago(minutes=3))), ("unknown", "error", "")),
        (healthy(agent_addon=addon(status="CREATING", created_at=ago(minutes=30))), ("fail", "error", "")),
        (
            healthy(agent_addon=addon(status="DEGRADED", issues=TOO_FEW), agent_pods=(CRASHED,)),
            ("fail", "error", "agent-pod-unhealthy"),
        ),
        (
            healthy(agent_addon=addon(status="DEGRADED", issues=TOO_FEW), agent_pods=()),
            ("fail", "error", "agent-not-on-node"),
        ),
        (healthy(agent_addon=addon(status="DEGRADED", issues=TOO_FEW)), ("fail", "warn", "")),
        (
            healthy(
                agent_addon=addon(status="DEGRADED", issues=TOO_FEW),
                nodes=(),
                agent_pods=(),
                daemon_sets=(daemon_set(desired=0),),
            ),
            ("fail", "info", ""),
        ),
        (
            healthy(agent_addon=addon(issues=(AddonIssue("ConfigurationConflict", "conflict with helm"),))),
            ("fail", "warn", ""),
        ),
        (healthy(agent_addon=DENIED), ("unknown", "error", "")),
    ],
)
def test_states_of_the_add_on(snapshot: Snapshot, expected: tuple[str, str, str]) -> None:
    verdict = only(ID, snapshot)
    assert (verdict.outcome.value, verdict.severity.value, verdict.masked_by) == expected


def test_agents_that_have_all_ended_are_not_called_ready() -> None:
    ended = agent_pod(phase="Failed", ready=False)
    snapshot = healthy(agent_addon=addon(status="DEGRADED", issues=TOO_FEW), agent_pods=(ended,), nodes=DENIED)
    verdict = only(ID, snapshot)
    assert (verdict.severity.value, "every agent pod is ready" in verdict.message) == ("error", False)


def test_a_conflict_of_owners_has_a_command_that_ends_it() -> None:
    for codes, command in (
        (("ConfigurationConflict",), "install-agent --resolve-conflicts overwrite --cluster prod"),
        (("ConfigurationConflict", "AccessDenied"), "describe-addon"),
        (("AccessDenied",), "describe-addon"),
    ):
        issues = tuple(AddonIssue(code, "The add-on was not updated.") for code in codes)
        fix = only(ID, healthy(agent_addon=addon(status="UPDATE_FAILED", issues=issues))).fix
        assert fix is not None
        assert command in shlex.join(fix.commands[0])
