"""Trust policies in the forms that AWS's tools print, read and written back."""

import json
from typing import Any
from urllib.parse import quote

import pytest

from domain.trust.trust_helpers import IDENTITY
from harness import table
from ops.trust.support import POLICY, ROLE
from podid.domain.errors import InvalidInput
from podid.domain.trust import new_policy
from podid.ops.trust.files import read_trust

ENCODED = quote(json.dumps(POLICY))


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
def test_the_tags_of_the_role_are_read(form: str, tags: dict[str, str] | None) -> None:
    whole = FORMS[form]
    if form == "an item of list-roles":
        whole = {key: value for key, value in whole.items() if key != "Tags"}
    assert read_trust(json.dumps(whole), "f").role_tags == tags


@table(
    ("changed", "mistake"),
    [
        ({"Statement": 2 * [{**POLICY["Statement"][0], "Sid": "A"}]}, r"Statement\[1\].Sid is not unique"),
        ({"Statement": [{**POLICY["Statement"][0], "Sid": "a b"}]}, r"Statement\[0\].Sid must be letters and digits"),
        ({"Version": "2012-10-18"}, "Version must be one of"),
        ({"Ids": "a"}, "Ids is not a known member of a policy"),
    ],
)
def test_policies_that_iam_refuses(changed: dict[str, Any], mistake: str) -> None:
    with pytest.raises(InvalidInput, match=f"^f: {mistake}"):
        read_trust(json.dumps({**POLICY, **changed}), "f")


@table("text", ["[]", "3", "null", '"x"', '{"Role": 3}', '{"Role": {}}', '{"Roles": []}', "{}", '{"policy": 3}', "%zz"])
def test_texts_without_a_policy(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"^f: "):
        read_trust(text, "f")
