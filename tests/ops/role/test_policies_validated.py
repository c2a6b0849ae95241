"""Permission policies that IAM Access Analyzer validates before they are written."""

import json
from pathlib import Path
from typing import Any

import pytest

from harness import Podid
from ops.change.support import POLICY, account_state, policy_file, writes
from ops.role.support import CREATE
from podid.sandbox.box import Sandbox
from podid.sandbox.faults import Fault
from podid.sandbox.http import HttpAnswer, HttpRequest

CREATE_WITH_POLICY = (*CREATE, "--policy-file")
ATTACH = ("role", "attach", "storefront", "--adopt", "--policy-file")


def allow(*actions: str) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": "*"}]}


def asked(box: Sandbox) -> int:
    return box.faults.calls["access-analyzer", "ValidatePolicy"]


@pytest.mark.parametrize("argv", [CREATE_WITH_POLICY, ATTACH], ids=["create", "attach"])
def test_a_policy_with_an_error_is_not_written(
    box: Sandbox, podid: Podid, journal: Path, tmp_path: Path, argv: tuple[str, ...]
) -> None:
    file = policy_file(tmp_path, allow("s3:GetObject", "iam:GetRolle", "eks:Lisst"))
    for flags in ((), ("--dry-run",)):
        outcome = podid(*argv, file, *flags, "-o", "json")
        assert (outcome.code, outcome.stdout, writes(box)) == (2, "", 0)
        message = f"rejects the inline policy read-table of role {argv[2]}: Statement[0].Action[1]: "
        assert f"{message}The action iam:GetRolle does not exist" in outcome.error["message"]
        assert outcome.error["details"] == [
            "Statement[0].Action[2]: The action eks:Lisst does not exist (INVALID_ACTION)"
        ]
    assert not journal.exists()


def test_session_policies_are_validated(box: Sandbox, podid: Podid, journal: Path, tmp_path: Path) -> None:
    argv = ("associate", "shop/orders", "--role", "storefront", "--wait", "none", "-o", "json", "--session-policy")
    outcome = podid(*argv, policy_file(tmp_path, allow("iam:GetRolle")))
    assert (outcome.code, outcome.stdout, writes(box)) == (2, "", 0)
    assert "rejects the session policy of shop/orders: Statement[0].Action" in outcome.error["message"]
    items = [{"namespace": "shop", "serviceAccount": "orders", "roleArn": "storefront", "sessionTags": "off"}]
    items[0]["policy"] = json.dumps(allow("iam:GetRolle"))
    file = policy_file(tmp_path, json.dumps({"items": items}), "items.json")
    assert podid("associate", "--from-file", file, "--wait", "none").code == 2
    without_permission(box)
    done = podid(*argv, policy_file(tmp_path, allow("s3:GetObject")))
    assert done.code == 0
    assert any(note.startswith("policies were checked only") for note in done.json["notes"])


@pytest.mark.parametrize("argv", [CREATE_WITH_POLICY, ATTACH], ids=["create", "attach"])
def test_warnings_are_notes(box: Sandbox, podid: Podid, journal: Path, tmp_path: Path, argv: tuple[str, ...]) -> None:
    outcome = podid(*argv, policy_file(tmp_path, allow("iam:PassRole")), "-o", "json")
    assert outcome.code == 0
    (note,) = [note for note in outcome.json["notes"] if "PASS_ROLE_WITH_STAR_IN_RESOURCE" in note]
    assert note.startswith("inline policy ")


def test_only_policies_that_are_written_are_validated(
    box: Sandbox, podid: Podid, journal: Path, tmp_path: Path
) -> None:
    file = policy_file(tmp_path)
    assert podid(*CREATE_WITH_POLICY, file).code == 0
    assert asked(box) == 1
    assert podid(*CREATE_WITH_POLICY, file).code == 0
    assert podid("role", "create", "other", "--for", "shop/cart").code == 0
    assert asked(box) == 1


def without_permission(box: Sandbox) -> None:
    box.world.credentials.deny("access-analyzer:ValidatePolicy")


def failing(box: Sandbox) -> None:
    box.faults.add(Fault("fail", "access-analyzer", "*"))


def not_there(box: Sandbox) -> None:
    """Another emulator, which knows no such service."""
    _answers(box, HttpAnswer(404, {"Content-Type": "text/html"}, b"<html>not found</html>"))


def of_another_form(box: Sandbox) -> None:
    _answers(box, HttpAnswer(200, {"Content-Type": "application/json"}, b'{"findings": [{"findingType": 7}]}'))


def _answers(box: Sandbox, refusal: HttpAnswer) -> None:
    answer = box.gateway.answer

    def answering(request: HttpRequest) -> HttpAnswer:
        return refusal if request.path == "/policy/validation" else answer(request)

    box.gateway.answer = answering  # type: ignore[method-assign]


@pytest.mark.parametrize("trouble", [without_permission, failing, not_there, of_another_form])
def test_without_access_analyzer_a_note_says_so(
    box: Sandbox, podid: Podid, journal: Path, tmp_path: Path, trouble: Any
) -> None:
    trouble(box)
    two = (policy_file(tmp_path), "--policy-file", policy_file(tmp_path, POLICY, "more.json"))
    outcome = podid(*CREATE_WITH_POLICY, *two, "-o", "json")
    assert outcome.code == 0, outcome
    (note,) = outcome.json["notes"]
    assert note.startswith("policies were checked only for JSON, structure and size: ")
    assert ("requires access-analyzer:ValidatePolicy" in note) is (trouble is without_permission)


def test_a_mistake_is_reported_before_the_first_call(box: Sandbox, podid: Podid, journal: Path, tmp_path: Path) -> None:
    statement = {"Effect": "Allow", "Action": "GetObject", "Resource": "*"}
    file = policy_file(tmp_path, {"Version": "2012-10-17", "Statement": [statement]})
    outcome = podid(*CREATE, "--policy-file", file, "-o", "json")
    assert (outcome.code, outcome.stdout, box.faults.calls.total()) == (2, "", 0)
    assert "Statement[0].Action has 'GetObject', which is not of the form service:Action" in outcome.error["message"]


def test_the_inline_policies_have_10240_characters_in_all(
    box: Sandbox, podid: Podid, journal: Path, tmp_path: Path
) -> None:
    names = [f"arn:aws:s3:::{number:0100}" for number in range(50)]
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": names}
    half = {"Version": "2012-10-17", "Statement": [statement]}
    one, two = (policy_file(tmp_path, half, f"{name}.json") for name in ("one", "two"))
    refused = podid(*CREATE, "--policy-file", one, "--policy-file", two, "-o", "json")
    assert (refused.code, writes(box)) == (6, 0)
    assert "IAM allows 10,240" in refused.error["message"]
    assert podid(*CREATE, "--policy-file", one).code == 0
    more = podid(*CREATE, "--policy-file", two, "--replace", "-o", "json")  # with the existing policy
    assert (more.code, list(account_state(box)["roles"]["shop-orders"]["inline"])) == (6, ["one"])
