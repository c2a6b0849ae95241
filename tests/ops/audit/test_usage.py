"""The use of permissions in the privileges of a service account, by IAM's reports."""

from typing import Any

import pytest

from checks.builder import NOW
from ops.audit.roles import aged, allow, put_policy, tried
from podid.calls.patience import Clock, Patience
from podid.domain.errors import AccessDenied
from podid.domain.iam import AccessedService
from podid.domain.section import Known, Missing
from podid.ops.audit.usage import read_usage
from worlds import Site


class Reports:
    """An IAM whose reports are ready after a number of requests, or that denies one."""

    def __init__(self, **requests: int) -> None:
        self.requests = requests

    def start_usage_report(self, arn: str) -> str:
        if arn == "denied":
            raise AccessDenied("no", permission="iam:GenerateServiceLastAccessedDetails")
        return f"job of {arn}"

    def find_usage_report(self, job: str, arn: str) -> tuple[AccessedService, ...] | None:
        assert job == f"job of {arn}"
        self.requests[arn] -= 1
        return None if self.requests[arn] > 0 else (AccessedService(name=arn),)


def test_reports_are_read_until_the_time_is_over() -> None:
    seconds = [0.0]

    def sleep(pause: float) -> None:
        seconds[0] += pause

    clock = Clock(lambda: NOW, lambda: seconds[0], sleep)
    iam: Any = Reports(slow=4, fast=1, late=1000)
    usage = read_usage(iam, ("slow", "fast", "late", "denied", "fast"), Patience(20, clock, lambda text: None))
    assert {arn: [*section.value] for arn, section in usage.items() if isinstance(section, Known)} == {
        "fast": ["fast"],
        "slow": ["slow"],
    }
    missing = {arn: section for arn, section in usage.items() if isinstance(section, Missing)}
    assert missing["denied"].permission == "iam:GenerateServiceLastAccessedDetails"
    assert missing["late"].reason == "IAM did not finish the report on last use in time"
    assert seconds[0] == 20


@pytest.fixture
def old(shared: Site) -> Site:
    return aged(shared)


def privileges(site: Site, *argv: str) -> dict[str, Any]:
    document: dict[str, Any] = site.must("privileges", *argv, "-o", "json").json
    return document


# first, because the other tests share a world until the end of the module
def test_the_use_of_a_new_role_is_not_known(healthy: Site) -> None:
    document = privileges(healthy, "shop/orders")
    assert (document["since"], {item["used"] for item in document["services"]}) == (None, {None})
    assert "not known: the last use: the role is younger than the window" in healthy("privileges", "shop/orders").stderr
    assert "the role is younger than the window" in healthy("show", "shop/orders", "--unused").stdout


def test_privileges_have_their_use(old: Site) -> None:
    put_policy(old, allow("sqs:GetQueueUrl", "sqs:CreateQueue", "sqs:SendMessage", "s3:GetObject"))
    tried(old, "sqs", "GetQueueUrl")
    tried(old, "sqs", "CreateQueue", days=95)
    document = privileges(old, "shop/orders")
    use = {item["service"]: (item["used"], item["lastUsedAt"] is not None) for item in document["services"]}
    assert use == {"s3": (False, False), "sqs": (True, True)}
    (sqs,) = [item for item in document["services"] if item["service"] == "sqs"]
    # IAM does not track SendMessage
    assert [name for level in sqs["levels"] for name in level["unused"]] == ["sqs:CreateQueue"]
    assert document["since"] is not None
    outcome = old.must("privileges", "shop/orders")
    assert [line.rpartition("\t")[2] for line in outcome.stdout.splitlines()] == [
        "unused",
        "used, 1 action unused",
    ]
    assert "Not used since" in outcome.stderr
    assert "by IAM's report on the role: s3" in outcome.stderr
    longer = privileges(old, "shop/orders", "--older-than", "100d")
    unused = [name for item in longer["services"] for level in item["levels"] for name in level["unused"]]
    assert unused == ["s3:GetObject"]


def test_show_names_unused_services_on_request(old: Site) -> None:
    tried(old, "dynamodb", "GetItem", days=100)
    assert "Not used since" not in old("show", "shop/orders").stdout
    assert "by IAM's report on the role: dynamodb" in old("show", "shop/orders", "--unused").stdout


@pytest.mark.parametrize("action", ["GenerateServiceLastAccessedDetails", "GetServiceLastAccessedDetails"])
def test_privileges_without_the_permission_to_read_their_use(old: Site, action: str) -> None:
    old.box.world.credentials.deny(f"iam:{action}")
    outcome = old.must("privileges", "shop/orders")
    assert (outcome.stdout.splitlines()[0].rpartition("\t")[2], f"requires iam:{action}" in outcome.stderr) == (
        "-",
        True,
    )


@pytest.mark.parametrize("command", ["unused", "graph"])
def test_a_service_account_without_an_association(shared: Site, command: str) -> None:
    outcome = shared(command, "payments/billing-worker")
    assert (outcome.code, outcome.stdout) == (5, "")
    assert "payments/billing-worker has no association in cluster demo" in outcome.stderr
