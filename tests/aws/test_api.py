"""What becomes of an answer between the SDK and a gateway."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from podid.aws.api import Api
from podid.aws.errors import Origin
from podid.calls.pacing import Pacer
from podid.domain.errors import UnreadableAnswer
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


def test_a_name_that_is_repeated_is_one_name() -> None:
    """Each is described by a call of its own: an answer of a thousand times the same one would take minutes."""
    pages = {None: {"addons": ["x", "y", *["x"] * 1000], "nextToken": "2"}, "2": {"addons": ["x", "z"]}}
    listing = api("eks", list_addons=lambda **asked: pages[asked.get("nextToken")])
    assert list(listing.names("ListAddons", {}, "them", "addons")) == ["x", "y", "z"]
