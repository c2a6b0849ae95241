"""The lines and the document of a report: identities, causes, unknowns and the list of checks."""

import json
from dataclasses import replace
from typing import Any, cast

from checks.builder import ROLE_ARN, ago, association, healthy, node
from harness import table
from ops.status.snapshots import DENIED, STALE, two_apps
from podid.domain.encoding import Items, plain
from podid.domain.report import DoctorReport
from podid.domain.snapshot import NOT_READ, Known, known
from podid.ops.reading.scope import DoctorScope
from podid.ops.status.diagnose import describe_checks, diagnose, select
from podid.render.doctor import check_list_view, doctor_view
from podid.render.formats import json_pieces, to_json
from podid.render.view import Line


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
    manifests = replace(apps, associations=associations, node_groups=DENIED, agent_logs=NOT_READ)
    return diagnose(manifests, checks=select(skip=("eks-auth-unreachable",)))


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
