"""What finish keeps for kiam, and for kube2iam with a default role."""

from ops.migrate.worlds import FINISH, PREFIX, Proxies, migrated, names_agent
from worlds import Site


def test_the_default_role_keeps_its_trust(healthy: Site) -> None:
    proxies = Proxies(healthy, "kube2iam", "--default-role=apps-default")
    proxies.samples.role("apps-default")
    proxies.one("web", "apps-default")
    proxies.site.must("migrate", "apply", "apps/web", "--yes")
    outcome = proxies.site.must("migrate", "finish", "apps/web", "--soak", "0", "--yes")
    assert "stays for payments/billing-worker, pods without an annotation" in outcome.stderr
    assert names_agent(proxies, "apps-default")


def test_kiam_keeps_the_trust_in_the_nodes(healthy: Site) -> None:
    proxies = Proxies(healthy, "kiam")
    proxies.one("web")
    migrated(proxies)
    assert names_agent(proxies, "apps-web", f"{PREFIX}kiam-server")
    proxies.site.must(*FINISH, "--yes")
    assert not names_agent(proxies, "apps-web", f"{PREFIX}kiam-server")
    assert names_agent(proxies, "kiam-server")
