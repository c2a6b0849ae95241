"""Sections: known or missing, with the reason and the error that they lead to."""

from collections.abc import Mapping

import pytest

from harness import table
from podid.domain.errors import AccessDenied, Again, CredentialsError, NotFound, PodidError, Unavailable
from podid.domain.section import (
    NOT_READ,
    Known,
    Missing,
    Section,
    attempt,
    crashed,
    error_of,
    known,
    known_or,
    missing,
    part,
    section_of,
    whole,
)

DENIED = AccessDenied("me is not authorized", permission="iam:GetRole", advice="Ask.", hint=("aws", "sso", "login"))


def test_an_error_becomes_a_missing_section_and_an_error_again() -> None:
    section = missing(DENIED)
    assert section == Missing("me is not authorized", "iam:GetRole", "AccessDenied")
    again = error_of(section)
    assert (type(again), again.message, again.permission) == (AccessDenied, DENIED.message, "iam:GetRole")
    assert (again.advice, again.hint) == ("Ask.", ("aws", "sso", "login"))
    # a changed command line of podid does not fit another command
    assert missing(NotFound("x", hint=Again(add=("--yes",)))).hint == ()


@table(
    ("section", "kind"),
    [
        (Missing("x"), Unavailable),
        (Missing("x", "iam:GetRole"), AccessDenied),
        (Missing("x", error_code="Credentials"), CredentialsError),
        (Missing("x", error_code="NotFound"), Unavailable),
    ],
)
def test_the_error_for_a_missing_section(section: Missing, kind: type[PodidError]) -> None:
    assert type(error_of(section)) is kind


def test_only_errors_of_podid_are_missing_sections() -> None:
    def denied() -> int:
        raise DENIED

    assert (attempt(lambda: 1), attempt(denied)) == (Known(1), missing(DENIED))
    assert (section_of(1), section_of(DENIED)) == (Known(1), missing(DENIED))
    with pytest.raises(ZeroDivisionError):
        attempt(lambda: 1 // 0)


def test_a_bug_is_shown_without_the_message_of_its_exception() -> None:
    try:
        raise ValueError("s3cret")
    except ValueError as error:
        section = crashed(error)
    assert "s3cret" not in section.reason
    assert section.reason.startswith("INTERNAL: ValueError at test_section.py:")


def test_the_parts_of_a_section() -> None:
    parts: Section[Mapping[str, Section[int]]] = Known({"a": Known(1), "b": missing(DENIED)})
    assert (part(parts, "a"), part(parts, "b"), part(parts, "c")) == (Known(1), missing(DENIED), NOT_READ)
    assert part(Missing("x"), "a") == Missing("x")
    assert whole(parts) == missing(DENIED)
    complete: Section[Mapping[str, Section[int]]] = Known({"a": Known(1)})
    assert whole(complete) == Known({"a": 1})
    assert whole(Missing("x")) == Missing("x")


def test_a_check_cannot_use_a_section_that_is_missing() -> None:
    assert (known(Known(0)), known_or(Known(0), 5), known_or(Missing("x"), 5)) == (0, 0, 5)
    with pytest.raises(LookupError, match="without being declared: x"):
        known(Missing("x"))
