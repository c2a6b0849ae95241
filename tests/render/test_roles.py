"""Roles and presets as text and as documents."""

import json
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

from checks.builder import ACCOUNT, CLUSTER_ARN, NOW, association, role, trust
from podid.domain.aws import AttachedPolicy
from podid.domain.findings import Outcome, Subject, Verdict
from podid.domain.section import Unread
from podid.domain.status import IdentityState, IdentityStatus, PodStatus
from podid.ops.role.access import PodAccess
from podid.ops.role.presets import PresetDifference, list_presets, parse_choice
from podid.ops.role.read import PodRole, PodRoles, RoleReading
from podid.ops.role.uses import Uses, evaluate_uses
from podid.render.formats import to_json
from podid.render.roles import last_used, list_view, permission_lines, preset_view, role_list_view, role_view
from podid.render.view import View
from render.shown import texts

ROLE = replace(role(), tags={"team": "shop"}, last_used_at=NOW - timedelta(days=3), last_used_region="eu-west-1")
READ = {"Statement": [{"Effect": "Allow", "Action": "s3:Get*", "Resource": "arn:aws:s3:::reports/*"}]}
BOUNDARY = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
DENIED = Unread("associations", "denied", "eks:ListPodIdentityAssociations")
USES = evaluate_uses(ROLE, Uses({CLUSTER_ARN: (association(), association("web", "cart"))}))


def reading(**members: Any) -> RoleReading:
    attached = (AttachedPolicy("AmazonSQSFullAccess", "arn:aws:iam::aws:policy/AmazonSQSFullAccess"),)
    whole = {"role": ROLE, "attached": attached, "inline": {"read": READ}, "access": ("only shop/orders",), **members}
    return RoleReading(**whole)


def document(view: View) -> Any:
    return json.loads(to_json(view.document))


def test_a_role_with_its_policies_and_users() -> None:
    view = role_view(reading(uses=USES), NOW)
    lines = texts(view.lines, short=True)
    assert lines[0] == f"role       {ROLE.arn}"
    assert "last used  3d ago in eu-west-1" in lines
    assert lines[lines.index("used by:") :][:2] == [
        "used by:",
        "  shop/orders in cluster prod, eu-west-1: allowed",
    ]
    assert "  web/cart in cluster prod, eu-west-1: not allowed" in lines
    # a finding of an association is not repeated
    assert {line[:4] for line in lines if "trust-condition-never-matches" in line} == {"    "}
    assert lines[-3:] == ["trust policy allows:", "  only shop/orders", "  (-o wide shows the document)"]
    policy = texts(view.lines)
    assert json.loads("\n".join(policy[policy.index("  only shop/orders") + 1 :])) == ROLE.trust
    body = document(view)
    assert (body["kind"], body["roleName"], body["usedBy"]) == ("Role", "orders", ["shop/orders", "web/cart"])
    assert [(use["serviceAccount"], use["verdict"], use["hop"]) for use in body["associations"]] == [
        ("orders", "match", 1),
        ("cart", "no-match", 1),
    ]


def test_an_unknown_state_has_its_reason() -> None:
    failed = "this endpoint of EC2 does not support DescribeInstances"
    cause = Verdict(
        check="imds-open-to-pods",
        outcome=Outcome.UNKNOWN,
        subject=Subject("Cluster", "prod"),
        message="",
        reason=failed,
    )
    new = PodStatus(namespace="shop", name="", node="", workload=None, state=IdentityState.UNKNOWN, cause=cause)
    status = IdentityStatus(
        ref=association().ref, association=association(), state=IdentityState.UNKNOWN, cause=cause, new_pod=new, pods=()
    )
    report: Any = SimpleNamespace(cluster_arn=CLUSTER_ARN, identities=(status,), findings=())
    lines = texts(role_view(reading(uses=USES, report=report), NOW).lines, short=True)
    assert f"  shop/orders in cluster prod, eu-west-1: allowed; unknown: {failed}" in lines


