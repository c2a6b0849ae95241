"""The doctor: selection, scope, report, exit code and document."""

import json
from dataclasses import replace
from typing import Any, cast

import pytest

from checks.builder import ROLE_ARN, agent_pod, ago, association, bare, healthy, node, pod, role, trust, workload
from checks.cases import FAILING
from harness import table
from podid.domain.cluster import ServiceAccount
from podid.domain.encoding import Items, plain
from podid.domain.errors import AccessDenied, ExitCode, InvalidInput, NotFound, Undetermined, UsageError
from podid.domain.findings import Severity
from podid.domain.permissions import KubePermission, permissions_of
from podid.domain.report import DoctorReport, Summary
from podid.domain.snapshot import NOT_READ, SERVICES, Known, Missing, Snapshot, known
from podid.ops.reading.scope import DoctorScope, parse_target
from podid.ops.reading.sections import SECTIONS, needed, permissions, sections_of
from podid.ops.status.diagnose import describe_checks, diagnose, select
from podid.render.doctor import check_list_view, doctor_view
from podid.render.formats import json_pieces, to_json
from podid.render.view import Line

DENIED = Missing("you may not list pods", "list pods", "AccessDenied")
STALE = bare(pod(), created_at=pod().created_at.replace(year=2025))


# --- selection -----------------------------------------------------------------------------------------------------


def test_select_keeps_causal_order_and_knows_the_nearest_id() -> None:
    assert [c.id for c in select(("role-not-found", "sa-mismatch"))] == ["sa-mismatch", "role-not-found"]
    assert "sa-mismatch" not in [c.id for c in select(skip=("sa-mismatch",))]
    with pytest.raises(UsageError, match="'sa-missmatch' is not the id of a check; did you mean sa-mismatch"):
        select(("sa-missmatch",))
    with pytest.raises(UsageError, match="No check to run"):
        select(("sa-mismatch",), ("sa-mismatch",))


@table("link", range(11))
def test_a_link_is_answered_with_verdicts_on_it_alone(link: int) -> None:
    checks = select(links=(str(link),))
    snapshots = (FAILING["permissions-boundary-denies"], *list(FAILING.values())[link::11])
    shown = [v for snapshot in snapshots if snapshot for v in diagnose(snapshot, checks=checks).verdicts]
    assert {verdict.link for verdict in shown} == {link}


def test_only_what_the_checks_name_is_read() -> None:
    assert sections_of(select(("role-not-found",))) == {
        *("associations", "roles", "target_roles", "cluster"),
    }
    assert [row.name for row in needed(("agent_pods",))] == ["daemon_sets", "agent_pods"]


def test_the_table_of_sections_is_the_snapshot_and_in_order() -> None:
    """A row waits for those before it only; each operation carries its rights, of the service that its field says."""
    assert sorted(row.name for row in SECTIONS) == sorted(SERVICES)
    seen: set[str] = set()
    for row in SECTIONS:
        assert {*row.needs, *row.uses} <= seen, row.name
        seen.add(row.name)
        asked = permissions_of(row.operations)
        # a token of the one, redeemed at the other; keys in the one, of accounts that the other names
        if row.name in ("tokens", "access_keys", "secret_keys"):
            assert asked.iam
            assert asked.kubernetes
            continue
        if row.name in ("cloudtrail", "assume_permissions", "bounded"):  # derived from other sections
            assert not row.operations
            continue
        assert bool(asked.iam) == (SERVICES[row.name] == "aws"), row.name
        assert bool(asked.kubernetes) == (SERVICES[row.name] == "kubernetes"), row.name


@pytest.mark.parametrize(
    ("text", "scope", "shown"),
    [
        ("", DoctorScope(), ""),
        ("shop/orders", DoctorScope("shop", "ServiceAccount", "orders"), "shop/orders"),
        ("deploy/shop/orders", DoctorScope("shop", "Deployment", "orders"), "Deployment/shop/orders"),
        ("sa/shop/orders", DoctorScope("shop", "ServiceAccount", "orders"), "shop/orders"),
        ("pod/shop/orders-1", DoctorScope("shop", "Pod", "orders-1"), "Pod/shop/orders-1"),
    ],
)
def test_parse_target(text: str, scope: DoctorScope, shown: str) -> None:
    assert parse_target(text) == scope
    assert str(scope) == shown


