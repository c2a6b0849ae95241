import json
from dataclasses import replace
from typing import Any

import pytest

from checks.builder import DENIED, ROLE_ARN, TARGET_ARN, association, healthy
from checks.grid import answers, only
from harness import table
from podid.domain.iam import AssumePermissions
from podid.domain.snapshot import Known, Snapshot


def with_policy(policy: object) -> Snapshot:
    return healthy(associations=(association(policy=json.dumps(policy), disable_session_tags=True),))


ID = "session-policy-misconfig"
FAILS = with_policy({"Statement": {"Effect": "Deny"}})
UNKNOWN = with_policy([])
PASSES = with_policy({"Statement": [{"Effect": "Allow"}]})
FINDINGS = [("fail", "error", "Association shop/orders")]
UNKNOWNS = [("unknown", "error", "Association shop/orders")]


def allow(*actions: str, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": "*", **more}


def document(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


S3 = document(allow("s3:GetObject", "s3:List*"))


@pytest.mark.parametrize(
    ("allows", "outcome"),
    [
        (("s3:getobject",), "pass"),
        (("dynamodb:*",), "fail"),
        (("*",), "pass"),
    ],
)
def test_a_session_policy_that_leaves_no_action_of_the_role(allows: tuple[str, ...], outcome: str) -> None:
    limited = replace(association(), policy=json.dumps(S3), disable_session_tags=True)
    snapshot = healthy(
        associations=(limited,),
        assume_permissions={ROLE_ARN: Known(AssumePermissions(allows=allows))},
    )
    assert [answer[0] for answer in answers(ID, snapshot)] == [outcome]


@table(
    ("policy", "tags_off", "expected"),
    [
        (None, False, "not-applicable"),
        ('{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}', True, "pass"),
        ('{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}', True, "pass"),
        ('{"Statement":[{"Effect":"Deny"},{"Effect":"Allow"}]}', True, "pass"),
        ('{"Statement":[{"Effect":"Allow"}]}', False, "fail"),
        ('{"Statement":[]}', True, "fail"),
        ('{"Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}', True, "fail"),
        ("{", True, "fail"),
        ("[" * 2000, True, "fail"),
        (f'{{"Statement":[{{"Effect":"Allow","Sid":"{"x" * 2048}"}}]}}', True, "fail"),
        ('{"Statement":["Allow"]}', True, "unknown"),
        ("[]", True, "unknown"),
    ],
)
def test_documents_of_session_policies(policy: str | None, tags_off: bool, expected: str) -> None:
    snapshot = healthy(associations=(association(policy=policy, disable_session_tags=tags_off),))
    assert answers(ID, snapshot) == [(expected, "error", "Association shop/orders")]


@pytest.mark.parametrize("target", ["", TARGET_ARN])
def test_a_policy_that_was_not_compared_is_not_said_to_allow_actions_of_the_role(target: str) -> None:
    limited = association(policy=json.dumps(S3), disable_session_tags=True, target_role_arn=target)
    permissions = Known(AssumePermissions(allows=("dynamodb:*",))) if target else DENIED
    verdict = only(ID, healthy(associations=(limited,), assume_permissions={ROLE_ARN: permissions}))
    assert verdict.message == "the session policy is valid; it was not compared with the role's policies"
