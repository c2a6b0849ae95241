"""Options and rows of `podid list`."""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from harness import Podid
from ops.association.worlds import with_two_clusters
from podid.aws.eks import Eks
from podid.cli.terminal import Terminal
from podid.sandbox.box import Sandbox
from worlds import Site


@pytest.mark.parametrize("text", ["rolle", "role,nope", "role,"])
def test_an_unknown_column_is_refused(site: Site, text: str) -> None:
    outcome: Any = site("list", "--columns", text, "-o", "json")
    assert outcome.code == 2
    assert "is not one of namespace" in outcome.error["message"]


def test_a_region_without_clusters(site: Site) -> None:
    outcome = site("list", "--all-clusters", "--region", "eu-west-1")
    assert outcome.code == 5
    assert "No EKS cluster found in eu-west-1" in outcome.stderr


def test_rows_are_printed_as_they_arrive(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first row is printed before the last association is read, unless a detail is read for all."""
    site.with_agent().with_identity()
    for number in range(3):
        site.associate("shop", f"more-{number}")
    came: list[str] = []
    stream, readable = Terminal.stream, Eks.iter_associations

    def streaming(self: Terminal, items: Iterable[Mapping[str, object]]) -> None:
        stream(self, (came.append("out") or item for item in items))  # type: ignore[func-returns-value]

    def reading(self: Eks, *args: Any, **named: Any) -> Iterator[Any]:
        yield from (came.append("read") or item for item in readable(self, *args, **named))  # type: ignore[func-returns-value]

    monkeypatch.setattr(Terminal, "stream", streaming)
    monkeypatch.setattr(Eks, "iter_associations", reading)
    for columns, together in (("role", 1), ("pods,exists", 4)):
        came.clear()
        lines = site.must("list", "--columns", columns, "-o", "jsonl").stdout.splitlines()
        assert came == (["read"] * together + ["out"] * together) * (4 // together)
        exist = {json.loads(line)["serviceAccountExists"] for line in lines}
        assert exist == ({None} if columns == "role" else {True, False})
    came.clear()
    ordered = site.must("list", "--columns", "pods", "-o", "jsonl", "--sort-by", "-pods").stdout.splitlines()
    assert [json.loads(line)["serviceAccount"] for line in ordered] == ["orders", "more-0", "more-1", "more-2"]


@pytest.mark.parametrize(
    ("text", "near"), [("creatd", "created"), ("-modifid", "-modified"), ("not-read", ""), ("-", "")]
)
def test_an_unknown_order_is_refused(site: Site, text: str, near: str) -> None:
    outcome = site("list", f"--sort-by={text}", "-o", "json")
    assert (outcome.code, outcome.stdout) == (2, "")
    assert outcome.error["message"].startswith(f"--sort-by {text!r} is not one of namespace, ")
    assert outcome.error["hint"] == (f"podid list --sort-by={near} -o json" if near else None)


@pytest.fixture
def many(box: Sandbox) -> Sandbox:
    return with_two_clusters(box)


def test_several_clusters_are_one_table(many: Sandbox, podid: Podid) -> None:
    table = podid("list", "--all-clusters")
    assert [line.split("\t")[:3] for line in table.stdout.splitlines()] == [
        ["blue", "pay", "api"],
        ["demo", "shop", "cart"],
        ["demo", "shop", "orders"],
    ]
    assert podid("list", "--all-clusters", "-o", "json").json["clusterName"] is None
    assert podid("list", "--all-clusters", "-o", "name").stdout.splitlines()[0] == "blue/pay/api"


@pytest.mark.parametrize("output", ["json", "jsonl", "table"])
def test_a_cluster_that_cannot_be_read_does_not_hide_the_others(many: Sandbox, podid: Podid, output: str) -> None:
    partly = podid("list", "--cluster", "nosuch", "--cluster", "blue", "-o", output)
    assert partly.code == 8, partly
    assert "pay" in partly.stdout
    assert "nosuch does not exist" in partly.stderr
    none = podid("list", "--cluster", "nosuch", "--cluster", "nope", "-o", "json")
    assert (none.code, none.stdout) == (5, "")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--sort-by x", "--sort-by 'x' is not one of namespace, service-account"),
        ("--older-than x", "--older-than 'x' is not a duration"),
        ("--tag =x", "--tag '=x' is not KEY or KEY=VALUE"),
        ("--cluster demo --all-clusters", "--cluster and --all-clusters cannot be used together"),
    ],
)
def test_options_that_are_refused(many: Sandbox, podid: Podid, tmp_path: Path, line: str, message: str) -> None:
    outcome = podid("list", *line.split(), "-o", "json")
    assert outcome.code == 2, outcome
    assert outcome.error["message"].startswith(message)


@pytest.fixture
def three(site: Site) -> Site:
    for name in ("orders", "cart"):
        site.must("associate", f"shop/{name}", "--role", "storefront", "--update-trust", "--wait", "none")
    site.must("associate", "ops/agent", "--role", "storefront", "--update-trust", "--wait", "none")
    return site


def names(site: Site, *argv: str) -> list[str]:
    return site.must("list", *argv, "-o", "name").stdout.split()


def test_list_of_named_service_accounts(three: Site) -> None:
    every = names(three)
    assert len(every) == 3
    assert names(three, "shop/orders") == [name for name in every if name.endswith("shop/orders")]
    assert len(names(three, "shop/orders", "ops/agent")) == 2
    missing = three("list", "shop/orders", "shop/pay")
    assert (missing.code, missing.stdout) == (5, "")
    assert missing.stderr.startswith("Error: shop/pay has no association.\n")
    assert three("list", "shop/orders", "-n", "web").code == 2


def test_list_by_labels_of_the_service_account(three: Site) -> None:
    three.cluster.merge("/api/v1/namespaces/shop/serviceaccounts/orders", {"metadata": {"labels": {"tier": "web"}}})
    assert [name.rpartition("/")[2] for name in names(three, "-l", "tier=web")] == ["orders"]
    empty = three("list", "--selector", "tier=nosuch")
    assert (empty.code, empty.stdout) == (0, "")
    assert "--selector tier=nosuch" in empty.stderr
    assert three("list", "-l", "tier=(").code == 2


def test_a_list_that_is_watched(three: Site) -> None:
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


def test_tables_without_titles(three: Site) -> None:
    titled = three.must("list", "-o", "csv").stdout.splitlines()
    assert three.must("list", "-o", "csv", "--no-headers").stdout.splitlines() == titled[1:]
    terminal = Podid(env=three.env, tty=True, width=200, clock=three.clock)
    three.podid = terminal
    lines = three.must("list").stdout.splitlines()
    assert "NAMESPACE" in lines[0]
    assert three.must("list", "--no-headers").stdout.splitlines() == lines[2:]
