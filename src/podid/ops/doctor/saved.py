"""A snapshot in a file, for a diagnosis without access: elsewhere, later, with other checks."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from podid.domain.codec import from_plain, to_plain
from podid.domain.errors import InvalidInput, UsageError
from podid.domain.foreign import Malformed
from podid.domain.snapshot import Known, Section, Snapshot

KIND = "Snapshot"
# of the form; a file of another one is refused
FORMAT = 1


def snapshot_text(snapshot: Snapshot, version: str) -> str:
    """One JSON object; `version` is podid's. There is no secret in it, for there is none in a snapshot: see
    `podid.kube.project`."""
    body = {"kind": KIND, "formatVersion": FORMAT, "podidVersion": version, "snapshot": to_plain(snapshot)}
    return json.dumps(body, separators=(",", ":")) + "\n"


def read_snapshot(text: str, name: str) -> Snapshot:
    """InvalidInput for a file of another kind or format, and for one that is not whole, with the place."""
    try:
        body = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{name} is no snapshot: it is not JSON", subject=name) from error
    if not isinstance(body, dict) or body.get("kind") != KIND:
        raise InvalidInput(f"{name} is no snapshot of podid doctor --save", subject=name)
    if body.get("formatVersion") != FORMAT or type(body["formatVersion"]) is not int:
        wrote = body.get("podidVersion")
        by = f", written by podid {wrote}" if isinstance(wrote, str) else ""
        raise InvalidInput(
            f"{name} is a snapshot of another format than {FORMAT}{by}",
            subject=name,
            advice="Save it again with the podid that is to read it.",
        )
    try:
        return from_plain(Snapshot, body.get("snapshot"), "snapshot")
    except (Malformed, RecursionError) as error:
        raise InvalidInput(f"{name} is not a whole snapshot: {error}", subject=name) from error


def of_namespace(snapshot: Snapshot, namespace: str, name: str) -> Snapshot:
    """What reading that namespace alone would have given. UsageError where the snapshot is of another one."""
    if snapshot.namespace == namespace:
        return snapshot
    if snapshot.namespace:
        what = f"namespace {namespace}" if namespace else "all namespaces"
        raise UsageError(f"{name} holds namespace {snapshot.namespace} alone, and {what} is asked about", subject=name)

    def kept(section: Section[tuple[Any, ...]]) -> Section[tuple[Any, ...]]:
        if not isinstance(section, Known):
            return section
        return Known(tuple(item for item in section.value if item.namespace == namespace))

    return replace(
        snapshot,
        namespace=namespace,
        associations=kept(snapshot.associations),
        service_accounts=kept(snapshot.service_accounts),
        pods=kept(snapshot.pods),
        workloads=kept(snapshot.workloads),
    )
