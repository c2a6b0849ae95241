"""Permission policies that podid checks before anything is written."""

import json
from typing import Any

import pytest

from harness import table
from podid.domain.errors import Conflict, InvalidInput
from podid.domain.iam import INLINE_QUOTA, SESSION_POLICY_QUOTA
from podid.ops.role.policies import (
    check_inline_size,
    check_policy_document,
    policy_name,
    read_policies,
    session_policy_text,
)

STATEMENT: dict[str, Any] = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}


def policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


@table(
    ("statement", "message"),
    [
        ({**STATEMENT, "Action": "GetObject"}, ".Action has 'GetObject', which is not of the form service:Action"),
        ({**STATEMENT, "Action": ["s3:GetObject", "s3: PutObject"]}, ".Action has 's3: PutObject', which is not of"),
        ({**STATEMENT, "Action": []}, ".Action has [], which is not of the form service:Action"),
        ({**STATEMENT, "Resource": "bucket/*"}, ".Resource has 'bucket/*', which is neither an ARN nor *"),
        ({**STATEMENT, "Condition": {"StringIs": {"a:b": "c"}}}, "StringIs is not a known condition operator"),
        ({**STATEMENT, "Condition": {"StringEquals": "x"}}, ".Condition.StringEquals is not an object"),
        ({**STATEMENT, "Resources": "*"}, ".Resources is not a known member of a statement"),
        ({**STATEMENT, "Sid": "with space"}, ".Sid must be letters and digits"),
        ({**STATEMENT, "Effect": "allow"}, ".Effect must be Allow or Deny"),
        ({**STATEMENT, "Principal": "*"}, " has a Principal: this is a trust or resource policy"),
        ({**STATEMENT, "NotAction": "s3:*"}, " requires either Action or NotAction"),
        ({"Effect": "Allow", "Action": "s3:*"}, " requires either Resource or NotResource"),
    ],
)
def test_mistakes_in_a_statement(statement: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput) as error:
        check_policy_document(policy(STATEMENT, statement), "f.json")
    assert error.value.message.startswith("f.json: Statement[1]")
    assert message in error.value.message


@table(
    ("document", "message"),
    [
        ([], "f.json is not a policy document: it is not an object"),
        ({}, "f.json is not a policy document: Statement is missing or empty"),
        ({"Statement": []}, "f.json is not a policy document: Statement is missing or empty"),
        ({"Statement": ["x"]}, "f.json: Statement[0] is not an object"),
        ({**policy(STATEMENT), "Version": "2012"}, "f.json: Version must be one of 2012-10-17, 2008-10-17"),
        ({**policy(STATEMENT), "Name": "x"}, "f.json: Name is not a known member of a policy"),
        (policy({**STATEMENT, "Sid": "A"}, {**STATEMENT, "Sid": "A"}), "f.json: Statement[1].Sid is not unique"),
    ],
)
def test_mistakes_in_a_document(document: Any, message: str) -> None:
    with pytest.raises(InvalidInput) as error:
        check_policy_document(document, "f.json")
    assert error.value.message == message


@table(
    "statement",
    [
        {**STATEMENT, "Action": "*", "Resource": ["arn:aws:s3:::b", "arn:*:s3:::*/${aws:PrincipalTag/ns}/*"]},
        {**STATEMENT, "Resource": "arn:aws:*"},
        {**STATEMENT, "Sid": "Some1", "Condition": {"ForAllValues:StringLikeIfExists": {"aws:TagKeys": ["a"]}}},
        {"Effect": "Deny", "NotAction": "iam:Get*", "NotResource": "arn:aws:iam::*:role/x"},
    ],
)
def test_policies_that_iam_accepts(statement: dict[str, Any]) -> None:
    for document in (policy(statement), {"Statement": statement}):
        assert check_policy_document(document, "f.json") is document


def test_inline_policies_have_the_names_of_their_files() -> None:
    assert [policy_name(file) for file in ("a/read table.json", "s3", "é.json", "stdin")] == [
        *("read-table", "s3", "policy", "stdin"),
    ]
    files = {"read.json": json.dumps(policy(STATEMENT)), "b/read.json": "{}", "bad.json": '{"a": 1, "a": 2}'}
    assert read_policies(files.__getitem__, ["read.json"]) == {"read": policy(STATEMENT)}
    with pytest.raises(InvalidInput, match="Two policy files would both become the inline policy read"):
        read_policies(files.__getitem__, ["read.json", "b/read.json"])
    with pytest.raises(InvalidInput, match=r"bad\.json"):
        read_policies(files.__getitem__, ["bad.json"])


def test_the_sizes_of_policies() -> None:
    small = len(json.dumps(policy(STATEMENT), separators=(",", ":")))
    padded = policy({**STATEMENT, "Sid": "x" * (INLINE_QUOTA - small - len(',"Sid":""'))})
    check_inline_size("r", {"a": padded})
    with pytest.raises(Conflict, match="would have 10,241 characters; IAM allows 10,240"):
        check_inline_size("r", {"a": policy({**padded["Statement"][0], "Sid": padded["Statement"][0]["Sid"] + "x"})})
    text = session_policy_text({**policy(STATEMENT), "Id": "é\u4e2d"}, "the session policy")
    assert text.endswith('"Id":"é\\u4e2d"}')
    with pytest.raises(InvalidInput, match=f"EKS allows {SESSION_POLICY_QUOTA:,} in a session policy"):
        session_policy_text(policy({**STATEMENT, "Sid": "x" * SESSION_POLICY_QUOTA}), "the session policy")
