"""Every legal form is read and printed back; what is malformed is refused with its place."""

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

import pytest

from domain.trust.trust_helpers import PODS, policy, statement
from harness import table
from podid.domain.errors import InvalidInput
from podid.domain.trust import TrustPolicyError, parse_policy

DOCUMENT: dict[str, Any] = {
    "Version": "2008-10-17",
    "Id": "kept",
    "Statement": [
        statement(Sid="One", Action="sts:AssumeRole"),
        {"Effect": "Deny", "NotPrincipal": {"AWS": ["1", "2"]}, "NotAction": ["sts:*"], "Condition": {}},
        statement({"StringLike": {"b": ["x", True, 1, 1.5], "a": "ä"}}, Principal="*"),
        statement(
            Principal={"AWS": "1", "Federated": ["a", "b"], "CanonicalUser": "c", "Service": []},
        ),
    ],
}


@table(
    "form",
    [
        DOCUMENT,
        MappingProxyType(DOCUMENT),
        json.dumps(DOCUMENT),
        json.dumps(DOCUMENT, indent=4),
        "\ufeff" + json.dumps(DOCUMENT),
        json.dumps(DOCUMENT, ensure_ascii=False).encode(),
        b"\xef\xbb\xbf" + json.dumps(DOCUMENT).encode(),
        quote(json.dumps(DOCUMENT), safe=""),
        "\n" + quote(json.dumps(DOCUMENT)),
    ],
)
def test_every_form_is_printed_back_with_equal_values_in_order(form: str | bytes | Mapping[str, object]) -> None:
    parsed = parse_policy(form)
    assert json.dumps(parsed.to_document()) == json.dumps(DOCUMENT)
    assert parsed.to_json() == json.dumps(DOCUMENT, separators=(",", ":"), ensure_ascii=False)
    assert parse_policy(parsed.to_json()) == parsed


def test_a_policy_without_statements_is_legal() -> None:
    document: dict[str, Any] = {"Version": "2012-10-17", "Statement": []}
    parsed = parse_policy(document)
    assert (parsed.statements, parsed.single, parsed.to_document()) == ((), False, document)
    assert parsed.with_statements([statement()]).to_document()["Statement"] == [statement()]


def test_members_of_statements() -> None:
    one, deny, everybody, many = parse_policy(DOCUMENT).statements
    assert (one.index, one.sid, one.allow, one.principals) == (0, "One", True, (("Service", PODS),))
    assert (one.actions, one.not_action, one.label) == (("sts:AssumeRole",), False, "Statement[0] (One)")
    assert (deny.allow, deny.not_principal, deny.not_action, deny.label) == (False, True, True, "Statement[1]")
    assert everybody.principals == (("*", "*"),)
    assert [(c.operator, c.key, c.values) for c in everybody.conditions] == [
        ("StringLike", "b", ("x", "true", "1", "1.5")),
        ("StringLike", "a", ("ä",)),
    ]
    assert many.principals == (("AWS", "1"), ("Federated", "a"), ("Federated", "b"), ("CanonicalUser", "c"))


def test_a_single_statement_stays_without_a_list() -> None:
    document = {"Statement": statement()}
    assert parse_policy(document).to_document() == document
    assert parse_policy(document).single is True


def test_the_parsed_policy_does_not_share_values_with_its_source() -> None:
    document = {"Statement": [statement(Action=["sts:AssumeRole"])]}
    parsed = parse_policy(document)
    document["Statement"][0]["Action"].append("sts:TagSession")
    parsed.to_document().clear()
    assert parsed.statements[0].actions == ("sts:AssumeRole",)
    assert parsed.to_document() == {"Statement": [statement(Action=["sts:AssumeRole"])]}


def test_unknown_members_are_kept() -> None:
    document = {"Future": {"x": [None]}, "Statement": [statement(Resource="*")]}
    assert parse_policy(document).to_document() == document
    assert parse_policy(document).statements[0].strange == ("Resource",)


def _bad(*statements: object) -> dict[str, object]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


