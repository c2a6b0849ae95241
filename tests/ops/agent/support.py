"""Shared parts of the tests of the agent."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from worlds import AGENT, Site

TAINT = {"key": "dedicated", "value": "gpu", "effect": "NoSchedule"}
NEWEST, DEFAULT, OLD = "v1.3.10-eksbuild.3", "v1.3.10-eksbuild.2", "v1.3.4-eksbuild.1"


def addon(site: Site) -> Any:
    return site.aws("eks").describe_addon(clusterName="demo", addonName=AGENT)["addon"]


RESTRICTED = {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}


def installed(site: Site) -> bool:
    return AGENT in site.box.world.clusters["demo"].addons


def nodes(site: Site) -> list[str]:
    return [node["metadata"]["name"] for node in site.cluster.items("/api/v1/nodes")]


def moment(site: Site, ago: float = 60) -> str:
    return (datetime.fromtimestamp(site.clock.now(), UTC) - timedelta(seconds=ago)).strftime("%Y-%m-%dT%H:%M:%SZ")


def say(site: Site, node: str, message: str, level: str = "error", ago: float = 60, **fields: str) -> None:
    line = {**fields, "level": level, "msg": message, "time": moment(site, ago)}
    site.kube.add_agent_line(node, json.dumps(line))


BIND = "unable to start server: listen tcp [fd00:ec2::23]:80: bind: cannot assign requested address"
