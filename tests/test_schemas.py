"""The JSON Schemas hold for what the commands really print, and are strict."""

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from harness import Outcome, Podid, table
from podid.cli.tree import COMMANDS
from podid.sandbox.box import Sandbox
from worlds import Site

REFERENCE = Path(__file__).resolve().parent.parent / "docs" / "reference" / "json"
SCHEMAS = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in REFERENCE.glob("*.json")}
FORMATS = FormatChecker(())
FORMATS.checks("date-time", ValueError)(lambda text: not isinstance(text, str) or datetime.fromisoformat(text))
VALIDATORS = {kind: Draft202012Validator(schema, format_checker=FORMATS) for kind, schema in SCHEMAS.items()}
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "pods.eks.amazonaws.com"}, "Action": "sts:AssumeRole"},
    ],
}


def check(outcome: Outcome, kind: str) -> Any:
    """The document on stdout, once it is known to be of `kind` and to fit its schema."""
    document = outcome.json
    assert document["kind"] == kind
    problems = [f"{error.json_path}: {error.message}" for error in VALIDATORS[kind].iter_errors(document)]
    assert problems == []
    return document


def check_error(outcome: Outcome) -> Any:
    assert outcome.stdout == ""
    document = json.loads(outcome.stderr)
    VALIDATORS["Error"].validate(document)
    assert document["error"]["exitCode"] == outcome.code
    return document["error"]


@table("kind", SCHEMAS)
def test_schema_is_a_schema(kind: str) -> None:
    Draft202012Validator.check_schema(SCHEMAS[kind])


def _objects(schema: Any, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(schema, dict):
        if "properties" in schema:
            yield path, schema
        for key, value in schema.items():
            yield from _objects(value, f"{path}.{key}")
    elif isinstance(schema, list):
        for position, value in enumerate(schema):
            yield from _objects(value, f"{path}[{position}]")


@table("kind", SCHEMAS)
def test_schema_is_strict(kind: str) -> None:
    objects = dict(_objects(SCHEMAS[kind], kind))
    assert objects
    for path, schema in objects.items():
        assert schema["additionalProperties"] is False, path
        assert set(schema.get("required", ())) <= set(schema["properties"]), path


def test_a_member_too_many_is_refused(podid: Podid) -> None:
    document = check(podid("list", "-o", "json"), "AssociationList")
    assert not VALIDATORS["AssociationList"].is_valid({**document, "surprise": 1})
    assert not VALIDATORS["AssociationList"].is_valid({**document, "items": [{"roleArn": "x"}]})


def test_what_changes_print(podid: Podid, tmp_path: Path) -> None:
    policy = tmp_path / "read.json"
    policy.write_text(
        json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}})
    )
    create = [
        *("role", "create", "r", "--for", "shop/orders", "--policy-file", str(policy), "-o", "json"),
        *("--managed-policy", "AmazonS3ReadOnlyAccess", "--tag", "team=shop"),
    ]
    associate = ("associate", "shop/orders", "--role", "r", "-o", "json", "--wait", "api")

    assert len(check(podid("install-agent", "--dry-run", "-o", "json"), "Plan")["actions"]) == 1
    check(podid("install-agent", "-o", "json"), "Result")
    check(podid(*create, "--dry-run"), "Plan")
    assert [a["kind"] for a in check(podid(*create), "Result")["actions"]] == [
        "role",
        "role-policy",
        "role-attachment",
    ]
    assert {a["status"] for a in check(podid(*create), "Result")["actions"]} == {"unchanged"}
    check(podid(*associate), "Result")
    check(podid(*associate, "--target-role", "arn:aws:iam::111122223333:role/storefront", "--replace"), "Result")
    check(podid("associate", "shop/pay", "--role", "article-2023", "--update-trust", "-o", "json"), "Result")

    assert len(check(podid("list", "-o", "json"), "AssociationList")["items"]) == 2
    shown = check(podid("show", "shop/orders", "-o", "json"), "Association")
    assert shown["trust"]["verdict"] == "match"
    assert check(podid("role", "show", "r", "-o", "json"), "Role")["usedBy"] == ["shop/orders"]
    assert "r" in [item["roleName"] for item in check(podid("role", "list", "-o", "json"), "RoleList")["items"]]

    check(podid("undo", "last", "--yes", "--dry-run", "-o", "json"), "Plan")
    check(podid("undo", "last", "--yes", "-o", "json"), "Result")
    check(podid("disassociate", "shop/orders", "--yes", "-o", "json"), "Result")
    check(podid("disassociate", "shop/orders", "--yes", "--ignore-not-found", "-o", "json"), "Result")
    history = check(podid("history", "-o", "json"), "History")["items"]
    assert [bool(item["undoes"]) for item in history] == [False, True, False, False, False, False, False]
    check(podid("history", "last", "-o", "json"), "History")


