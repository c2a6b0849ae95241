"""What becomes of an answer between the SDK and a gateway."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest
from botocore.parsers import ResponseParserError

from podid.aws.api import Api
from podid.aws.errors import Origin
from podid.aws.form import RawAnswer, last_answer
from podid.calls.pacing import Pacer
from podid.domain.errors import PodidError, Throttled, UnreadableAnswer
from podid.domain.foreign import Object, text


def api(service: str, **methods: Any) -> Api:
    meta = SimpleNamespace(service_model=SimpleNamespace(service_name=service))
    return Api(SimpleNamespace(meta=meta, **methods), Pacer(patience=0), Origin())


def test_errors_of_a_page_that_is_read_late() -> None:
    def lazily(page: Object) -> Iterator[str]:
        yield text(page, "RouteTableId")

    ec2 = api("ec2", describe_route_tables=lambda: {"RouteTables": []})
    tables = ec2.items("DescribeRouteTables", {}, "them", lazily)
    with pytest.raises(UnreadableAnswer, match=r"^EC2's answer to DescribeRouteTables for them cannot be read: Rou"):
        list(tables)


@pytest.mark.parametrize(
    ("status", "error", "message"),
    [
        (429, Throttled, "IAM throttles requests (GetRole: no explanation)"),
        (403, UnreadableAnswer, "the response to GetRole for it, HTTP 403, does not have the format of IAM ("),
        (200, UnreadableAnswer, "IAM's answer to GetRole for it cannot be read: it does not match the service's API"),
    ],
)
def test_the_status_of_an_answer_that_is_not_xml(status: int, error: type[PodidError], message: str) -> None:
    """botocore reports an empty body of an error as unparsable, without the status."""

    def fail() -> NoReturn:
        last_answer.set(RawAnswer(status))
        raise ResponseParserError("no element found")

    with pytest.raises(error) as caught:
        api("iam", get_role=fail).read("GetRole", {}, "it", dict)
    assert str(caught.value).startswith(message)


def test_a_name_that_is_repeated_is_one_name() -> None:
    """Each is described by a call of its own: an answer of a thousand times the same one would take minutes."""
    pages = {None: {"addons": ["x", "y", *["x"] * 1000], "nextToken": "2"}, "2": {"addons": ["x", "z"]}}
    listing = api("eks", list_addons=lambda **asked: pages[asked.get("nextToken")])
    assert list(listing.names("ListAddons", {}, "them", "addons")) == ["x", "y", "z"]


def test_a_page_that_is_cut_off_without_the_position_of_the_next_one() -> None:
    listing = api("iam", list_roles=lambda: {"Roles": [], "IsTruncated": True})
    with pytest.raises(UnreadableAnswer, match=r"cannot be read: it is truncated and has no Marker$"):
        list(listing.names("ListRoles", {}, "the roles", "Roles"))


def test_an_account_has_regions() -> None:
    """None of them would hold a user of a role."""
    ec2 = api("ec2", describe_regions=lambda: {"Regions": []})
    with pytest.raises(UnreadableAnswer, match=r"cannot be read: it lists nothing$"):
        ec2.some("DescribeRegions", {}, "the regions", lambda answer: answer["Regions"])
