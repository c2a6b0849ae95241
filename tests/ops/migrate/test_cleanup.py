"""Leftovers of a migration: kiam and kube2iam that serve no workload."""

from ops.migrate.worlds import AGENT, FINISH, Proxies, agents, migrated
from worlds import Site


def test_an_agent_is_a_leftover_when_it_serves_no_workload(proxies: Proxies) -> None:
    proxies.one("web")
    proxies.one("queue", kind="StatefulSet")
    assert agents(proxies) == [
        {
            "source": "kube2iam",
            "workloads": [AGENT],
            "serves": ["Deployment/apps/web", "StatefulSet/apps/queue"],
            "unneeded": [],
        }
    ]
    outcome = proxies.site("migrate", "cleanup", AGENT, "--yes", "-c", "demo")
    assert (outcome.code, "kube2iam still serves Deployment apps/web" in outcome.stderr) == (6, True), outcome
    migrated(proxies)
    outcome = proxies.site.must("migrate", "finish", "apps/web", "--soak", "0", "--yes")
    assert "kube2iam (DaemonSet kube-system/kube2iam) still serves StatefulSet apps/queue" in outcome.stderr
    outcome = proxies.site.must(*FINISH, "--yes")
    assert f"no longer serves any workload; podid migrate cleanup {AGENT} deletes it" in outcome.stderr
    annotation = ["kubectl", "annotate", "namespace", "apps", "iam.amazonaws.com/allowed-roles-"]
    assert " ".join(annotation) in outcome.stderr
    assert agents(proxies)[0]["unneeded"] == [annotation]
    assert " ".join(annotation) in proxies.site.must("migrate", "cleanup", "-c", "demo").stderr
    assert ["podid", "migrate", "cleanup"] in proxies.site.must("migrate", "status", "-o", "json").json["next"]
    items = proxies.site.must("migrate", "cleanup", "-c", "demo", "-o", "json").json["items"]
    assert [item["workload"] for item in items if item["kind"] == "agent"] == [AGENT]
    assert proxies.site("migrate", "cleanup", AGENT).code == 2
    proxies.site.must("migrate", "cleanup", AGENT.lower(), "--yes", "-c", "demo")
    assert agents(proxies) == []


def test_pods_with_the_default_role_need_the_agent(healthy: Site) -> None:
    proxies = Proxies(healthy, "kube2iam", "--default-role=apps-default")
    proxies.samples.role("apps-default")
    proxies.samples.one("plain", "", account="default")
    proxies.site.wait(30)
    assert "Deployment/apps/plain" in agents(proxies)[0]["serves"]
    assert proxies.site("migrate", "cleanup", AGENT, "--yes", "-c", "demo").code == 6


def test_both_programs_of_kiam_are_listed(healthy: Site) -> None:
    proxies = Proxies(healthy, "kiam")
    items = proxies.site.must("migrate", "cleanup", "-c", "demo", "-o", "json").json["items"]
    names = [item["workload"] for item in items if item["kind"] == "agent"]
    assert names == ["DaemonSet/kube-system/kiam-agent", "DaemonSet/kube-system/kiam-server"]
