"""`podid history`."""

from worlds import Site


def test_the_newest_runs(account: Site) -> None:
    for name in ("orders", "cart", "pay"):
        account.must("associate", f"shop/{name}", "--role", "storefront", "--wait", "none")
    runs = [run["runId"] for run in account.must("history", "-o", "json").json["items"]]
    limited = account.must("history", "--limit", "2", "-o", "json").json["items"]
    assert [run["runId"] for run in limited] == runs[:2]
    assert len(account.must("history", "--limit", "0", "-o", "json").json["items"]) == len(runs) == 3