def test_parse_target_refuses() -> None:
    with pytest.raises(InvalidInput, match="'node' is not a supported kind"):
        parse_target("node/shop/orders")
    with pytest.raises(InvalidInput):
        parse_target("orders")
    with pytest.raises(UsageError, match="not in namespace 'stage'"):
        parse_target("shop/orders", "stage")
    assert parse_target("", "stage") == DoctorScope("stage")


def test_parse_target_takes_the_form_of_kubectl() -> None:
    assert parse_target("deploy/cart", "shop") == DoctorScope("shop", "Deployment", "cart")
    assert parse_target("deploy/cart", "deploy") == DoctorScope("deploy", "ServiceAccount", "cart")


# --- scope ---------------------------------------------------------------------------------------------------------


def two_apps() -> Snapshot:
    """shop/orders is healthy; billing's pods are stale and its role is gone; a node without users lacks its agent."""
    other = f"{ROLE_ARN}-billing"
    return healthy(
        associations=(association(), association("pay", "billing", role_arn=other)),
        pods=(pod(), replace(STALE, namespace="pay", service_account="billing", name="billing-1-x"), agent_pod()),
        nodes=(node(), node("idle")),
        namespaces=frozenset({"shop", "pay"}),
        service_accounts=tuple(
            ServiceAccount(namespace=namespace, name=name)
            for namespace, name in (("shop", "orders"), ("pay", "billing"), ("pay", "invoices"))
        ),
        workloads=(workload(), workload(name="billing", namespace="pay", service_account="billing")),
        roles={ROLE_ARN: Known(role()), other: Known(None)},
    )


def found(report: DoctorReport) -> list[tuple[str, str, str]]:
    return [(v.check, v.severity.value, v.masked_by) for v in report.findings]


CHECKS = select(("pod-predates-association", "agent-not-on-node", "role-not-found", "association-missing"))


def test_the_whole_cluster() -> None:
    assert found(diagnose(two_apps(), checks=CHECKS)) == [
        ("pod-predates-association", "error", ""),
        ("role-not-found", "error", ""),
        ("agent-not-on-node", "warn", ""),
    ]


@table(
    ("scope", "expected"),
    [
        (DoctorScope("shop"), []),
        (DoctorScope("shop", "ServiceAccount", "orders"), []),
        (DoctorScope("shop", "Pod", "orders-5d9c-x1"), []),
        (DoctorScope("pay"), ["pod-predates-association", "role-not-found"]),
        (DoctorScope("pay", "Deployment", "billing"), ["pod-predates-association", "role-not-found"]),
        (DoctorScope("pay", "ServiceAccount", "invoices"), ["association-missing"]),
    ],
)
def test_a_scope_sees_its_own_service_accounts(scope: DoctorScope, expected: list[str]) -> None:
    assert [v.check for v in diagnose(two_apps(), checks=CHECKS, scope=scope).findings] == expected


def test_targets_that_do_not_exist_or_cannot_be_looked_for() -> None:
    with pytest.raises(NotFound, match="Pod shop/none does not exist"):
        diagnose(healthy(), scope=DoctorScope("shop", "Pod", "none"))
    with pytest.raises(NotFound, match=r"Deployment shop/order does not exist; did you mean orders\?"):
        diagnose(healthy(), scope=DoctorScope("shop", "Deployment", "order"))
    with pytest.raises(NotFound, match=r"Service account shop/ordres does not exist; did you mean orders\?"):
        diagnose(healthy(), scope=DoctorScope("shop", "ServiceAccount", "ordres"))
    with pytest.raises(NotFound, match=r"Namespace shpo does not exist; did you mean shop\?"):
        diagnose(healthy(), scope=DoctorScope("shpo"))
    with pytest.raises(NotFound, match="Namespace deploy does not exist") as kubectl:
        diagnose(healthy(), scope=DoctorScope("deploy", "ServiceAccount", "cart"))
    assert kubectl.value.advice == "For Deployment cart, specify deploy/NAMESPACE/cart"
    with pytest.raises(AccessDenied, match="Pod shop/x could not be read: you may not list pods") as caught:
        diagnose(healthy(pods=DENIED), scope=DoctorScope("shop", "Pod", "x"))
    assert caught.value.permission == "list pods"
    with pytest.raises(Undetermined):
        diagnose(healthy(workloads=Missing("no answer")), scope=DoctorScope("shop", "Deployment", "x"))
    scaled = healthy(pods=(), workloads=(workload(replicas=0),))
    assert diagnose(scaled, scope=DoctorScope("shop", "Deployment", "orders")).findings == ()


