"""Calls of tools: plans and their ids, cancellation, the place."""

import threading
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from cli.server.calling import BY_NAME, call, calls_of
from podid.cli.server.tools import APPLY, CHANGES, PLAN, PLAN_FILE, output_schema
from worlds import Site


def test_changes_of_the_state_invalidate_a_plan(entered: Site) -> None:
    calls = calls_of(entered, allow_write=True)
    change = {"change": "associate", "service_accounts": ["shop/orders"], "role": "storefront"}
    plan_id = call(calls, "plan", **change).document["planId"]
    assert entered("associate", "shop/orders", "--role", "storefront", "--wait", "api").code == 0
    refused = call(calls, "apply", plan_id=plan_id)
    assert (refused.document, "The state has changed since plan" in refused.text) == (None, True)
    nothing = call(calls, "plan", **change).document
    assert nothing["planId"] is None


def test_every_change_is_planned_and_roles_are_changed(entered: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The apply of a plan needs no further arguments. The session above applies an association."""
    monkeypatch.setattr("podid.cli.server.calls._sleep", lambda seconds, _: entered.clock.advance(seconds))
    calls = calls_of(entered, allow_write=True)
    of = {"role": "new", "service_accounts": ["shop/cart"]}
    presets = ["s3-read,bucket=shop-orders"]
    changes: list[dict[str, Any]] = [
        {"change": "role-create", "role": "new", "service_accounts": ["shop/orders"], "presets": presets},
        {"change": "trust-add", **of},
        {"change": "trust-remove", **of},
        {"change": "trust-add", **of, "scope": "cluster"},
        {"change": "associate", "service_accounts": ["shop/orders"], "role": "new"},
        {"change": "disassociate", "service_accounts": ["payments/bilingworker"]},
        {"change": "install-agent"},
        {"change": "restart", "service_accounts": ["shop/orders"]},
        {"change": "trust-tighten", "role": "storefront"},
    ]
    assert {change["change"] for change in changes} == {*CHANGES}
    validator = jsonschema.Draft202012Validator(output_schema(PLAN))
    for change in changes:
        planned = call(calls, "plan", **change)
        if planned.document is None:  # new pods would get no credentials, and the role has no users
            assert change["change"] in ("restart", "trust-tighten"), (change, planned)
            continue
        validator.validate(planned.document)
        assert planned.document["planId"], (change, planned)
        if change["change"].startswith(("role-", "trust-")):
            applied = call(calls, "apply", plan_id=planned.document["planId"])
            assert applied.document is not None, (change, applied)
            assert {action["status"] for action in applied.document["actions"]} <= {"done", "unchanged"}, applied
    assert '"new"' in entered("role", "list", "-o", "json").stdout


DECLARATION = """
apiVersion: podid/v1
kind: PodIdentity
metadata: {name: shop}
roles: [{name: declared, policies: [{preset: s3-read, parameters: {bucket: shop-orders}}]}]
associations: [{serviceAccount: shop/orders, role: declared}]
"""


def test_a_declaration_is_planned_and_applied(entered: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("podid.cli.server.calls._sleep", lambda seconds, _: entered.clock.advance(seconds))
    calls = calls_of(entered, "--wait=api", allow_write=True)
    planned = call(calls, "plan_file", document=DECLARATION).document
    jsonschema.Draft202012Validator(output_schema(PLAN_FILE)).validate(planned)
    assert [change["target"] for change in planned["plan"]["created"]] == [
        "declared",
        "declared/s3-read-shop-orders",
        "shop/orders",
    ]
    applied = call(calls, "apply", plan_id=planned["planId"])
    assert applied.document is not None, applied
    assert {action["status"] for action in applied.document["actions"]} == {"done"}
    jsonschema.Draft202012Validator(output_schema(APPLY)).validate(applied.document)
    again = call(calls, "plan_file", document=DECLARATION).document
    assert (again["planId"], again["plan"]["unchanged"]) == (None, 2)
    # without --allow-write
    assert (
        call(calls_of(entered), "plan_file", document=DECLARATION.replace("declared", "x")).document["planId"] is None
    )


def test_refused_declarations(entered: Site, tmp_path: Path) -> None:
    secret = tmp_path / "secret.json"
    secret.write_text("{}")
    in_file = DECLARATION.replace("{preset: s3-read, parameters: {bucket: shop-orders}}", f"{{file: {secret}}}")
    for document, words in (
        (in_file, f"reads file {secret}"),
        (DECLARATION.replace("roles:", "rolls:"), "rolls: is not a known key"),
        (DECLARATION.replace("metadata:", "clusters: [demo, other]\nmetadata:"), "other"),
        ("- [", "neither JSON nor YAML"),
    ):
        answer = call(calls_of(entered, allow_write=True), "plan_file", document=document)
        assert (answer.document, words in answer.text) == (None, True), answer


def test_a_plan_expires_and_read_only_servers_give_none(entered: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    change = {"change": "disassociate", "service_accounts": ["payments/bilingworker"]}
    assert call(calls_of(entered), "plan", **change).document["planId"] is None
    monkeypatch.setattr("podid.cli.server.calls.PLAN_SECONDS", -1.0)
    calls = calls_of(entered, allow_write=True)
    expired = call(calls, "apply", plan_id=call(calls, "plan", **change).document["planId"])
    assert (expired.document, "has expired" in expired.text) == (None, True)
    assert "payments/bilingworker" in entered("list").stdout.replace("\t", "/")


def test_a_cancelled_call_ends(entered: Site) -> None:
    class Later(threading.Event):
        """Set after some questions, as by a client that waits for a while."""

        def __init__(self) -> None:
            super().__init__()
            self.asked = 0

        def is_set(self) -> bool:
            self.asked += 1
            return self.asked > 20

    for cancelled in (Later(), threading.Event()):
        if not isinstance(cancelled, Later):
            cancelled.set()
        answer = calls_of(entered).call(BY_NAME["doctor"], {}, cancelled)
        assert (answer.document, answer.text) == (None, "The call was cancelled.")


def test_the_owner_fixes_the_place(entered: Site) -> None:
    answer = call(calls_of(entered, "--cluster=nosuch"), "list")
    assert (answer.document, "nosuch" in answer.text) == (None, True)
    assert call(calls_of(entered, "--cluster=nosuch"), "explain", text="association-sa-not-found").document


ADMINISTRATORS = {
    "AdministratorAccess": "[{managed: AdministratorAccess}]",
    "an inline policy": (
        "[{name: x, document: {Version: '2012-10-17', Statement: "
        "[{Effect: Allow, Action: 'iam:PutRolePolicy', Resource: '*'}]}}]"
    ),
}


@pytest.mark.parametrize("name", ADMINISTRATORS)
def test_no_client_makes_an_administrator(entered: Site, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """The plan says so; a person must run the command."""
    monkeypatch.setattr("podid.cli.server.calls._sleep", lambda seconds, _: entered.clock.advance(seconds))
    calls = calls_of(entered, allow_write=True)
    document = DECLARATION.replace("[{preset: s3-read, parameters: {bucket: shop-orders}}]", ADMINISTRATORS[name])
    planned = call(calls, "plan_file", document=document).document
    assert planned is not None
    assert any("administrator" in note for note in planned["plan"]["notes"]), planned
    refused = call(calls, "apply", plan_id=planned["planId"])
    assert refused.document is None
    assert "A plan of an MCP client requires confirmation at a terminal; --yes is not sufficient" in refused.text
    assert '"declared"' not in entered("role", "list", "-o", "json").stdout