def test_a_role_that_is_gone_has_no_trust(box: Sandbox, podid: Podid) -> None:
    from podid.sandbox.baseline import add_association

    add_association(box.world, "shop", "orders", "never-made")
    assert check(podid("show", "shop/orders", "-o", "json"), "Association")["trust"] is None


def test_trust_reports(tmp_path: Path) -> None:
    file = tmp_path / "trust.json"
    file.write_text(json.dumps(TRUST))
    line = ("trust", "check", str(file), "--cluster-arn", "arn:aws:eks:us-west-2:111122223333:cluster/demo")
    report = check(Podid()(*line, "--for", "shop/orders", "-o", "json"), "TrustReport")
    assert report["actions"]["sts:TagSession"]["verdict"] == "no-match"
    reports = check(Podid()(*line, "--for", "shop/orders", "--for", "shop/pay", "-o", "json"), "TrustReportList")
    assert [item["serviceAccount"] for item in reports["items"]] == ["orders", "pay"]
    hop = (*line, "--for", "shop/orders", "--base-role", "arn:aws:iam::111122223333:role/storefront", "-o", "json")
    assert check(Podid()(*hop), "TrustReport")["hop"] == 2


@table("command", [c for c in COMMANDS if "show_permissions" in c.load().shared])
def test_permissions(command: Any) -> None:
    document = check(Podid()(*command.path, "--show-permissions", "-o", "json"), "Permissions")
    assert document["command"] == command.name


def test_reports_on_a_cluster(site: Site) -> None:
    site.with_samples()

    def json_of(*argv: str) -> Outcome:
        return site(*argv, "-o", "json")

    assert check(json_of("agent", "status"), "AgentStatus")["state"] == "not-installed"
    assert [item["agentPod"] for item in check(json_of("agent", "nodes"), "NodeList")["items"]] != []
    assert check(json_of("doctor"), "DoctorReport")["summary"]["error"] > 0
    assert check(json_of("doctor", "--all"), "DoctorReport")["verdicts"] != []
    check(json_of("install-agent"), "Result")
    assert check(json_of("agent", "status"), "AgentStatus")["state"] == "ready"
    check(json_of("associate", "shop/orders", "--role", "orders-dynamodb", "--restart", "--dry-run"), "Plan")
    result = check(json_of("associate", "shop/orders", "--role", "orders-dynamodb", "--restart"), "Result")
    assert [after["state"] for after in result["after"]] == ["ready"]
    report = check(json_of("verify", "shop/orders", "--yes"), "IdentityStatus")
    assert [pod["state"] for pod in report["pods"]] == ["verified"] * len(report["pods"]) != []
    check(json_of("restart", "shop/orders"), "Result")
    check(json_of("history"), "History")


def test_reports_when_kubernetes_cannot_be_reached(podid: Podid) -> None:
    assert check(podid("agent", "status", "-o", "json"), "AgentStatus")["coverage"] is None
    assert check(podid("doctor", "-o", "json"), "DoctorReport")["unknowns"] != []


def test_explanations() -> None:
    assert check(Podid()("explain", "trust-missing-tag-session", "-o", "json"), "Explanation")["items"] != []
    assert check(Podid()("explain", "--list", "-o", "json"), "PageList")["items"] != []
    assert check(Podid()("doctor", "--list", "-o", "json"), "CheckList")["items"] != []


def test_completion() -> None:
    check(Podid()("completion", "bash", "-o", "json"), "Completion")


@pytest.mark.parametrize(
    ("argv", "code", "name"),
    [
        (("list", "--nope"), 2, "Usage"),
        (("nope",), 2, "Usage"),
        (("show",), 2, "Usage"),
        (("show", "orders"), 2, "InvalidInput"),
        (("status", "shop/nobody"), 5, "NotFound"),
        (("disassociate", "shop/orders"), 2, "ConsentNeeded"),
        (("list", "--expect-account", "999999999999"), 6, "Conflict"),
    ],
)
def test_errors(box: Sandbox, podid: Podid, argv: tuple[str, ...], code: int, name: str) -> None:
    from podid.sandbox.baseline import add_association

    add_association(box.world, "shop", "orders", "storefront")
    outcome = podid(*argv, "-o", "json")
    assert (outcome.code, check_error(outcome)["code"]) == (code, name)


def test_an_error_names_the_permission(box: Sandbox, podid: Podid) -> None:
    box.world.credentials.deny("eks:ListPodIdentityAssociations")
    error = check_error(podid("list", "-o", "json"))
    assert (error["code"], error["permission"]) == ("AccessDenied", "eks:ListPodIdentityAssociations")