def test_what_an_association_or_a_workload_names_is_looked_at_though_it_does_not_exist() -> None:
    typo = DoctorScope("shop", "ServiceAccount", "odrers")
    named = diagnose(healthy(associations=(association(name="odrers"),)), scope=typo)
    assert [v.check for v in named.findings if not v.masked_by] == ["association-sa-not-found"]
    assert diagnose(healthy(pods=(), workloads=(workload(service_account="odrers"),)), scope=typo).findings
    unread = diagnose(healthy(service_accounts=DENIED), scope=typo)
    assert "association-missing" in [v.check for v in unread.findings]
    gone = diagnose(healthy(namespaces=frozenset({"default"})), scope=DoctorScope("shop"))
    assert "association-namespace-not-found" in [v.check for v in gone.findings]


def test_nothing_to_look_at_is_said() -> None:
    empty = diagnose(healthy(), scope=DoctorScope("default"))
    text = doctor_view(empty, all_verdicts=False).text
    assert text.endswith("No associations in default of cluster prod: nothing to check\n")
    whole = doctor_view(diagnose(healthy()), all_verdicts=False).text
    assert whole.endswith(f"\n✓ No problems found: {len(select())} checks, cluster prod\n")
    one = doctor_view(diagnose(healthy(), checks=select(("role-not-found",))), all_verdicts=False).text
    assert one.endswith("\n✓ No problems found: 1 check, cluster prod\n")
    assert diagnose(healthy(associations=DENIED)).associations is None


def partly_blind() -> DoctorReport:
    """Without the node groups, with nothing that looks at link 8, and with an association that is for nobody."""
    apps = two_apps()
    nobody = replace(association("pay", "ledger", role_arn=f"{ROLE_ARN}-billing"), created_at=ago(days=2))
    associations = Known((*known(apps.associations), nobody))
    seen = replace(apps, associations=associations, node_groups=DENIED, agent_logs=NOT_READ)
    return diagnose(seen, checks=select(skip=("eks-auth-unreachable",)))


def test_the_identities_come_first_with_a_mark_and_their_cause() -> None:
    lines = doctor_view(diagnose(two_apps()), all_verdicts=False).text.splitlines()
    assert lines[:2] == [
        "✗ pay/billing  broken    role-not-found",  # which a restart would not help
        "✓ shop/orders  verified  role orders, 1 pod",
    ]
    assert lines[-2] == "2 identities: 1 verified, 1 broken"


def test_missing_permissions_come_before_all_else_and_each_once() -> None:
    lines = doctor_view(partly_blind(), all_verdicts=False).text.splitlines()
    assert lines[:2] == ["1 permission missing: list pods (podid doctor --me)", ""]


def test_where_no_state_is_claimed_no_identity_is_listed() -> None:
    text = doctor_view(diagnose(healthy(), checks=select(("role-not-found",))), all_verdicts=False).text
    assert "shop/orders" not in text
    assert "1 identity" not in text


def test_consequences_are_folded_by_cause() -> None:
    lost = healthy(agent_addon=None, daemon_sets=(), agent_pods=(), nodes=(node(), node("two")))
    text = doctor_view(diagnose(lost), all_verdicts=False).text
    assert "✗ agent-not-installed  2 nodes, 1 service account  link 6 agent\n" in text
    assert "  May explain agent-not-on-node (2 nodes).\n" in text


