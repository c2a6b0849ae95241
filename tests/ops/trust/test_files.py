"""`podid trust` takes a policy however AWS's tools print it, and gives it back in the same form."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from domain.trust.trust_helpers import CLUSTER, IDENTITY, statement
from harness import Podid, table
from podid.domain.errors import InvalidInput
from podid.domain.trust import new_policy
from podid.ops.trust.files import read_trust

POLICY: dict[str, Any] = {"Version": "2012-10-17", "Statement": [statement()]}
ENCODED = quote(json.dumps(POLICY))
ROLE = {"RoleName": "r", "Arn": "arn:aws:iam::111122223333:role/r", "Tags": [{"Key": "team", "Value": "shop"}]}
FORMS: dict[str, Any] = {
    "the policy": POLICY,
    "get-role": {"Role": {**ROLE, "AssumeRolePolicyDocument": POLICY}},
    "get-role, encoded": {"Role": {**ROLE, "AssumeRolePolicyDocument": ENCODED}},
    "get-role, as text": {"Role": {**ROLE, "AssumeRolePolicyDocument": json.dumps(POLICY)}},
    "an item of list-roles": {**ROLE, "AssumeRolePolicyDocument": POLICY},
    "encoded, quoted": ENCODED,
    "podid role show": {"kind": "Role", "roleName": "r", "trustPolicy": POLICY, "tags": {"team": "shop"}},
    "podid trust add": {"kind": "TrustEdit", "outcome": "changed", "policy": POLICY},
}


@table("form", FORMS)
@table("indent", [None, 2, 4, "\t"])
def test_every_form_is_read_and_written_back(form: str, indent: Any) -> None:
    text = json.dumps(FORMS[form], indent=indent) + ("\n" if indent else "")
    file = read_trust(text, "f")
    assert file.policy.to_document() == POLICY
    assert file.text_with(file.policy) == text or "encoded" in form or "as text" in form
    other = new_policy(IDENTITY)
    again = read_trust(file.text_with(other), "f")
    assert again.policy == other
    assert again.role_tags == file.role_tags
    assert file.text_with(other).endswith("\n") == text.endswith("\n")


def test_a_document_that_is_encoded_as_a_whole() -> None:
    file = read_trust(ENCODED + "\n", "f")
    assert file.policy.to_document() == POLICY
    assert read_trust(file.text_with(file.policy), "f").policy == file.policy
    assert file.text_with(file.policy).startswith("%7B")


@pytest.mark.parametrize(
    ("form", "tags"),
    [
        ("the policy", None),
        ("get-role", {"team": "shop"}),
        ("an item of list-roles", None),
        ("podid role show", {"team": "shop"}),
    ],
)
def test_the_roles_tags_come_with_it(form: str, tags: dict[str, str] | None) -> None:
    whole = FORMS[form]
    if form == "an item of list-roles":
        whole = {key: value for key, value in whole.items() if key != "Tags"}
    assert read_trust(json.dumps(whole), "f").role_tags == tags


@table("text", ["[]", "3", "null", '"x"', '{"Role": 3}', '{"Role": {}}', '{"Roles": []}', "{}", '{"policy": 3}', "%zz"])
def test_what_holds_no_policy(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"^f: "):
        read_trust(text, "f")


def _check(*argv: str, **named: Any) -> Any:
    return Podid()("trust", "check", *argv, "--for", "shop/orders", "--cluster-arn", CLUSTER, **named)


def test_the_command_takes_what_get_role_prints(tmp_path: Path) -> None:
    tagged = {"StringEquals": {"aws:ResourceTag/team": "shop"}}
    role: dict[str, Any] = {"Role": {**ROLE, "AssumeRolePolicyDocument": {**POLICY, "Statement": [statement(tagged)]}}}
    assert _check("-", stdin=json.dumps(role)).code == 0
    assert _check("-", stdin=json.dumps(role["Role"]["AssumeRolePolicyDocument"])).code == 9
    file = tmp_path / "role.json"
    file.write_text(json.dumps(role))
    assert _check(str(file), "--role-tag", "team=web").code == 3


@pytest.mark.parametrize(
    ("statements", "code", "verdict"),
    [
        ([statement(Principal="*", Action="sts:*")], 3, "? it is not known whether stdin allows"),
        ([statement(), statement(Principal="*", Action="sts:*")], 3, "✓ stdin allows"),
        ([statement(Principal={"AWS": "*"})], 3, "? it is not known whether stdin allows"),
    ],
)
def test_a_role_that_everybody_can_assume_is_loud(statements: list[Any], code: int, verdict: str) -> None:
    text = json.dumps({"Version": "2012-10-17", "Statement": statements})
    outcome = _check("-", stdin=text)
    assert (outcome.code, outcome.stderr) == (code, "")
    first, second = outcome.stdout.splitlines()[:2]
    assert first == f"{verdict} shop/orders in cluster demo"
    assert second.startswith("  error trust-too-broad: Statement[")
    assert outcome.stdout.count("trust-too-broad") == 1
    report = _check("-", "-o", "json", stdin=text).json
    assert [(f["id"], f["severity"]) for f in report["findings"]] == [("trust-too-broad", "error")]
