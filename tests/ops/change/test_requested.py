"""The rules for plans from elsewhere. Attacks by a saved plan: tests/commands/declare/test_saved.py; by a journal:
tests/ops/change/test_undo.py and tests/commands/history/test_undoing.py."""

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness import table
from ops.change.forging import CALLER, judged
from ops.change.support import ACCOUNT
from podid.domain.errors import AccessDenied
from podid.domain.plan import Action, Header, Plan
from podid.ops.change.kinds import ROLE_ATTACHMENT, ROLE_POLICY, ROLE_TRUST
from podid.ops.change.requested import RULES

HEADER = Header(caller_arn=CALLER, account=ACCOUNT, region="us-west-2", cluster="demo")
ROOT = Path(__file__).parents[3]


def clients(document: object = None) -> Any:
    def several(arns: Sequence[str]) -> dict[str, object]:
        return dict.fromkeys(arns, document)

    return SimpleNamespace(iam=SimpleNamespace(find_role=lambda name: None, get_managed_documents=several))


def policy(*actions: str, **more: object) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*", **more}
    return {"Version": "2012-10-17", "Statement": [statement]}


def writing(document: object, before: object = None) -> Action:
    old, new = (
        None if item is None else {"roleName": "x", "policyName": "p", "policyDocument": item}
        for item in (before, document)
    )
    return ROLE_POLICY.action(old, new)


@table(
    ("action", "answer"),
    [
        (writing(policy("s3:GetObject")), ""),
        (writing(policy("iam:CreateAccessKey")), "iam:CreateAccessKey"),
        (writing(policy("iam:CreateAccessKey", "s3:*"), policy("iam:CreateAccessKey")), ""),
        (
            writing(policy("iam:CreateAccessKey", "iam:PutUserPolicy"), policy("iam:CreateAccessKey")),
            "iam:PutUserPolicy",
        ),
        (writing(None, policy("*")), ""),
    ],
)
def test_an_inline_policy_that_opens_a_way(action: Action, answer: str) -> None:
    sentences = judged(Plan(header=HEADER, actions=(action,)), clients())
    expected = f"role x may become administrator: {answer} (policy p)"
    assert sentences == ((expected,) if answer else ())


@table(
    ("name", "document", "answer"),
    [
        ("aws:policy/Mine", policy("*"), "role x would be administrator: all actions"),
        ("aws:policy/Mine", policy("s3:*"), ""),
        # the document decides, not the name
        ("aws:policy/IAMFullAccess", policy("iam:GetUser"), ""),
        (
            "aws:policy/IAMFullAccess",
            AccessDenied("no"),
            "role x may become administrator: managed policy IAMFullAccess",
        ),
        ("aws:policy/job-function/DataScientist", AccessDenied("no"), "managed policy DataScientist"),
        ("aws:policy/Mine", AccessDenied("no"), "could not be read: no"),
        (f"{ACCOUNT}:policy/IAMFullAccess", AccessDenied("no"), "could not be read: no"),
    ],
)
def test_a_managed_policy_is_read_or_known_by_name(name: str, document: object, answer: str) -> None:
    state = ROLE_ATTACHMENT.state_of("x", f"arn:aws:iam::{name}")
    sentences = judged(Plan(header=HEADER, actions=(ROLE_ATTACHMENT.action(None, state),)), clients(document))
    assert len(sentences) == bool(answer)
    assert all(answer in sentence for sentence in sentences)


def test_a_trust_policy_that_cannot_be_read_is_refused() -> None:
    from podid.domain.errors import Conflict

    old, new = ({"roleName": "x", "policyDocument": {"Statement": item}} for item in ([], ["x"]))
    with pytest.raises(Conflict, match="A trust policy in the journal cannot be read"):
        judged(Plan(header=HEADER, actions=(ROLE_TRUST.action(old, new),)), clients())


def test_the_table_in_security_has_each_rule() -> None:
    text = (ROOT / "SECURITY.md").read_text()
    assert [rule.title for rule in RULES if f"| {rule.title} |" not in text] == []