def test_one_cause_is_one_block_and_long_ones_are_cut_short() -> None:
    nodes = tuple(node(f"node-{number}") for number in range(9))
    text = doctor_view(diagnose(healthy(agent_pods=(), nodes=nodes)), all_verdicts=False).text
    assert text.count("More  podid explain agent-not-on-node") == 1
    assert "✗ agent-not-on-node  9 nodes" in text
    assert "  and 4 more: Node node-5, Node node-6, Node node-7 and 1 more (-o json)\n" in text


def test_colour_means_the_same_everywhere_and_a_mark_says_it_too() -> None:
    broken = doctor_view(partly_blind(), all_verdicts=False)
    styles = {line.text.strip()[0]: line.style for line in broken.lines if isinstance(line, Line)}
    assert styles == {"✗": "bad", "!": "warn", "?": "warn", "1": "warn", "N": "dim"}
    clean = doctor_view(diagnose(healthy()), all_verdicts=False).lines[-1]
    assert isinstance(clean, Line)
    assert (clean.style, clean.upto) == ("good", None)


# --- report --------------------------------------------------------------------------------------------------------


def test_summary_and_identities() -> None:
    report = diagnose(two_apps(), checks=CHECKS)
    assert report.summary == Summary(error=2, warn=1, info=0, unknown=0, passed=3, masked=0)
    found = [(str(each.ref), each.state, each.cause and each.cause.check) for each in report.identities]
    # not all checks ran, so nothing is claimed of the other one
    assert found == [("pay/billing", "broken", "role-not-found"), ("shop/orders", None, None)]


@table(
    ("snapshot", "options", "code"),
    [
        (healthy(), {}, ExitCode.OK),
        (two_apps(), {}, ExitCode.ATTENTION),
        (two_apps(), {"fail_on": None}, ExitCode.OK),
        (healthy(pods=DENIED), {}, ExitCode.UNDETERMINED),
        (healthy(pods=DENIED), {"allow_unknown": True}, ExitCode.OK),
        (replace(two_apps(), daemon_sets=DENIED), {}, ExitCode.ATTENTION),
        (healthy(roles={ROLE_ARN: Known(role(document=trust(Null={"aws:SourceArn": "false"})))}), {}, ExitCode.OK),
        (
            healthy(roles={ROLE_ARN: Known(role(document=trust(Null={"aws:SourceArn": "false"})))}),
            {"fail_on": Severity.WARN},
            ExitCode.ATTENTION,
        ),
    ],
)
def test_exit_code(snapshot: Snapshot, options: Any, code: ExitCode) -> None:
    assert diagnose(snapshot).exit_code(**options) is code


def test_the_document_of_a_finding() -> None:
    checks = select(("pod-predates-association",))
    report = diagnose(healthy(pods=(STALE,)), checks=checks)
    document = cast("dict[str, Any]", plain(doctor_view(report, all_verdicts=True).document))
    assert [item["link"] for item in document.pop("chain")] == list(range(11))
    (identity,) = document.pop("identities")
    assert (identity["state"], identity["id"], identity["newPod"]["state"]) == (
        "stale",
        "pod-predates-association",
        None,
    )
    assert document == {
        "apiVersion": "podid/v1",
        "kind": "DoctorReport",
        "cluster": "prod",
        "clusterArn": "arn:aws:eks:eu-west-1:111122223333:cluster/prod",
        "scope": None,
        "takenAt": "2026-11-24T12:00:00Z",
        "summary": {"error": 1, "warn": 0, "info": 0, "unknown": 0, "pass": 0, "masked": 0, "accepted": 0},
        "associations": 1,
        "notLookedAt": ["CloudTrail events older than 6 hours or beyond the newest 500"],
        "accepted": [],
        "findings": [
            {
                "id": "pod-predates-association",
                "severity": "error",
                "link": 3,
                "subject": {"kind": "Deployment", "namespace": "shop", "name": "orders"},
                "message": "1 of 1 pod started before the association existed, so no credentials were injected",
                "evidence": [
                    "pods: orders-5d9c-x1",
                    "created: association a-orders 2026-11-22T12:00:00Z, oldest of these pods 2025-11-24T07:00:00Z",
                ],
                "fix": {"class": "ASK", "commands": [["podid", "restart", "shop/orders", "--cluster", "prod"]]},
                "serviceAccounts": ["shop/orders"],
                "maskedBy": None,
                "docs": "podid explain pod-predates-association",
            }
        ],
        "unknowns": [],
        "verdicts": [
            {
                "id": "pod-predates-association",
                "outcome": "fail",
                "severity": "error",
                "link": 3,
                "subject": {"kind": "Deployment", "namespace": "shop", "name": "orders"},
                "message": "1 of 1 pod started before the association existed, so no credentials were injected",
                "reason": None,
                "permission": None,
                "serviceAccounts": ["shop/orders"],
                "maskedBy": None,
            }
        ],
    }


