"""Rules for errors of services: the most specific one is used, whatever the order."""

from itertools import permutations
from typing import Any

from podid.domain.errors import AccessDenied, AlreadyExists, PodidError, Rejected
from podid.domain.refusals import ErrorRule, Refusal, argv, closest

ANY = ErrorRule(PodidError, "any")
OF_CODE = ErrorRule(PodidError, "code", codes=("Denied",))
OF_SERVICE = ErrorRule(PodidError, "service", service="eks")
OF_TEXT = ErrorRule(PodidError, "text", fragments=("not allowed",))
LONGER = ErrorRule(PodidError, "longer", fragments=("is not allowed here",))


def test_the_most_specific_rule_is_used() -> None:
    def used(**members: Any) -> set[str]:
        refusal = Refusal(**({"service": "iam"} | members))
        return {closest(rules, refusal).sentence for rules in permutations((ANY, OF_CODE, OF_SERVICE, OF_TEXT, LONGER))}

    assert used() == {"any"}
    assert used(code="Denied") == {"code"}
    assert used(code="Denied", service="eks") == {"service"}
    assert used(code="Denied", service="eks", text="It is Not Allowed") == {"text"}
    assert used(text="it is NOT allowed here") == {"longer"}


def test_every_condition_of_a_rule_must_match() -> None:
    rule = ErrorRule(PodidError, "x", service="eks", operations=("A", "B"), codes=("C",), statuses=(400,))
    match = {"service": "eks", "operation": "B", "code": "C", "status": 400}
    assert rule.fit(Refusal(**match)) is not None  # type: ignore[arg-type]
    for member, other in (("service", "iam"), ("operation", "D"), ("code", ""), ("status", 500)):
        assert rule.fit(Refusal(**(match | {member: other}))) is None, member  # type: ignore[arg-type]


def test_the_error_of_a_rule() -> None:
    rule = ErrorRule(
        AlreadyExists, "{what} exists", hint=("podid", "show", "{what}"), advice="See {what}.", subject="{what}", id="x"
    )
    error = rule.make(Refusal(service="eks"), {"what": "a/b", "existing": "a-1"}, request_id="r-1")
    assert isinstance(error, AlreadyExists)
    assert (error.message, error.advice, error.subject, error.id) == ("a/b exists", "See a/b.", "a/b", "x")
    assert (error.existing_id, error.hint, error.request_id) == ("a-1", ("podid", "show", "a/b"), "r-1")
    denied = ErrorRule(AccessDenied, "x").make(Refusal(service="eks"), {"permission": "eks:X"})
    assert denied.permission == "eks:X"
    for refusal, code in ((Refusal(service="eks", code="C"), "C"), (Refusal(service="eks", status=400), "400")):
        rejected = ErrorRule(Rejected, "x").make(refusal, {})
        assert isinstance(rejected, Rejected)
        assert rejected.service_code == code


def test_a_command_line_without_a_required_word_is_omitted() -> None:
    line = ("aws", "login", ("--profile", "{profile}"), "{name}")
    assert argv(line, {"profile": "dev", "name": "a"}) == ("aws", "login", "--profile", "dev", "a")
    assert argv(line, {"profile": "", "name": "a"}) == ("aws", "login", "a")
    assert argv(line, {"profile": "dev", "name": ""}) == ()
