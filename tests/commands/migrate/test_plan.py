"""podid migrate plan: its screen and its document."""

from irsa import ANNOTATION, Irsa
from ops.migrate.worlds import Proxies
from podid.sandbox.proxy_samples import NAMESPACE
from worlds import CLUSTER_ARN, Site


def test_a_cluster_without_irsa_has_nothing_to_migrate(healthy: Site) -> None:
    healthy.cluster.merge(
        "/api/v1/namespaces/legacy/serviceaccounts/reports", {"metadata": {"annotations": {ANNOTATION: None}}}
    )
    for name in healthy.cluster.pod_names("legacy"):
        healthy.cluster.delete(f"/api/v1/namespaces/legacy/pods/{name}")
    healthy.wait(60)
    outcome = healthy("migrate", "plan")
    assert (outcome.code, outcome.stdout) == (0, "")
    assert "nothing to migrate" in outcome.stderr
    assert healthy.must("migrate", "plan", "-o", "json").json["items"] == []


def test_planning_changes_nothing(irsa: Irsa) -> None:
    before = irsa.trust("irsa-reports")
    assert irsa.site.must("migrate", "plan", "-o", "json").json["cluster"] == CLUSTER_ARN
    assert irsa.trust("irsa-reports") == before
    # the command lines of the steps carry the options about the place
    steps = irsa.site.must("migrate", "plan", "--cluster", "demo", "-o", "json").json["items"][0]["steps"]
    commands = [command for step in steps for command in step["commands"]]
    assert commands
    assert all(command[-2:] == ["--cluster", "demo"] for command in commands if command[0] == "podid")
    assert irsa.site.must("history").stdout == ""


def test_an_unknown_blocker_is_not_accepted(irsa: Irsa) -> None:
    outcome = irsa.site("migrate", "plan", "--accept", "shop/one=sdk-to-old")
    assert (outcome.code, "--accept" in outcome.stderr) == (2, True), outcome


def test_the_items_of_one_source(proxies: Proxies) -> None:
    proxies.one("web")
    everything = proxies.site.must("migrate", "plan", "-o", "json").json["items"]
    assert sorted(item["source"] for item in everything) == ["irsa", "kube2iam"]
    for source in ("irsa", "kube2iam"):
        only = proxies.site.must("migrate", "plan", "--from", source, "-o", "json").json["items"]
        assert [item["source"] for item in only] == [source]
    assert proxies.site.must("migrate", "plan", "--from", "kiam", "-o", "json").json["items"] == []


def test_a_denied_read_of_daemon_sets_is_named(proxies: Proxies) -> None:
    proxies.one("web")
    proxies.refuse("GET */daemonsets*")
    outcome = proxies.site("migrate", "plan", "-n", NAMESPACE)
    assert outcome.code == 9, outcome
    assert "kiam and kube2iam could not be read" in outcome.stderr