def test_the_document_of_an_unknown() -> None:
    document = doctor_view(diagnose(healthy(pods=DENIED), checks=select(("fargate-pod",))), all_verdicts=False).document
    assert plain(document["unknowns"]) == [
        {
            "id": "fargate-pod",
            "severity": "error",
            "link": 6,
            "subject": {"kind": "Cluster", "namespace": None, "name": "prod"},
            "reason": "you may not list pods",
            "permission": "list pods",
        }
    ]


# --- the list of checks --------------------------------------------------------------------------------------------


def test_the_list_of_checks_names_permissions() -> None:
    row = next(info for info in describe_checks() if info.id == "node-role-missing-eks-auth")
    assert (row.severity, row.link, row.fix) == ("error", 7, "PRINT")
    assert row.iam == (
        "ec2:DescribeInstances",
        "eks:DescribeAccessEntry",
        "eks:DescribeCluster",
        "eks:DescribeNodegroup",
        "eks:DescribePodIdentityAssociation",
        "eks:ListAccessEntries",
        "eks:ListNodegroups",
        "eks:ListPodIdentityAssociations",
        "iam:GetInstanceProfile",
        "iam:GetRole",
        "iam:SimulatePrincipalPolicy",
    )
    assert row.kubernetes == ("list nodes", "list pods", "list ec2nodeclasses")


def test_permissions_of_all_checks_never_include_secrets() -> None:
    needs = permissions(select())
    assert "iam:GetRole" in needs.iam
    assert KubePermission("", "pods", "list") in needs.kubernetes
    assert KubePermission("admissionregistration.k8s.io", "mutatingwebhookconfigurations", "get") in needs.kubernetes
    assert {permission.verb for permission in needs.kubernetes} <= {"get", "list"}
    assert "secrets" not in {permission.resource for permission in needs.kubernetes}


def test_the_list_document() -> None:
    (item,) = cast("list[object]", check_list_view(describe_checks(select(("role-not-found",)))).document["items"])
    assert item == {
        "id": "role-not-found",
        "severity": "error",
        "link": 9,
        "title": "the role and the target role of every association exist",
        "fix": "GRANT",
        "needs": ["associations", "roles", "target_roles"],
        "wants": ["cluster"],
        "permissions": {
            "iam": [
                "eks:DescribeCluster",
                "eks:DescribePodIdentityAssociation",
                "eks:ListPodIdentityAssociations",
                "iam:GetRole",
            ],
            "kubernetes": [],
        },
    }


@table("all_verdicts", [False, True])
@table("pods", [(), (STALE,), DENIED])
def test_a_document_in_pieces_is_that_of_the_plain_writer(pods: Any, all_verdicts: bool) -> None:
    document = doctor_view(diagnose(healthy(pods=pods)), all_verdicts=all_verdicts).document
    assert isinstance(document["findings"], Items)
    whole = json.dumps(plain(document), indent=2).replace("##", "#\\u0023") + "\n"
    assert "".join(json_pieces(document)) == to_json(plain(document)) == whole
