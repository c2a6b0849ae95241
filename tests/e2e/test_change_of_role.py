"""A changed association reaches running pods only when they are replaced, although they carry the injected fields."""

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
    rerun = site.must("associate", "shop/orders", "--role", "shop-orders", "--wait", "effect", "-o", "json")
    assert rerun.json["effect"]["state"] == "in-effect"
    assert site.slept - before < 5
