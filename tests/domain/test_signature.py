"""Signatures of saved plans."""

from typing import Any

import pytest

from harness import table
from podid.domain.errors import Conflict, UsageError
from podid.domain.signature import check_signature, plan_key, signed

KEY = b"a key of a pipeline"
DOCUMENT: dict[str, Any] = {"kind": "SavedFilePlan", "savedAt": "2026-12-03T00:00:00Z", "parts": [{"notes": ["é"]}]}


def test_a_signed_document_is_accepted_with_its_key_only() -> None:
    document = signed(DOCUMENT, KEY)
    assert document["signature"].startswith("hmac-sha256:")
    assert check_signature(document, KEY, "plan.json") is True
    assert check_signature(dict(reversed(document.items())), KEY, "plan.json") is True
    with pytest.raises(Conflict, match=r"The signature of plan\.json does not match"):
        check_signature(document, b"another key", "plan.json")


def test_without_a_key_nothing_is_signed_or_checked() -> None:
    assert signed(DOCUMENT, None) == DOCUMENT
    assert check_signature({**DOCUMENT, "signature": "x"}, None, "plan.json") is False


@table(
    ("change", "words"),
    [
        ({"kind": "MigrationPlan"}, "does not match"),
        ({"savedAt": "2027-01-01T00:00:00Z"}, "does not match"),
        ({"parts": []}, "does not match"),
        ({"more": 1}, "does not match"),
        ({"signature": "hmac-sha256:00"}, "does not match"),
        ({"signature": "é"}, "does not match"),
        ({"signature": 1}, "does not match"),
        ({"signature": None}, "is not signed"),
    ],
)
def test_each_change_is_noticed(change: dict[str, Any], words: str) -> None:
    with pytest.raises(Conflict, match=words):
        check_signature({**signed(DOCUMENT, KEY), **change}, KEY, "plan.json")


def test_an_unsigned_document_is_refused() -> None:
    with pytest.raises(Conflict, match=r"plan\.json is not signed"):
        check_signature(DOCUMENT, KEY, "plan.json")


def test_an_empty_key_is_an_error() -> None:
    assert plan_key(" k\n", "x") == b"k"
    for text in ("", " \n"):
        with pytest.raises(UsageError, match="The plan key in PODID_PLAN_KEY is empty"):
            plan_key(text, "PODID_PLAN_KEY")
