"""The check policy-uses-disabled-session-tags."""

from dataclasses import replace
from typing import Any

from checks.builder import association
from checks.grid import answers, messages
from podid.domain.snapshot import Known, Snapshot

from .worlds import UNREAD_POLICIES, allowing

READ = {"Action": "dynamodb:GetItem", "Resource": "*"}
TAGGED = {"StringEquals": {"aws:PrincipalTag/kubernetes-namespace": "shop"}}


def untagged(**statement: Any) -> Snapshot:
    return replace(allowing(**statement), associations=Known((association(disable_session_tags=True),)))


ID = "policy-uses-disabled-session-tags"
FAILS = untagged(**READ, Condition=TAGGED)
UNKNOWN = replace(UNREAD_POLICIES, associations=Known((association(disable_session_tags=True),)))
PASSES = untagged(**READ)


def test_finding_and_unknown() -> None:
    assert answers(ID, FAILS) == [("fail", "warn", "Association shop/orders")]
    assert answers(ID, UNKNOWN) == [("unknown", "warn", "Association shop/orders")]
    assert messages(ID, FAILS) == [
        "session tags are off, but policies of the role compare them: these conditions do not match as intended"
    ]
