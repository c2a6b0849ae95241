"""Associations that cannot be described are listed as unread."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from podid.aws.eks import Eks
from podid.domain.aws import Association, AssociationSummary
from podid.domain.errors import AccessDenied, CredentialsError, PodidError, Unavailable
from podid.render.formats import Format
from podid.sandbox.baseline import add_association
from worlds import Site

NAMES = ("cart", "orders", "pay")


@pytest.fixture
def three(account: Site) -> Site:
    for name in NAMES:
        add_association(account.box.world, "shop", name, "storefront")
    return account


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def fail(error: PodidError, *which: str) -> None:
        describe = Eks._find_described

        def instead(self: Eks, summary: AssociationSummary) -> Association | None:
            if summary.service_account in which:
                raise error
            return describe(self, summary)

        monkeypatch.setattr(Eks, "_find_described", instead)

    return fail


LATE = Unavailable("EKS failed with 503")
DENIED = AccessDenied("not for you", permission="eks:DescribePodIdentityAssociation")


def rows(text: str, output: Format) -> list[Any]:
    match output:
        case Format.JSON:
            return list(json.loads(text)["items"])
        case Format.YAML:
            return list(yaml.safe_load(text)["items"])
        case Format.JSONL:
            return [json.loads(line) for line in text.splitlines()]
        case _:
            return text.splitlines()


@pytest.mark.parametrize("output", Format)
def test_the_others_are_listed_and_the_row_is_marked(three: Site, failing: Callable[..., None], output: Format) -> None:
    failing(LATE, "orders")
    outcome = three("list", "-o", output)
    # names are what the list itself tells: nothing more is read for them
    assert outcome.code == (0 if output is Format.NAME else 8)
    result = rows(outcome.stdout, output)
    if output in (Format.JSON, Format.YAML, Format.JSONL):
        (unread,) = (item for item in result if "unread" in item)
        assert (unread["serviceAccount"], unread["unread"]) == (
            "orders",
            {"reason": "EKS failed with 503", "permission": None},
        )
        assert sorted(item["serviceAccount"] for item in result) == list(NAMES)
        assert all("roleArn" in item for item in result if item is not unread)
    else:
        (row,) = (line for line in result if "orders" in line)
        assert output is Format.NAME or "not read" in row
        assert output not in (Format.CSV, Format.WIDE) or "EKS failed with 503" in row
    if output in (Format.JSON, Format.JSONL):
        assert outcome.error["message"].startswith("1 of 3 associations could not be read")
        assert outcome.error["details"] == ["shop/orders: EKS failed with 503"]
    elif output is Format.NAME:
        assert outcome.stderr == ""
    else:
        assert outcome.stderr == (
            "Error: 1 of 3 associations could not be read: their roles are not known.\n"
            "  shop/orders: EKS failed with 503\n"
            f"Try:   podid list -o {output}\n"
        )


def test_a_terminal_marks_the_unread_row(three: Site, failing: Callable[..., None]) -> None:
    failing(DENIED, "orders")
    three.podid.tty, three.podid.width = True, 80
    outcome = three("list", env={"FORCE_COLOR": "1"})
    assert outcome.code == 8
    assert "\x1b[33mnot read" in outcome.stdout
    assert "Needs: eks:DescribePodIdentityAssociation" in outcome.stderr


def test_an_unread_association_may_have_the_role(three: Site, failing: Callable[..., None]) -> None:
    failing(LATE, "orders")
    outcome = three("list", "--role", "no-such-role", "-o", "name")
    assert (outcome.code, outcome.stdout) == (8, "shop/orders\n")


@pytest.mark.parametrize("output", ["json", "jsonl"])
@pytest.mark.parametrize(
    ("error", "which", "code"), [(DENIED, NAMES, 4), (LATE, NAMES, 7), (CredentialsError("expired"), ("orders",), 4)]
)
def test_no_result_is_an_error(
    three: Site, failing: Callable[..., None], error: PodidError, which: tuple[str, ...], code: int, output: str
) -> None:
    failing(error, *which)
    outcome = three("list", "-o", output)
    assert (outcome.code, outcome.error["message"]) == (code, error.message)
    assert output == "jsonl" or outcome.stdout == ""


def test_the_doctor_judges_the_others(three: Site, failing: Callable[..., None]) -> None:
    failing(DENIED, "orders")
    report = three("doctor", "--check", "role-not-found", "--check", "tool-aws-denied", "-o", "json", "--all")
    assert report.code == 9, report
    assert {item["permission"] for item in report.json["unknowns"]} == {DENIED.permission}
    assert {item["id"] for item in report.json["unknowns"]} == {"role-not-found", "tool-aws-denied"}
    (passed,) = [item for item in report.json["verdicts"] if item["outcome"] == "pass"]
    assert (passed["id"], passed["subject"]["name"]) == ("role-not-found", "storefront")
    assert three("doctor", "shop/cart", "--check", "role-not-found").code == 0
    assert three("doctor", "shop/orders", "--check", "role-not-found").code == 9


@pytest.mark.parametrize("output", [Format.TABLE, Format.JSON, Format.JSONL])
def test_the_only_cluster_that_cannot_be_listed_is_not_reported_as_empty(three: Site, output: Format) -> None:
    three.box.world.credentials.deny("eks:ListPodIdentityAssociations")
    outcome = three("list", "--all-clusters", "-o", output)
    assert (outcome.code, outcome.stdout) == (4, ""), outcome
    assert "no pod identity associations" not in outcome.stderr
