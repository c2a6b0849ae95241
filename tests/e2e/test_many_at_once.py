"""What is read of many associations is read at once: one after the other, hundreds of them took half a minute."""

import threading
from typing import Any

import pytest

from podid.aws.eks import Eks
from worlds import Site

TWO = ("shop/orders", "payments/billing-worker")


@pytest.fixture
def two(site: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    """Both with one role; from here on neither is found before the other is looked for."""
    site.with_agent().must("associate", *TWO, "--role", "storefront", "--wait", "api")
    together, find = threading.Barrier(2), Eks.find_association

    def finding(self: Eks, *given: Any) -> Any:
        together.wait(20)
        return find(self, *given)

    monkeypatch.setattr(Eks, "find_association", finding)
    site.box.faults.calls.clear()
    return site


def test_verify(two: Site) -> None:
    """A role that both have is read once."""
    two.wait(120)  # what is settling is read again
    two.box.faults.calls.clear()
    outcome = two("verify", *TWO, "--yes", "-o", "json")
    assert [item["serviceAccount"] for item in outcome.json["items"]] == ["billing-worker", "orders"], outcome
    assert two.box.faults.calls["iam", "GetRole"] == 1


def test_undo(two: Site) -> None:
    outcome = two.must("undo", "last", "--dry-run", "-o", "json")
    assert [(item["verb"], item["kind"]) for item in outcome.json["actions"]] == [("delete", "association")] * 2
