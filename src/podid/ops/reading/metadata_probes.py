"""Probes of the metadata service: podid's own pods that request credentials from it, one on a node of each group.

A pod runs as service account `default`, with its own network, and prints its AWS identity, never a credential.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from podid.domain.errors import InvalidInput
from podid.domain.evidence import Probed, Redeemed
from podid.domain.grouping import grouped
from podid.domain.names import Arn, ServiceAccountRef
from podid.domain.snapshot import Known, Missing, Section, Snapshot
from podid.facts.nodes import group_subject
from podid.ops.reading.probes import (
    MOST_PROBES,
    NO_CREDENTIALS,
    NO_PROGRAM,
    PROBE_IMAGE,
    Probe,
    ProbeRun,
    Probing,
    run_probes,
)

if TYPE_CHECKING:
    from podid.domain.plan import Place
    from podid.ops.clients import Clients

_ACCOUNT, _NAMESPACE = "default", "default"
# EC2 names the session of an instance's role after the instance
_INSTANCE = "i-"


def read_metadata_probes(
    clients: Clients, place: Place, snapshot: Snapshot, how: Probing
) -> Section[Mapping[str, Probed]]:
    """Return node -> the result of a probe there: `redeemed` if the pod got credentials of the node's role. One node of
    each group of EC2 nodes is probed, in the first of the snapshot's namespaces. Never raises for a failure."""
    for section in (snapshot.nodes, snapshot.instances):
        if isinstance(section, Missing):
            return section
    assert isinstance(snapshot.nodes, Known)
    assert isinstance(snapshot.instances, Known)
    instances = snapshot.instances.value
    nodes = [node for node in snapshot.nodes.value if node.name in instances and node.ready and node.os != "windows"]
    groups = grouped((group_subject(node), node.name) for node in nodes)
    ref = ServiceAccountRef((*snapshot.only_namespaces, _NAMESPACE)[0], _ACCOUNT)
    first = sorted(members[0] for members in groups.values())[:MOST_PROBES]
    runs = [ProbeRun(clients, _probe(ref, node), judge) for node in first]
    run_probes(place, runs, how)
    return Known({run.probe.node: run.met for run in runs})


def _probe(ref: ServiceAccountRef, node: str) -> Probe:
    name = f"podid-probe-{secrets.token_hex(4)}"
    return Probe(ref=ref, name=name, node=node, image=PROBE_IMAGE, metadata=True)


def judge(text: str, exit_code: int, blank: Probed) -> Probed:
    """Return `blank` with the result of `aws sts get-caller-identity` in a pod without credentials of its own."""
    output = " ".join(text.split())[:400]
    if exit_code == 0:
        return _identity(text, blank)
    if exit_code in NO_PROGRAM:
        reason = f"its image has no working AWS CLI (exit code {exit_code}) {output}".strip()
        return replace(blank, missing=Missing(reason))
    if NO_CREDENTIALS in output:
        return replace(blank, message="the metadata service returned no credentials to the pod")
    if "endpoint URL" in output and "sts" in output:
        # the AWS CLI sends a request only with credentials
        return replace(blank, redeemed=Redeemed(role_arn="", account="", session_name=""))
    return replace(blank, missing=Missing(f"its AWS CLI exited with code {exit_code}: {output or 'no output'}"))


def _identity(text: str, blank: Probed) -> Probed:
    try:
        arn = Arn.parse(str(json.loads(text)["Arn"]))
    except (ValueError, KeyError, TypeError, RecursionError, InvalidInput):
        return replace(blank, missing=Missing("its output is not an identity"))
    kind, _, rest = arn.resource.partition("/")
    role, _, session = rest.partition("/")
    if kind != "assumed-role" or not session.startswith(_INSTANCE):
        return replace(blank, missing=Missing(f"the pod has credentials of its own, of {arn}"))
    role_arn = f"arn:{arn.partition}:iam::{arn.account}:role/{role}"
    return replace(blank, redeemed=Redeemed(role_arn=role_arn, account=arn.account, session_name=session))