@table(
    ("document", "message"),
    [
        ("", "line 1, column 1: this is not JSON: Expecting value"),
        ("{", "line 1, column 2: this is not JSON: Expecting property name enclosed in double quotes"),
        (b"\xff\xfe", "this is not JSON: the text is not UTF-8"),
        ("%FF", "this is not JSON: the text is not UTF-8"),
        ('{"a": NaN}', "this is not JSON: NaN is not a JSON value"),
        ("[" * 100_000, "this is not a policy: it is nested too deeply"),
        ("[]", "a trust policy is a JSON object, not a list"),
        ('"x"', "a trust policy is a JSON object, not text"),
        ("1", "a trust policy is a JSON object, not a number"),
        ("null", "a trust policy is a JSON object, not null"),
        ({}, "Statement: is missing"),
        ({"Version": 1, "Statement": []}, "Version: must be text, not a number"),
        ({"Statement": "x"}, "Statement: must be a statement or a list of them, not text"),
        (_bad(statement(), "x"), "Statement[1]: must be an object, not text"),
        (_bad(statement(Sid=1)), "Statement[0].Sid: must be text, not a number"),
        (_bad(statement(Effect=None)), "Statement[0].Effect: is missing"),
        (_bad(statement(Effect="allow")), "Statement[0].Effect: must be Allow or Deny, not 'allow'"),
        (_bad(statement(Effect=["Allow"])), "Statement[0].Effect: must be Allow or Deny, not ['Allow']"),
        (_bad(statement(Principal=None)), "Statement[0].Principal: is missing"),
        (_bad(statement(NotPrincipal="*")), "Statement[0].NotPrincipal: cannot be used together with Principal"),
        (_bad(statement(Action=None)), "Statement[0].Action: is missing"),
        (_bad(statement(NotAction="*")), "Statement[0].NotAction: cannot be used together with Action"),
        (_bad(statement(Action=[1])), "Statement[0].Action[0]: must be text, not a number"),
        (_bad(statement(Action={})), "Statement[0].Action: must be text, not an object"),
        (
            _bad(statement(Principal=PODS)),
            'Statement[0].Principal: must be "*" or an object such as {"Service": "pods.eks.amazonaws.com"}',
        ),
        (_bad(statement(Principal={"AWS": 1})), "Statement[0].Principal.AWS: must be text, not a number"),
        (
            _bad(statement(Principal={"AWS": ["a", True]})),
            "Statement[0].Principal.AWS[1]: must be text, not true or false",
        ),
        (_bad(statement(Condition=[])), "Statement[0].Condition: must be an object, not a list"),
        (
            _bad(statement(), statement({"StringEquals": "x"})),
            "Statement[1].Condition.StringEquals: must be an object, not text",
        ),
        (
            _bad(statement({"Bool": {"k": {}}})),
            "Statement[0].Condition.Bool.k: must be text, a number, true or false, not an object",
        ),
        (
            _bad(statement({"Bool": {"k": ["a", None]}})),
            "Statement[0].Condition.Bool.k[1]: must be text, a number, true or false, not null",
        ),
        ({"Statement": statement(Effect="x")}, "Statement.Effect: must be Allow or Deny, not 'x'"),
        ('{"Statement": [], "Statement": []}', "Statement: appears twice"),
        (
            '{"Statement": [{"Condition": {"StringEquals": {"k": 1, "k": 2}}}]}',
            "Statement[0].Condition.StringEquals.k: appears twice",
        ),
        ({"Statement": [{1: 2}]}, "Statement[0]: has a member name that is not text: 1"),
        ({"Id": object(), "Statement": []}, "Id: contains a value that is not JSON, or a number out of range"),
        ({"Id": float("inf")}, "Id: contains a value that is not JSON, or a number out of range"),
        ({"Id": 2**70}, "Id: contains a value that is not JSON, or a number out of range"),
        ('{"Id": ' + "[" * 30 + "]" * 30 + "}", "Id" + "[0]" * 20 + ": is nested too deeply for a policy"),
    ],
)
def test_malformed_documents_are_refused_with_their_place(
    document: str | bytes | Mapping[str, object], message: str
) -> None:
    with pytest.raises(TrustPolicyError) as refused:
        parse_policy(document)
    assert str(refused.value) == message
    assert isinstance(refused.value, InvalidInput)
    assert message.startswith(refused.value.place)


def test_a_document_that_holds_itself_is_refused() -> None:
    document: dict[str, object] = {}
    document["Statement"] = document
    with pytest.raises(TrustPolicyError, match="is nested too deeply for a policy"):
        parse_policy(document)


def test_other_statements_keep_the_rest_of_the_document() -> None:
    parsed = parse_policy({"Id": "kept", "Statement": statement(Sid="A")})
    two = parsed.with_statements([statement(Sid="A"), statement(Sid="B")])
    assert two.to_document() == {"Id": "kept", "Statement": [statement(Sid="A"), statement(Sid="B")]}
    assert two.with_statements([statement(Sid="A")]) == parsed
    listed = policy(statement(Sid="A"), statement(Sid="B"))
    assert listed.with_statements([statement(Sid="A")]) == policy(statement(Sid="A"))
