"""Options of `podid list`: names, labels, watching."""

import pytest

from harness import Podid
from worlds import Site


@pytest.fixture
def three(site: Site) -> Site:
    for name in ("orders", "cart"):
        site.must("associate", f"shop/{name}", "--role", "storefront", "--update-trust", "--wait", "none")
    site.must("associate", "ops/agent", "--role", "storefront", "--update-trust", "--wait", "none")
    return site


def names(site: Site, *argv: str) -> list[str]:
    return site.must("list", *argv, "-o", "name").stdout.split()


def test_named_service_accounts(three: Site) -> None:
    every = names(three)
    assert len(every) == 3
    assert names(three, "shop/orders") == [name for name in every if name.endswith("shop/orders")]
    assert len(names(three, "shop/orders", "ops/agent")) == 2
    missing = three("list", "shop/orders", "shop/pay")
    assert (missing.code, missing.stdout) == (5, "")
    assert missing.stderr.startswith("Error: shop/pay has no association.\n")
    assert three("list", "shop/orders", "-n", "shop").code == 2


def test_labels_of_the_service_account(three: Site) -> None:
    three.cluster.merge("/api/v1/namespaces/shop/serviceaccounts/orders", {"metadata": {"labels": {"tier": "web"}}})
    assert [name.rpartition("/")[2] for name in names(three, "-l", "tier=web")] == ["orders"]
    empty = three("list", "--selector", "tier=nosuch")
    assert (empty.code, empty.stdout) == (0, "")
    assert "--selector tier=nosuch" in empty.stderr
    assert three("list", "-l", "tier=(").code == 2


def test_watch_prints_each_change(three: Site) -> None:
    changes = iter(["shop/cart"])

    def change(_: float) -> None:
        if (ref := next(changes, None)) is not None:
            three.podid, before = Podid(env=three.env, clock=three.clock), three.podid
            three.must("disassociate", ref, "--yes", "--wait", "none")
            three.podid = before

    three.on_sleep = change
    outcome = three("list", "--watch", "--timeout", "60s", "-o", "name")
    assert outcome.code == 0
    names = [line.rpartition("/")[2] for line in outcome.stdout.split()]
    assert names == ["agent", "cart", "orders", "agent", "orders"]
    # in a log a line for each change
    changes = iter(["shop/orders"])
    outcome = three("list", "--watch", "--timeout", "60s")
    assert outcome.code == 0
    lines = [line.split("\t") for line in outcome.stdout.splitlines() if "CHANGE" not in line]
    rows = [(sign, account) for _, sign, _, account, *_ in lines]
    assert rows == [("+", "agent"), ("+", "orders"), ("-", "orders")]
