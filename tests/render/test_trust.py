"""Verdicts on trust policies and edited policies, as text and as documents."""

import json
from typing import Any

from domain.trust.trust_helpers import CLUSTER, IDENTITY, NOW, policy, statement
from podid.domain.names import ServiceAccountRef
from podid.domain.trust import add
from podid.ops.trust.check import Question, access_by, check_policies
from podid.ops.trust.edit import FileEdit
from podid.ops.trust.files import TrustFile
from podid.ops.trust.request import TrustCheckOptions
from podid.render.formats import to_json
from podid.render.trust import access_view, check_view, edits_view
from podid.render.view import View
from render.shown import texts

OF_WEB = statement({"StringEquals": {"aws:RequestTag/kubernetes-namespace": "web"}}, Sid="Web")
ANYONE = statement(Principal="*", Action="sts:*")
LAMBDA = statement(Principal={"Service": "lambda.amazonaws.com"}, Action="sts:AssumeRole")


def file(*statements: dict[str, Any], name: str = "f.json") -> TrustFile:
    return TrustFile(name, "", policy(*statements), None)


def document(view: View) -> Any:
    return json.loads(to_json(view.document))


def checked(*files: TrustFile, refs: tuple[str, ...] = ("shop/orders",)) -> View:
    options = TrustCheckOptions(service_accounts=tuple(map(ServiceAccountRef.parse, refs)))
    return check_view(check_policies(files, Question(options=options, cluster_arn=CLUSTER, role_tags=None, now=NOW)))


def test_a_policy_that_does_not_allow_the_pods_has_a_proposal() -> None:
    view = checked(file(OF_WEB))
    lines = texts(view.lines)
    assert lines[0] == "✗ f.json does not allow shop/orders in cluster demo"
    assert lines[1].startswith("    ✗ sts:AssumeRole, sts:TagSession: Statement[0] (Web) does not match: ")
    added = lines[lines.index("  to change:") :]
    assert [line for line in added if line.startswith("    +") and '"orders"' in line] != []
    body = document(view)
    assert (body["kind"], body["file"], body["verdict"], body["scope"]) == ("TrustReport", "f.json", "no-match", None)
    assert len(body["proposed"]["Statement"]) == 2


def test_an_allowed_service_account_has_its_scope() -> None:
    lines = texts(checked(file(OF_WEB), refs=("web/app",)).lines)
    assert lines[0] == "✓ f.json allows web/app in cluster demo"
    assert any(line.startswith("    allows any pod in namespace web") for line in lines)
    assert "to change:" not in " ".join(lines)


def test_several_files_are_blocks_and_a_list() -> None:
    view = checked(file(OF_WEB), file(statement(), name="-"))
    lines = texts(view.lines)
    assert lines[lines.index("") + 1] == "✓ stdin allows shop/orders in cluster demo"
    assert document(view)["kind"] == "TrustReportList"
    (table,) = view.tables
    assert [str(cell) for cell in table.rows[2][:5]] == ["stdin", "shop", "orders", "1", "sts:AssumeRole"]


def test_a_role_that_everybody_can_assume_is_named_once() -> None:
    lines = texts(checked(file(ANYONE)).lines)
    assert [line.partition(":")[0] for line in lines if "trust-too-broad" in line] == ["  error trust-too-broad"]


def test_the_principals_of_a_policy() -> None:
    conditional = {**LAMBDA, "Condition": {"StringEquals": {"aws:SourceAccount": "111122223333"}}}
    view = access_view(access_by([file(OF_WEB, conditional)]))
    lines = texts(view.lines)
    assert lines[0] == "f.json: pods can assume the role"
    assert "  any pod in namespace web in any cluster in account 111122223333" in lines
    assert lines[-2:] == [
        "  Statement[1] allows lambda.amazonaws.com: sts:AssumeRole",
        "    if StringEquals aws:SourceAccount 111122223333",
    ]
    body = document(view)
    assert (body["kind"], body["verdict"]) == ("TrustAccess", "match")
    assert [(item["sid"], item["effect"]) for item in body["statements"]] == [("Web", "Allow"), ("", "Allow")]
    but = statement(Principal=None, NotPrincipal={"AWS": "arn:aws:iam::111122223333:root"}, Effect="Deny")
    assert "all but arn:aws:iam::111122223333:root" in access_view(access_by([file(but)])).text


def test_an_edited_policy_is_printed_or_reported() -> None:
    edited = FileEdit(file(OF_WEB), add(policy(OF_WEB), IDENTITY))
    view = edits_view([edited], in_place=False)
    assert json.loads("\n".join(texts(view.lines))) == edited.edit.policy.document
    body = document(view)
    assert (body["kind"], body["outcome"], body["statement"]) == ("TrustEdit", "changed", 1)
    assert (body["size"], body["diff"]) == (edited.edit.size, edited.diff)
    lines = texts(edits_view([edited, edited], in_place=True).lines)
    assert [line.partition(",")[0] for line in lines if not line.startswith("  ")] == ["f.json: changed"] * 2
