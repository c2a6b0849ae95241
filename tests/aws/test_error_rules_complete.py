"""The error rules as a table: each is reached, none depends on its place, and all of what AWS declares is in it."""

import json
import random

import botocore.parsers
import botocore.session
import pytest

from aws.error_answers import ORIGIN, answer, error_of
from aws.test_error_rules import CREDENTIALS, DENIALS, REFUSALS
from aws.test_marks import CALLS
from harness import table
from podid.aws import errors
from podid.aws.error_rules import SERVICE_RULES, THROTTLING_CODES
from podid.aws.errors import translate
from podid.domain.errors import PodidError, Throttled
from podid.domain.refusals import ErrorRule, closest
from rule_tables import instances, ties

# (service, operation, code, text)
KNOWN = [
    *(("eks", operation, "AccessDeniedException", text) for text, operation, *_ in DENIALS),
    *(("eks", "DescribeCluster", code, text) for code, text, _ in CREDENTIALS),
    *((service, operation, code, text) for service, operation, code, text, *_ in REFUSALS),
    *(
        ("eks-auth", "AssumeRoleForPodIdentity", code, text)
        for code, text in (
            (
                "AccessDeniedException",
                "Unauthorized Exception! EKS does not have permissions to assume the associated role.",
            ),
            ("AccessDeniedException", "User: me is not authorized to perform: eks-auth:AssumeRoleForPodIdentity"),
            ("ExpiredTokenException", "Token expired"),
            ("ExpiredTokenException", "The security token included in the request is expired"),
            ("InvalidTokenException", "Token is not valid"),
        )
    ),
    (
        "eks",
        "CreatePodIdentityAssociation",
        "ResourceInUseException",
        "Association already exists: a-9njjin9gfghecgocd",
    ),
    ("iam", "CreateRole", "LimitExceededException", "1000 roles"),
    ("eks", "DescribeCluster", "LimitExceededException", "Rate exceeded"),
    ("eks", "DescribeCluster", "TeapotException", "I am no coffee machine."),
]


def shown(known: tuple[str, str, str, str]) -> tuple[type[PodidError], str, str, str]:
    service, operation, code, text = known
    error = translate(answer(code, text), service=service, operation=operation, subject="X", origin=ORIGIN)
    return type(error), error.message, error.advice, error.permission


@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_the_rules_does_not_matter(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = [shown(known) for known in KNOWN]
    shuffled = random.Random(seed).sample(SERVICE_RULES, len(SERVICE_RULES))
    monkeypatch.setattr(errors, "SERVICE_RULES", tuple(shuffled))
    assert [shown(known) for known in KNOWN] == expected


def test_no_two_rules_fit_an_answer_equally_well() -> None:
    assert ties(SERVICE_RULES) == []


@table("rule", SERVICE_RULES)
def test_every_rule_is_reached_and_its_sentence_can_be_filled(rule: ErrorRule) -> None:
    for refusal in instances(rule, service="sts", status=400):
        assert closest(SERVICE_RULES, refusal) is rule, refusal
        error = translate(
            answer(refusal.code, refusal.text, refusal.status), service=refusal.service, operation=refusal.operation
        )
        assert "{" not in error.message + error.advice
    assert all(fragment == fragment.lower() for fragment in rule.fragments)


def test_every_throttling_code_of_botocore_is_a_throttle() -> None:
    from botocore.retries.standard import ThrottledRetryableChecker

    codes = set(ThrottledRetryableChecker._THROTTLED_ERROR_CODES)
    legacy = botocore.session.get_session().get_component("data_loader").load_data("_retry")["definitions"]
    for definition in legacy.values():
        response = definition["applies_when"].get("response", {})
        if response.get("http_status_code") == 400 and "Throttl" in response.get("service_error_code", ""):
            codes.add(response["service_error_code"])
    assert codes == set(THROTTLING_CODES)
    for code in sorted(codes):
        assert type(error_of(code, "Rate exceeded")) is Throttled, code
    assert error_of("Unheard", "slow down", status=429).message == (
        "EKS throttles requests (DescribeCluster: slow down)"
    )


def test_every_declared_error_of_the_operations_podid_uses_is_in_the_table() -> None:
    """The models declare what each operation may answer: none of it may be unclassified."""
    session = botocore.session.get_session()
    marked = {action for operation in CALLS for action in operation.__permissions__.iam}  # type: ignore[attr-defined]
    unclassified = {}
    for action in sorted(marked - {"iam:PassRole"}):
        prefix, name = action.split(":")
        service = {"access-analyzer": "accessanalyzer"}.get(prefix, prefix)  # as rights call it, and botocore
        for shape in session.get_service_model(service).operation_model(name).error_shapes:
            if type(error_of(shape.error_code, "text", service=service, operation=name)) is PodidError:
                unclassified[shape.error_code] = name
    assert unclassified == {}, json.dumps(unclassified)
