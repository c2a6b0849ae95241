"""The runner: nothing disappears, nothing is read undeclared, consequences are told from causes."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from importlib import import_module
from itertools import permutations
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

import podid.checks.all
from harness import table
from podid.checks.all import ALL, AUDIT, BY_ID, ORDER
from podid.checks.base import Check
from podid.checks.runner import CAUSES, OF_ITS_OWN, mask, run_checks
from podid.domain.cluster import ServiceAccount
from podid.domain.findings import NO_SERVICE_ACCOUNT, FixClass, Outcome, Severity, Subject, Verdict
from podid.domain.iam import AssumePermissions, PolicyNames
from podid.domain.names import ServiceAccountRef
from podid.domain.section import EVIDENCE, READS
from podid.domain.snapshot import SERVICES, Known, Missing, Snapshot
from podid.ops.reading.sections import needed, sections_of
from podid.ops.status.diagnose import diagnose

from .builder import (
    ACCOUNT,
    ALLOWED,
    NODE_ROLE_ARN,
    ROLE_ARN,
    TARGET_ARN,
    addon,
    agent_pod,
    association,
    chained,
    cluster,
    daemon_set,
    healthy,
    node,
    pod,
    role,
    trust,
    workload,
)

CHECKS = Path(podid.checks.all.__file__).parent
GAP = Missing("taken away", "some:Permission", "AccessDenied")
MAPPINGS: dict[str, object] = {
    "roles": ROLE_ARN,
    "target_roles": TARGET_ARN,
    "target_permissions": (ROLE_ARN, TARGET_ARN),
    "role_policies": ROLE_ARN,
    "assume_permissions": ROLE_ARN,
    "annotated_roles": f"arn:aws:iam::{ACCOUNT}:role/irsa",
    "bounded": ROLE_ARN,
    "permission_policies": ROLE_ARN,
    "target_policies": TARGET_ARN,
    "node_role_policies": NODE_ROLE_ARN,
    "boundaries": f"arn:aws:iam::{ACCOUNT}:policy/boundary",
    "chained_roles": TARGET_ARN,
    "cni_permissions": NODE_ROLE_ARN,
    "products": "secretstores",
    "agent_crashes": "kube-system/agent",
    "agent_logs": "kube-system/agent",
    "cloudtrail": "node-1",
    "node_calls": "node-1",
    "sessions": ROLE_ARN,
    "tokens": "shop/orders",
    "dry_runs": "shop/orders",
    "probes": "shop/orders",
    "agent_warnings": "kube-system/eks-pod-identity-agent",
    "node_role_allowed": NODE_ROLE_ARN,
    "config_map_keys": ("shop", "settings"),
}


def test_every_section_is_read_for_a_check_and_its_parts_can_be_missing() -> None:
    read = {row.name for row in needed(sections_of(BY_ID.values()), READS | EVIDENCE)}
    assert SERVICES.keys() - read == set(), "no check of checks/all.py needs or wants them"
    in_parts = {name for name, hint in get_type_hints(Snapshot).items() if str(hint).count("Missing") > 1}
    assert in_parts == MAPPINGS.keys(), "MAPPINGS wants a key of each section whose parts may be missing"


def crash(check: Check, snapshot: Snapshot) -> Iterable[Verdict]:
    yield check.case(Subject("Pod", "a")).ok("first")
    raise KeyError("a secret value")


crashes = Check(
    id="crashes",
    severity=Severity.ERROR,
    link=1,
    title="never",
    fix=FixClass.NONE,
    needs=("cluster",),
    wants=(),
    rule=crash,
)


def test_a_crash_is_an_unknown_verdict_that_quotes_nothing() -> None:
    (verdict,) = run_checks((crashes,), healthy())
    assert verdict.outcome is Outcome.UNKNOWN
    assert verdict.reason.startswith("INTERNAL: KeyError at test_runner.py:")
    assert "secret" not in verdict.reason + verdict.message


def test_a_missing_section_is_unknown_and_the_rule_is_not_called() -> None:
    (verdict,) = run_checks((crashes,), healthy(cluster=GAP))
    assert (verdict.outcome, verdict.reason, verdict.permission) == (Outcome.UNKNOWN, "taken away", "some:Permission")


def test_ids_are_unique_and_metadata_is_whole() -> None:
    assert len(BY_ID) == len(ALL) + len(AUDIT)
    for check in BY_ID.values():
        assert set(check.needs) | set(check.wants) <= SERVICES.keys(), check.id
        assert check.title[0].islower(), check.id
        assert not check.title.endswith("."), check.id


def test_every_check_has_a_file_of_its_name_and_is_in_the_tuple() -> None:
    """What several checks share is in `shared`: any other folder holds checks and nothing else."""
    files = {path for path in CHECKS.glob("*/*.py") if path.stem != "__init__" and path.parent.name != "shared"}
    assert {path.stem.replace("_", "-") for path in files} == set(BY_ID)
    assert len(files) == len(BY_ID)
    for path in files:
        module = import_module(f"podid.checks.{path.parent.name}.{path.stem}")
        assert getattr(module, path.stem) is BY_ID[path.stem.replace("_", "-")]


@table("check", BY_ID.values())
def test_a_check_reads_only_its_declared_sections(check: Check) -> None:
    """With everything else taken away it still gives an answer, and the same one."""
    declared = {*check.needs, *check.wants}
    full = replace(chained(), targets=(ServiceAccountRef("shop", "orders"),))
    narrow = replace(full, **{name: _gap(name) for name in SERVICES.keys() - declared})
    if check.link == 0:
        return
    assert _shape(run_checks((check,), narrow)) == _shape(run_checks((check,), full))


def _gap(name: str) -> Any:
    return Known({MAPPINGS[name]: GAP}) if name in MAPPINGS else GAP


def _shape(verdicts: Iterable[Verdict]) -> list[tuple[Outcome, Subject, str]]:
    return [(v.outcome, v.subject, v.message) for v in verdicts]


WHOLE = chained()
CLEAN = {verdict.check for verdict in diagnose(WHOLE).verdicts if verdict.outcome is Outcome.PASS}


@table("gap", [_gap, lambda _: GAP])
@table("name", sorted(name for name in SERVICES if name not in ("config_map_keys", "changes")))
def test_a_missing_permission_never_lets_a_check_pass(name: str, gap: Callable[[str], Any]) -> None:
    report = diagnose(replace(WHOLE, **{name: gap(name)}))
    assert [v for v in report.findings if v.severity is Severity.ERROR] == []
    assert report.unknowns
    passing = {v.check for v in report.verdicts if v.outcome is Outcome.PASS}
    blind = {c.id for c in ALL if name in c.needs}
    assert passing <= CLEAN
    # of several subjects one may pass although another was not read
    assert not (passing & blind) - {v.check for v in report.unknowns}


def test_without_any_section_everything_is_unknown() -> None:
    values = {name: _gap(name) for name in SERVICES}
    report = diagnose(replace(chained(), **values))
    assert report.findings == ()
    assert report.summary.passed == 1  # the API server was not out of reach: it refused


# --- a healthy cluster, in many shapes, is completely clean -----------------------------------------------------------


@st.composite
def clusters(draw: st.DrawFn) -> Snapshot:
    apps = draw(st.lists(st.sampled_from(["orders", "billing", "search"]), unique=True, max_size=3))
    plain = draw(st.integers(0, 3))
    auto = draw(st.booleans())
    nodes = [node(f"n{i}") for i in range(plain)]
    if auto:
        nodes += [node(f"auto{i}", compute_type="auto", labels={}) for i in range(draw(st.integers(0, 2)))]
    extra = [
        node("far", compute_type="fargate", labels={}),
        node("win", os="windows"),
        node("sleepy", ready=False),
        node("hybrid", compute_type="hybrid", labels={}),
    ]
    nodes += draw(st.lists(st.sampled_from(extra), unique_by=lambda n: n.name, max_size=3))
    agents = tuple(agent_pod(n.name) for n in nodes if n.runs_agent and n.ready)
    homes = [n.name for n in nodes if n.ready and (n.runs_agent or n.compute_type == "auto")]
    pods = [
        pod(f"{app}-1-x{i}", service_account=app, node=draw(st.sampled_from(homes)), labels={"app": app})
        for app in apps
        if homes
        for i in range(draw(st.integers(0, 2)))
    ]
    finished = pod("old-job", phase="Succeeded", volumes=(), containers=(), service_account="orders")
    roles = {a: f"arn:aws:iam::111122223333:role/{a}" for a in apps}
    arn = "arn:aws:iam::111122223333:role/auto"
    # Auto Mode nodes have it built in
    installed = not auto or any(n.runs_agent or n.compute_type == "hybrid" for n in nodes)
    managed = installed and draw(st.booleans())
    return healthy(
        cluster=cluster(auto_mode=auto, auto_node_role_arn=arn if auto else ""),
        associations=tuple(association(name=a, role_arn=roles[a]) for a in apps),
        agent_addon=addon() if managed else None,
        service_accounts=tuple(ServiceAccount(namespace="shop", name=a) for a in (*apps, "default", "spare")),
        nodes=tuple(nodes),
        daemon_sets=(daemon_set(desired=len(agents), name="eks-pod-identity-agent" if managed else "my-agent"),)
        if installed
        else (),
        agent_pods=agents,
        pods=(*pods, *agents, *((finished,) if draw(st.booleans()) else ())),
        workloads=tuple(workload(name=a, service_account=a, replicas=draw(st.integers(0, 2))) for a in apps),
        roles={roles[a]: Known(role(roles[a], _trust_for(a))) for a in apps},
        assume_permissions={roles[a]: Known(AssumePermissions()) for a in apps},
        role_policies={roles[a]: Known(PolicyNames(inline=("p",))) for a in apps},
        node_role_allowed={NODE_ROLE_ARN: ALLOWED, arn: ALLOWED},
    )


def _trust_for(app: str) -> dict[str, object]:
    document = trust()
    statement: Any = document["Statement"]
    statement[0]["Condition"]["StringEquals"]["aws:RequestTag/kubernetes-service-account"] = app
    return document


@given(clusters())
def test_a_healthy_cluster_is_completely_clean(snapshot: Snapshot) -> None:
    report = diagnose(snapshot)
    assert [(v.check, v.message) for v in (*report.findings, *report.unknowns)] == []


# --- failures that follow from others ---------------------------------------------------------------------------------


def failing(check_id: str, *chain: str, severity: Severity = Severity.ERROR, masked_by: str = "") -> Verdict:
    return Verdict(
        check=check_id,
        outcome=Outcome.FAIL,
        subject=Subject("X", check_id),
        message="m",
        severity=severity,
        link=BY_ID[check_id].link,
        chain=chain,
        masked_by=masked_by,
    )


def masks(*verdicts: Verdict) -> Mapping[str, str]:
    return {v.check: v.masked_by for v in mask(verdicts, ORDER)}


# what a check of these reads is written down: in IAM, in EKS, in the routes of the VPC, in the manifest of the pods
WRITTEN_DOWN = frozenset(
    name
    for name, check in BY_ID.items()
    if not {"agent_pods", "agent_logs", "agent_warnings", "agent_addon"} & {*check.needs}
    and check.link not in (3, 6)
    and name not in NO_SERVICE_ACCOUNT
) - {"association-deleted-env-remains"}


@pytest.mark.parametrize("chain", [("a/b",), ("*",)], ids=["one", "everybody"])
def test_of_all_pairs_a_cause_explains_only_its_symptoms(chain: tuple[str, ...]) -> None:
    """Every pair of failures of the same service account: none but the pairs of the table."""
    failures = {check_id: failing(check_id, *chain) for check_id in BY_ID}
    explained = {
        (cause, symptom)
        for cause, symptom in permutations(BY_ID, 2)
        if masks(failures[cause], failures[symptom])[symptom]
    }
    everybody = {(cause, name) for cause in NO_SERVICE_ACCOUNT for name in BY_ID if name not in (cause, *OF_ITS_OWN)}
    later = {pair for pair in everybody if ORDER[pair[0]] < ORDER[pair[1]]}
    assert explained == later | {(cause, symptom) for symptom, causes in CAUSES.items() for cause in causes}


def test_what_is_written_down_is_true_whatever_link_is_broken() -> None:
    for symptom in WRITTEN_DOWN & CAUSES.keys():
        assert {BY_ID[cause].link for cause in CAUSES[symptom]} == {BY_ID[symptom].link}
    assert {"target-role-trust-broken", "role-not-found", "eks-auth-unreachable", "static-aws-keys-shadow"} <= (
        WRITTEN_DOWN
    )


def test_the_table_names_checks_and_causes_come_before_their_symptoms() -> None:
    for symptom, causes in CAUSES.items():
        assert all(ORDER[cause] < ORDER[symptom] for cause in causes), symptom
        assert BY_ID[symptom].severity is Severity.ERROR


def test_a_cause_explains_its_symptom_for_its_own_service_accounts_only() -> None:
    cause = failing("webhook-config-altered", "a/b")
    assert masks(cause, failing("injection-missed-webhook", "a/b"))["injection-missed-webhook"] == cause.check
    assert masks(cause, failing("injection-missed-webhook", "a/b", "c/d"))["injection-missed-webhook"] == ""
    assert masks(cause, failing("injection-missed-webhook", "c/d"))["injection-missed-webhook"] == ""
    assert masks(cause, failing("injection-missed-webhook"))["injection-missed-webhook"] == ""


def test_several_causes_explain_what_none_of_them_does_alone() -> None:
    timeout = failing("agent-timeout-context-canceled", "a/b", "c/d")
    one, other = failing("agent-imds-unavailable", "a/b"), failing("node-clock-skew", "c/d")
    assert masks(one, other, timeout)[timeout.check] == "agent-imds-unavailable"
    assert masks(one, timeout)[timeout.check] == ""


def test_what_concerns_everybody_explains_its_symptoms_and_nothing_else() -> None:
    assert masks(
        failing("agent-not-installed", "*"),
        failing("hybrid-daemonset-missing"),
        failing("role-not-found", "c/d"),
        failing("pod-predates-association", "a/b"),
    ) == {
        "agent-not-installed": "",
        "hybrid-daemonset-missing": "agent-not-installed",
        "role-not-found": "",
        "pod-predates-association": "",
    }


def test_a_consequence_of_a_consequence_follows_from_the_root() -> None:
    assert masks(
        failing("agent-ipv6-bind", "a/b"),
        failing("agent-pod-unhealthy", "a/b", masked_by="agent-ipv6-bind"),
        failing("addon-degraded-or-failed", masked_by="agent-pod-unhealthy"),
    )["addon-degraded-or-failed"] == ("agent-ipv6-bind")
    two = (
        failing("agent-pod-unhealthy", "a/b", masked_by="agent-ipv6-bind"),
        failing("agent-pod-unhealthy", "c/d"),
        failing("addon-degraded-or-failed", masked_by="agent-pod-unhealthy"),
    )
    assert masks(*two)["addon-degraded-or-failed"] == "agent-pod-unhealthy"


def test_a_warning_brings_nothing_about() -> None:
    assert masks(
        failing("webhook-config-altered", "a/b", severity=Severity.WARN), failing("injection-missed-webhook", "a/b")
    ) == {"webhook-config-altered": "", "injection-missed-webhook": ""}


def test_what_follows_itself_is_no_cause() -> None:
    follows = failing("agent-not-installed", "*", masked_by="cluster-too-old")
    assert masks(follows, failing("hybrid-daemonset-missing", "a/b"))["hybrid-daemonset-missing"] == ""


@table("cause", NO_SERVICE_ACCOUNT)
@table("severity", list(Severity))
def test_what_concerns_nobody_is_a_consequence_whatever_the_severity(cause: str, severity: Severity) -> None:
    assert masks(
        failing(cause, "a/b", severity=Severity.WARN),
        failing("role-no-permissions", "a/b", severity=severity),
        failing("trust-wrong-principal", "a/b", severity=severity),
        failing("trust-missing-tag-session", "a/b", "a/c", severity=severity),
        failing("association-quota", "*", severity=severity),
        failing("trust-too-broad", "a/b", severity=severity),
    ) == {
        cause: "",
        "role-no-permissions": cause,
        "trust-wrong-principal": cause,
        "trust-missing-tag-session": "",
        "association-quota": "",
        "trust-too-broad": "",
    }
