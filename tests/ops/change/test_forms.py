"""The form of actions that a file from elsewhere contains."""

from dataclasses import replace

import pytest

from harness import table
from podid.domain.foreign import Malformed
from podid.domain.plan import Action, State, Verb
from podid.ops.change.forms import check_form
from podid.ops.change.kinds import KINDS, kind_of

POLICY = {"Version": "2012-10-17", "Statement": []}
ASSOCIATION = {"namespace": "shop", "serviceAccount": "orders", "roleArn": "arn:aws:iam::111122223333:role/x"}
TARGET = {"targetRoleArn": "x", "policyDocument": POLICY}
SETTINGS = {"roleName": "x", "description": "", "maxSessionDuration": 3600, "permissionsBoundary": "", "tags": {}}


def change(kind: str, before: State | None, after: State | None) -> Action:
    return kind_of(kind).action(before, after)


@table(
    ("kind", "before", "after"),
    [
        ("association", None, {**ASSOCIATION, "targetRoleArn": None, "disableSessionTags": True, "tags": {"a": "b"}}),
        ("association", {**ASSOCIATION, "policy": None}, None),
        ("role", None, {"roleName": "x", "trustPolicy": POLICY}),
        ("role-policy", None, {"roleName": "x", "policyName": "p", "policyDocument": POLICY}),
        ("role-settings", SETTINGS, {**SETTINGS, "description": "new"}),
        ("addon", None, {"addonName": "eks-pod-identity-agent", "resolveConflicts": "NONE", "roles": {}}),
        ("oidc-provider", None, {"providerArn": "arn:aws:iam::1:oidc-provider/x", "clientIds": ["a"]}),
    ],
)
def test_actions_as_podid_records_them(kind: str, before: State | None, after: State | None) -> None:
    check_form(change(kind, before, after))


@table(
    ("kind", "before", "after", "words"),
    [
        ("association", None, {**ASSOCIATION, "more": 1}, "more is not a member of a association"),
        ("association", None, {**ASSOCIATION, "tags": {"a": 1}}, "tags of shop/orders has another type"),
        ("association", None, {**ASSOCIATION, "tags": []}, "another type"),
        ("association", None, {**ASSOCIATION, "disableSessionTags": "yes"}, "another type"),
        ("association", None, {**ASSOCIATION, "roleArn": None}, "another type"),
        ("association", None, {"namespace": "shop", "serviceAccount": "orders"}, "lacks roleArn"),
        ("association", ASSOCIATION, ASSOCIATION, "changes nothing"),
        ("association", ASSOCIATION, {**ASSOCIATION, "serviceAccount": "cart"}, "different resources"),
        ("association", None, {**ASSOCIATION, "namespace": "../x"}, "not a service account"),
        ("association", None, {**ASSOCIATION, "serviceAccount": "A"}, "A"),
        ("role", None, {"roleName": "x"}, "lacks trustPolicy"),
        ("role", None, {"roleName": "a/b", "trustPolicy": POLICY}, "a path and a role name"),
        ("role", None, {"roleName": "x", "trustPolicy": "{}"}, "another type"),
        ("role", None, {"roleName": "x", "trustPolicy": POLICY, "maxSessionDuration": True}, "another type"),
        ("role-settings", SETTINGS, {"roleName": "x", "tags": {}}, "lacks description"),
        ("role-policy", None, {"roleName": "x", "policyName": "p"}, "lacks policyDocument"),
        ("role-trust", None, {"roleName": "x", "policyDocument": POLICY}, "podid does not create a role-trust"),
        ("role-settings", SETTINGS, None, "podid does not delete a role-settings"),
        ("role-attachment", None, {"roleName": "x", "policyArn": "arn:aws:s3:::x"}, "managed policy"),
        ("target-trust", TARGET, {**TARGET, "policyDocument": {"Statement": [{}]}}, "ARN"),
        ("association", None, {**ASSOCIATION, "tags": {"a": "b\x1b"}}, "control characters"),
        ("association", None, {**ASSOCIATION, "tags": {"a": "b\x9b"}}, "control characters"),
        ("addon", None, {"addonName": "x", "resolveConflicts": "ALWAYS"}, "another type"),
    ],
)
def test_another_form_is_refused(kind: str, before: State | None, after: State | None, words: str) -> None:
    with pytest.raises(Malformed, match=words):
        check_form(change(kind, before, after))


def test_an_unknown_kind_is_refused() -> None:
    action = replace(change("association", None, ASSOCIATION), kind="iam-user")
    with pytest.raises(Malformed, match="'iam-user' is no kind of resource"):
        check_form(action)


def test_each_kind_has_a_form_that_can_be_checked() -> None:
    for kind in KINDS:
        members = dict.fromkeys(kind.state.__annotations__, object())
        verb = next(verb for verb in kind.operations if verb is not Verb.NONE)
        action = Action(kind.name, verb, {}, None, members)
        with pytest.raises(Malformed, match="has another type"):
            check_form(action)