def test_unread_parts_are_unknown_and_not_empty() -> None:
    view = role_view(reading(attached=None, inline=None, unread=(DENIED,)), NOW)
    lines = texts(view.lines, short=True)
    assert {"attached   unknown", "inline     unknown"} <= set(lines)
    assert lines[-1] == "Not checked: associations: requires eks:ListPodIdentityAssociations"
    assert "used by:" not in " ".join(lines)
    body = document(view)
    assert [body[name] for name in ("attachedPolicies", "inlinePolicies", "usedBy", "associations")] == [None] * 4
    lines = texts(role_view(reading(uses=()), NOW).lines)
    assert "used by: no association in the clusters that were read" in lines


def test_permissions_are_a_block_for_each_policy() -> None:
    bounded = replace(ROLE, permissions_boundary_arn=BOUNDARY)
    assert permission_lines(reading(role=bounded, documents={BOUNDARY: READ})) == [
        "permissions (read):",
        "  may s3:Get* on arn:aws:s3:::reports/*",
        "permissions (AmazonSQSFullAccess):",
        "  unknown",
        "permissions boundary (AmazonS3ReadOnlyAccess):",
        "  may s3:Get* on arn:aws:s3:::reports/*",
    ]


def test_the_last_use() -> None:
    assert last_used(role(), NOW) == "never (IAM keeps 400 days)"
    assert last_used(replace(ROLE, last_used_region=""), NOW) == "3d ago"


def test_a_list_counts_associations_and_names_changed_presets() -> None:
    access = PodAccess(scopes=("only shop/orders in cluster prod",))
    difference = PresetDifference("s3-read-reports", "s3-read", ("s3:ListBucket",), (), "s3-read,bucket=reports")
    roles = PodRoles(
        (
            PodRole(ROLE, access, (association(), association("web", "cart")), refused=1, differences=(difference,)),
            PodRole(role(f"arn:aws:iam::{ACCOUNT}:role/other", trust()), access, None, differences=None),
        ),
        (PodRole(role(f"arn:aws:iam::{ACCOUNT}:role/shut"), PodAccess(shut=("no pod",)), ()),),
        (CLUSTER_ARN,),
        (DENIED,),
    )
    view = role_list_view(roles, NOW)
    (table,) = view.tables
    rows = table.rows
    assert [[str(cell) for cell in row[:5]] for row in rows] == [
        ["orders", "only shop/orders in cluster prod", "2, 1 refused", "3d", "s3-read"],
        ["other", "only shop/orders in cluster prod", "?", "-", "?"],
    ]
    body = document(view)
    assert [(item["associations"], item["refused"]) for item in body["items"]] == [(2, 1), (None, 0)]
    assert body["items"][0]["movedOn"][0]["command"][-3:] == ["--preset", "s3-read,bucket=reports", "--replace"]
    assert body["items"][1]["movedOn"] is None
    assert body["admitNone"] == [{"roleName": "shut", "reason": "no pod"}]
    assert view.names == ("orders", "other")


def test_a_preset_has_placeholders_for_parameters_without_a_value() -> None:
    view = preset_view(parse_choice("dynamodb-read", complete=False))
    lines = texts(view.lines)
    assert lines[0].startswith("dynamodb-read: ")
    assert '"arn:{{partition}}:dynamodb:{{region}}:{{account}}:table/{{table}}"' in "\n".join(lines)
    assert document(view)["placeholders"] == ["account", "partition", "region", "table"]
    filled = document(preset_view(parse_choice("dynamodb-read,table=orders", complete=False)))
    assert "table" not in filled["placeholders"]
    assert "table/orders" in json.dumps(filled["policy"])
    managed = document(preset_view(parse_choice("vpc-cni", complete=False)))
    assert (managed["policy"], managed["managedPolicies"]) == (None, ["AmazonEKS_CNI_Policy"])


def test_presets_are_listed_by_name() -> None:
    view = list_view(list_presets())
    assert {"dynamodb-read", "external-dns"} <= set(view.names)
    assert [item["presetName"] for item in document(view)["items"]] == [*view.names]
