"""Running pods are stale after a change of their association until they are replaced."""

from worlds import Site


def test_replace_and_restart_replaces_pods_that_hold_the_old_role(site: Site) -> None:
    for role in ("shop-orders", "shop-new"):
        site.must("role", "create", role, "--for", "shop/orders")
    site.must("install-agent")
    site.must("associate", "shop/orders", "--role", "shop-orders", "--restart")
    first = site.cluster.pod_names("shop")
    again = site.must("associate", "shop/orders", "--role", "shop-orders", "--restart", "-o", "json")
    assert [(item["kind"], item["status"]) for item in again.json["actions"]] == [("association", "unchanged")]
    assert site.cluster.pod_names("shop") == first

    site.wait(5)  # pods' times are whole seconds
    changed = site.must("associate", "shop/orders", "--role", "shop-new", "--replace", "--restart", "-o", "json")
    assert [(item["kind"], item["status"]) for item in changed.json["actions"]] == [
        ("association", "done"),
        ("restart", "done"),
    ]
    second = site.cluster.pod_names("shop")
    assert set(first) & set(second) == set()

    rerun = site.must("associate", "shop/orders", "--role", "shop-new", "--restart", "-o", "json")
    assert [(item["kind"], item["status"]) for item in rerun.json["actions"]] == [("association", "unchanged")]
    assert site.cluster.pod_names("shop") == second


def test_a_rerun_long_after_needs_no_dry_runs(site: Site) -> None:
    site.must("install-agent")
    site.must("role", "create", "shop-orders", "--for", "shop/orders")
    site.must("associate", "shop/orders", "--role", "shop-orders", "--restart")
    site.wait(300)
    before = site.slept
    rerun = site.must("associate", "shop/orders", "--role", "shop-orders", "--wait", "ready", "-o", "json")
    assert [after["state"] for after in rerun.json["after"]] == ["ready"]
    assert site.slept - before < 5


def changed(site: Site) -> str:
    """Change the role of shop/orders, keep its pods, and return the notes."""
    site.wait(5)
    return site.must("associate", "shop/orders", "--role", "storefront", "--replace").stderr


def notes(site: Site) -> list[tuple[str, str, str]]:
    outcome = site("doctor", "-o", "json")
    report = outcome.json
    assert (outcome.code, report["unknowns"]) == (0, [])
    return [(item["id"], item["severity"], item["subject"]["name"]) for item in report["findings"]]


def counts(site: Site) -> dict[str, int]:
    (item,) = site.must("list", "--pods", "-o", "json").json["items"]
    result: dict[str, int] = item["pods"]
    return result


def test_stale_pods_are_shown_by_every_command(healthy: Site) -> None:
    assert (notes(healthy), counts(healthy)) == ([], {"running": 2, "injected": 2, "stale": 0})
    text = changed(healthy)
    assert "2 of 2 running pods stale: cached-credentials-after-change" in text
    assert notes(healthy) == [("cached-credentials-after-change", "warn", "orders")]
    assert counts(healthy) == {"running": 2, "injected": 2, "stale": 2}
    old = healthy.cluster.pod_names("shop")
    healthy.must("restart", "-A", "--stale")
    assert not set(old) & set(healthy.cluster.pod_names("shop"))
    assert (notes(healthy), counts(healthy)) == ([], {"running": 2, "injected": 2, "stale": 0})
    assert healthy.must("restart", "-A", "--stale").stdout.startswith("nothing to restart")


def test_pods_are_not_stale_six_hours_after_a_change(healthy: Site) -> None:
    changed(healthy)
    healthy.wait(6 * 3600 + 1)
    assert (notes(healthy), counts(healthy)) == ([], {"running": 2, "injected": 2, "stale": 0})
    old = healthy.cluster.pod_names("shop")
    healthy.must("restart", "shop/orders", "--stale")
    assert healthy.cluster.pod_names("shop") == old


def test_tags_of_an_association_do_not_make_pods_stale(healthy: Site) -> None:
    healthy.wait(5)
    text = healthy.must("associate", "shop/orders", "--role", "shop-orders", "--tag", "a=b", "--replace").stderr
    assert "may keep the previous" not in text


def test_the_list_counts_pods_only_with_the_option(healthy: Site) -> None:
    before = healthy.kube.faults.calls.total()
    (item,) = healthy.must("list", "-o", "json").json["items"]
    assert item["pods"] is None
    assert healthy.kube.faults.calls.total() == before
    assert "STALE" not in healthy.must("list").stdout
    (row,) = healthy.must("list", "--pods").stdout.splitlines()[-1:]
    assert row.split("\t")[-2:] == ["2", "0"]
    assert healthy.must("list", "--pods", "-o", "jsonl").stdout.count('"running":2') == 1
