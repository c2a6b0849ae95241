"""`list --columns`, `--stale` and `--dangling`: what is shown is looked at, and nothing else."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pytest

from podid.aws.eks import Eks
from podid.cli.terminal import Terminal
from podid.domain.names import ServiceAccountRef
from podid.sandbox.baseline import pods_trust
from worlds import Site, trust_for


def rows(site: Site, *argv: str) -> list[list[str]]:
    return [line.split("\t") for line in site.must("list", *argv).stdout.splitlines()]


def named(site: Site, *argv: str) -> list[str]:
    return site.must("list", *argv, "-o", "name").stdout.split()


def several(site: Site) -> None:
    """One in order, one whose pods are older, one without its service account, one whose role is gone, one shut out."""
    site.with_agent().with_identity()
    site.trust("storefront", pods_trust())
    site.cluster.make_account("shop", "cart")
    for name in ("cart", "nobody"):
        site.associate("shop", name)
    for name in ("gone", "shut"):
        site.cluster.make_account("shop", name)
        document = trust_for(ServiceAccountRef("shop", name))
        site.aws("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(document))
        site.associate("shop", name, name)
    site.aws("iam").delete_role(RoleName="gone")
    site.trust("shut", trust_for(ServiceAccountRef("other", "other")))
    site.wait(120)


def test_columns_are_shown_in_their_order(site: Site) -> None:
    several(site)
    site.clock.advance(3600)  # a service account may come after its association
    found = rows(site, "--columns", "service-account,status,exists,role-exists")
    assert sorted(map(tuple, found)) == [
        ("cart", "ready", "yes", "yes"),
        ("gone", "broken (role-not-found)", "yes", "no"),
        ("nobody", "doubtful (association-sa-not-found)", "no", "yes"),
        ("orders", "ready", "yes", "yes"),
        ("shut", "broken (trust-condition-never-matches)", "yes", "yes"),
    ]
    (orders,) = [row for row in rows(site, "--columns", "service-account,pods,injected,stale") if row[0] == "orders"]
    assert orders[1:] == ["2", "2", "0"]
    site.associate("payments", "billing-worker", "storefront")  # its pods are older than that
    told = {row[0]: row[1:] for row in rows(site, "--columns", "service-account,status,stale")}
    assert (told["orders"], told["billing-worker"]) == (["ready", "0"], ["stale (pod-predates-association)", "1"])
    (modified,) = {len(row) for row in rows(site, "--columns", "modified")}
    assert modified == 1
    header = site.must("list", "--columns", "role,modified", "-o", "csv").stdout.splitlines()[0]
    assert header == "role,modified"


def test_stale_and_dangling(site: Site) -> None:
    several(site)
    assert named(site, "--dangling") == ["shop/gone", "shop/nobody"]
    assert named(site, "--stale") == []
    site.cluster.make_workload("Deployment", "shop", "late", "orders", 1)
    site.wait(30)
    site.must("associate", "shop/orders", "--role", "storefront", "--replace", "--wait", "api")
    site.wait(5)
    assert named(site, "--stale") == ["shop/orders"]
    (item,) = site.must("list", "--stale", "-o", "json").json["items"]
    assert item["pods"]["stale"] == item["pods"]["running"] == item["pods"]["injected"] == 3
    (line,) = site.must("list", "--stale", "-o", "jsonl").stdout.splitlines()
    assert '"status":null' in line


def test_only_what_is_shown_costs_calls(site: Site) -> None:
    """Without the rights to pods and roles the rest is listed; what needs them says so."""
    site.with_agent().with_identity()
    site.box.world.credentials.deny("iam:GetRole")
    assert rows(site, "--columns", "service-account,modified")[0][0] == "orders"
    assert rows(site, "--columns", "service-account,status") == [["orders", "unknown (needs iam:GetRole)"]]
    assert named(site, "--dangling") == []


@pytest.mark.parametrize("text", ["rolle", "role,nope", "role,"])
def test_what_is_no_column(site: Site, text: str) -> None:
    outcome: Any = site("list", "--columns", text, "-o", "json")
    assert outcome.code == 2
    assert "is not one of namespace" in outcome.error["message"]


@pytest.mark.parametrize(
    ("argv", "described"),
    [
        ("--columns namespace,service-account", False),
        # tags name the tools that own associations
        ("--columns namespace,service-account,owner", True),
        ("--columns service-account,pods,exists --sort-by -namespace", False),
        ("--columns namespace --service-account o*", False),
        ("--columns namespace --owner none --service-account o*", True),
        ("-o name", False),
        ("-o csv --columns namespace,association-id", False),
        ("--columns namespace,role", True),
        ("--columns namespace --sort-by created", True),
        ("--columns namespace --role shop-orders", True),
        ("--columns namespace --stale", True),
        ("--columns namespace,role-exists", True),
        ("--columns namespace -o json", True),
        ("-o name --older-than 1s", True),
    ],
)
def test_only_columns_that_need_it_cost_a_call_for_each(site: Site, argv: str, described: bool) -> None:
    site.with_agent().with_identity()
    site.box.faults.calls.clear()
    outcome = site.must("list", *argv.split())
    assert (site.box.faults.calls["eks", "DescribePodIdentityAssociation"] > 0) is described
    assert outcome.stdout or "--stale" in argv


def test_what_is_looked_at_puts_in_order_too(site: Site) -> None:
    site.with_agent().with_identity()
    site.associate("shop", "nosuch")
    site.clock.advance(3600)
    for by, first in (
        *(("pods", "shop/nosuch"), ("-pods", "shop/orders"), ("-exists", "shop/orders")),
        *(("status", "shop/nosuch"), ("-status", "shop/orders"), ("role-exists", "shop/nosuch")),
    ):
        assert named(site, "--sort-by", by)[0] == first
    assert named(site, "--sort-by", "-session-tags") == ["shop/nosuch", "shop/orders"]


def test_a_region_without_clusters_is_said_to_have_none(site: Site) -> None:
    outcome = site("list", "--all-clusters", "--region", "eu-west-1")
    assert outcome.code == 5
    assert "No EKS cluster found in eu-west-1" in outcome.stderr


def test_rows_come_one_by_one(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first row is out before the last association is read, unless something else is read for all of them."""
    site.with_agent().with_identity()
    for number in range(3):
        site.associate("shop", f"more-{number}")
    came: list[str] = []
    stream, readable = Terminal.stream, Eks.iter_readable

    def streaming(self: Terminal, items: Iterable[Mapping[str, object]]) -> None:
        stream(self, (came.append("out") or item for item in items))  # type: ignore[func-returns-value]

    def reading(self: Eks, *args: Any, **named: Any) -> Iterator[Any]:
        yield from (came.append("read") or item for item in readable(self, *args, **named))  # type: ignore[func-returns-value]

    monkeypatch.setattr(Terminal, "stream", streaming)
    monkeypatch.setattr(Eks, "iter_readable", reading)
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
def test_what_is_no_order(site: Site, text: str, near: str) -> None:
    outcome = site("list", f"--sort-by={text}", "-o", "json")
    assert (outcome.code, outcome.stdout) == (2, "")
    assert outcome.error["message"].startswith(f"--sort-by {text!r} is not one of namespace, ")
    assert outcome.error["hint"] == (f"podid list --sort-by={near} -o json" if near else None)
