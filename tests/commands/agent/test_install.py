"""`podid install-agent`."""

import pytest

from ops.agent.support import DEFAULT, NEWEST, addon
from ops.change.support import writes
from worlds import Site


def test_a_rerun_writes_nothing(healthy: Site) -> None:
    count = writes(healthy.box)
    again = healthy("install-agent", "-o", "json")
    assert (again.code, writes(healthy.box)) == (0, count)
    assert again.json["actions"][0]["status"] == "unchanged"


def test_a_downgrade_requires_an_option(site: Site) -> None:
    site.must("install-agent", "--addon-version", "default")
    assert addon(site)["addonVersion"] == DEFAULT
    upgraded = site("install-agent", "--addon-version", "latest", "-o", "json")
    assert (upgraded.code, addon(site)["addonVersion"]) == (0, NEWEST)
    (action,) = upgraded.json["actions"]
    assert (action["verb"], action["status"], action["after"]["addonVersion"]) == ("update", "done", NEWEST)
    count = writes(site.box)
    refused = site("install-agent", "--addon-version", "default", "-o", "json")
    assert (refused.code, writes(site.box)) == (6, count)
    assert refused.error["hint"].endswith("--allow-downgrade")
    site.must("install-agent", "--addon-version", "default", "--allow-downgrade")
    assert addon(site)["addonVersion"] == DEFAULT
    site.must("undo", "last", "--yes")
    assert addon(site)["addonVersion"] == NEWEST


@pytest.mark.parametrize(
    "text", ["- a\n", "a: &x 1\nb: *x\n", "1: 2\n", "{", "a: 2026-01-01\n", "x: .inf\ny: !!set {a}\n"]
)
def test_files_without_values(site: Site, text: str) -> None:
    file = site.directory / "values"
    file.write_text(text)
    refused = site("install-agent", "--config-file", str(file), "-o", "json")
    assert (refused.code, refused.error["exitCode"]) == (2, 2)


def test_interrupted_and_resumed(site: Site) -> None:
    site.box.world.delays.addon = 100.0

    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    site.on_sleep = interrupt
    stopped = site("install-agent")
    assert stopped.code == 130
    assert "podid install-agent" in stopped.stderr
    assert addon(site)["status"] == "CREATING"
    site.on_sleep = lambda _: None
    count = writes(site.box)
    site.must("install-agent")
    assert (addon(site)["status"], writes(site.box)) == ("ACTIVE", count)


def test_an_agent_of_another_owner(site: Site) -> None:
    site.cluster.make_workload("DaemonSet", "kube-system", "eks-pod-identity-agent", "default")
    count = writes(site.box)
    refused = site("install-agent", "-o", "json")
    assert (refused.code, refused.error["code"], writes(site.box)) == (6, "PreflightRefused", count)
    assert "DaemonSet kube-system/eks-pod-identity-agent" in refused.error["message"]


def test_a_failed_add_on_is_a_note(healthy: Site) -> None:
    healthy.box.world.clusters["demo"].addons["eks-pod-identity-agent"].status = "UPDATE_FAILED"
    assert "the add-on is UPDATE_FAILED" in healthy("install-agent", "--wait", "none").stderr
