"""The access of pods to AWS as text and as documents: single actions, who may perform one, and all privileges."""

import json
from dataclasses import replace
from typing import Any

import pytest

from checks.builder import NOW, ROLE_ARN
from podid.domain.names import ServiceAccountRef
from podid.domain.policy.evaluate import AccessVerdict, Ruling
from podid.domain.policy.session import RoleSession
from podid.domain.section import Unread
from podid.ops.permissions.actions import action_table
from podid.ops.permissions.can import ActionQuery, check_access
from podid.ops.permissions.privileges import LAST_USE, read_privileges
from podid.ops.permissions.session import SessionAccess, of_files
from podid.ops.permissions.who import AllowedIdentities, AllowedIdentity
from podid.render.access import (
    access_view,
    identities_view,
    not_checked,
    privilege_lines,
    privileges_view,
    resource_words,
)
from podid.render.formats import to_json
from podid.render.view import View
from render.shown import texts

READ = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::reports/*"},
        {"Effect": "Deny", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::reports/secret/*"},
        {
            "Effect": "Allow",
            "Action": "sqs:SendMessage",
            "Resource": "*",
            "Condition": {"StringEquals": {"aws:SourceVpce": "vpce-1"}},
        },
    ],
}
SERVICES = ("s3", "sqs", "sns", "iam", "lambda", "dynamodb", "sts", "kms")
WIDE = {"Statement": [{"Effect": "Allow", "Action": [f"{name}:*" for name in SERVICES], "Resource": "*"}]}
POLICIES = Unread("role policies", "denied", "iam:GetRolePolicy")


def session(policy: Any = READ, **members: Any) -> SessionAccess:
    return replace(of_files({"read": policy}, RoleSession(region="eu-west-1", now=NOW)), **members)


def cells(view: View, table: int = 0) -> list[list[str]]:
    return [[str(cell) for cell in row] for row in view.tables[table].rows]


def document(view: View) -> Any:
    return json.loads(to_json(view.document))


def test_each_action_has_its_access_and_resources() -> None:
    query = ActionQuery(("s3:GetObject", "s3:PutObject", "sqs:SendMessage", "s3:Get*"))
    report = check_access(session(), query, action_table())
    view = access_view(report)
    allowed, denied, unknown, *_ = cells(view)
    assert allowed[:4] == [
        "s3:GetObject",
        "allowed",
        "arn:aws:s3:::reports/* without arn:aws:s3:::reports/secret/*",
        "read, Statement[0]",
    ]
    assert (denied[:2], denied[-1]) == (["s3:PutObject", "denied"], "No policy in the files allows it")
    assert (unknown[:2], "aws:SourceVpce" in unknown[-1]) == (["sqs:SendMessage", "unknown"], True)
    assert view.names == ("s3:GetObject", "s3:GetObject")
    assert document(view)["items"][2]["keys"] == ["aws:SourceVpce"]
    count, notes = texts(access_view(report).notes)
    assert count.startswith("s3:Get*: 1 of ")
    assert count.endswith(" actions allowed")
    assert notes.startswith("Not checked: ")
    assert ". Assumed: requests to region eu-west-1, " in notes


def test_resources_are_those_that_are_or_may_be_allowed() -> None:
    ruling = Ruling(action="s3:GetObject", verdict=AccessVerdict.UNKNOWN, unclear=("a", "b", "c", "d"))
    assert resource_words(ruling) == "a, b, c and 1 more"
    assert resource_words(replace(ruling, verdict=AccessVerdict.DENIED, resource="x")) == "x"
    assert resource_words(replace(ruling, unclear=())) == "-"


def identity(name: str, cluster: str = "demo", verdict: AccessVerdict = AccessVerdict.ALLOWED, **more: Any) -> Any:
    members: dict[str, Any] = {"association_id": f"a-{name}", "actions": ("s3:GetObject",), "reason": "it depends"}
    return AllowedIdentity(cluster=cluster, ref=ServiceAccountRef("shop", name), verdict=verdict, **(members | more))


def identities(*items: AllowedIdentity, clusters: tuple[str, ...] = ("demo",)) -> AllowedIdentities:
    return AllowedIdentities(
        action="s3:GetObject", resources=(), clusters=clusters, items=items, not_checked=(POLICIES,), notes=("a note",)
    )


def test_each_service_account_has_its_pods() -> None:
    unread = identity("cart", verdict=AccessVerdict.UNKNOWN, missing_permission="iam:GetRole")
    view = identities_view(identities(identity("orders", role_arn=ROLE_ARN, pods=2), unread))
    titles = [column.title for column in view.tables[0].columns if not column.wide]
    assert titles == ["SERVICE ACCOUNT", "ACCESS", "ROLE", "RESOURCES", "STATEMENT", "PODS", "REASON"]
    rows = [dict(zip((column.title for column in view.tables[0].columns), row, strict=True)) for row in cells(view)]
    assert [(row["SERVICE ACCOUNT"], row["ACCESS"], row["REASON"]) for row in rows] == [
        ("shop/orders", "allowed", "-"),
        ("shop/cart", "unknown", "It depends (needs iam:GetRole)"),
    ]
    assert texts(identities_view(identities()).notes) == [
        "a note",
        "Not checked: role policies (needs iam:GetRolePolicy)",
    ]
    assert [item["pods"] for item in document(view)["items"]] == [2, None]
    several = identities_view(identities(identity("orders"), clusters=("blue", "red")))
    assert "CLUSTER" in [column.title for column in several.tables[0].columns if not column.wide]
    assert identities_view(identities()).tables[0].empty == "no service account of demo may perform s3:GetObject"


def test_privileges_are_a_row_for_each_service() -> None:
    privileges = read_privileges(session(), action_table())
    view = privileges_view(privileges)
    s3, sqs = cells(view)
    assert (s3[0], s3[2], s3[3].partition(" of ")[0], s3[5]) == ("s3", "read", "1", "arn:aws:s3:::reports/*")
    assert (sqs[0], sqs[4]) == ("sqs", "1")
    assert texts(privileges_view(privileges).notes)[0] == "No privilege escalation path"
    assert privilege_lines(privileges)[0] == "privileges: s3 read; sqs write (not known)"


def test_all_privileges_are_summed_up() -> None:
    privileges = read_privileges(session(WIDE, unread=(POLICIES,)), action_table())
    line, escalation = texts(privilege_lines(privileges))
    assert line == f"privileges: every action of {len(SERVICES)} services"
    assert escalation.startswith("privilege escalation: ")
    assert escalation.endswith(f" and {len(privileges.escalations) - 6} more")
    notes = texts(privileges_view(privileges).notes)
    assert notes[0] == f"{len(privileges.escalations)} privilege escalation paths in the policies that were read"
    assert len(privileges_view(privileges).tables) == 2
    (row,) = [row for row in cells(privileges_view(privileges)) if row[0] == "s3"]
    assert (row[3].startswith("every action ("), row[5]) == (True, "every resource")


def test_services_that_were_not_used() -> None:
    privileges = read_privileges(session(), action_table())
    s3, sqs = privileges.services
    levels = (replace(s3.levels[0], unused=("s3:GetObject",)),)
    used = replace(privileges, services=(replace(s3, used=True, levels=levels), replace(sqs, used=False)), since=NOW)
    assert [row[-1] for row in cells(privileges_view(used))] == ["used, 1 action unused", "unused"]
    unknown = replace(privileges, not_checked=(Unread(LAST_USE, "the role is younger than the window"),))
    assert texts(privileges_view(unknown).notes)[1:] == [f"not known: {LAST_USE}: the role is younger than the window"]
    assert f"Not used since {NOW:%Y-%m-%d}, by IAM's report on the role: sqs" in texts(privileges_view(used).notes)


@pytest.mark.parametrize(
    ("parts", "assumed", "text"),
    [
        ((), (), []),
        ((POLICIES, Unread("plain", "x")), (), ["Not checked: plain, role policies (needs iam:GetRolePolicy)"]),
        ((), ("a", "b"), ["Assumed: a, b"]),
        ((Unread("plain", "x"),), ("a",), ["Not checked: plain. Assumed: a"]),
    ],
)
def test_unchecked_parts_and_assumptions_are_one_line(
    parts: tuple[Unread, ...], assumed: tuple[str, ...], text: list[str]
) -> None:
    assert texts(not_checked(parts, assumed)) == text
