"""Options that people look for because other programs have them."""

import pytest

from worlds import Site


@pytest.fixture
def three(site: Site) -> Site:
    for name in ("orders", "cart"):
        site.must("associate", f"shop/{name}", "--role", "storefront", "--update-trust", "--wait", "none")
    site.must("associate", "ops/agent", "--role", "storefront", "--update-trust", "--wait", "none")
    return site


def names(site: Site, *argv: str) -> list[str]:
    return site.must("list", *argv, "-o", "name").stdout.split()


def test_the_newest_runs(three: Site) -> None:
    runs = [run["runId"] for run in three.must("history", "-o", "json").json["items"]]
    limited = three.must("history", "--limit", "2", "-o", "json").json["items"]
    assert [run["runId"] for run in limited] == runs[:2]
    assert len(three.must("history", "--limit", "0", "-o", "json").json["items"]) == len(runs)
