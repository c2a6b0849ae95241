"""Workloads, agents and the registration of the webhook."""

from dataclasses import replace

import pytest

from checks.builder import daemon_set
from podid.domain.cluster import Requirement
from podid.domain.names import ServiceAccountRef
from podid.domain.network import Selector
from podid.domain.workloads import NAMESPACE_NAME, WebhookRegistration, covering, is_agent


@pytest.mark.parametrize(
    "words",
    [
        {"args": ("server", "--cluster-name", "prod", "--probe-port", "2703")},
        {"args": (), "command": ("/agent", "server", "--cluster-name=prod", "--probe-port=2703")},
        {"args": (), "command": ("sh", "-c", "exec /agent server --cluster-name prod --probe-port 2703")},
    ],
)
def test_an_agent_of_another_name_is_recognized_by_its_flags(words: dict[str, tuple[str, ...]]) -> None:
    renamed = daemon_set(name="pia", images=("mirror.example/pia:1",), selector={"app": "pia"}, **words)
    assert is_agent(renamed)
    assert not is_agent(replace(renamed, args=("--cluster-name", "prod"), command=("/cluster-autoscaler",)))


def test_a_webhook_selects_a_namespace_only_by_its_name() -> None:
    webhook = WebhookRegistration(
        namespaces=Selector({"team": "a"}, (Requirement(NAMESPACE_NAME, "NotIn", ("kube-system",)),))
    )
    assert webhook.excluding_selector("shop", {}) == ""
    assert webhook.excluding_selector("kube-system", {}) == "its namespaceSelector"


def test_nodes_with_further_service_accounts_come_first() -> None:
    one, two = ServiceAccountRef("a", "one"), ServiceAccountRef("a", "two")
    assert covering({"n1": {one}, "n2": {one, two}, "n3": {two}}) == ["n2", "n1", "n3"]
