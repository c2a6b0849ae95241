"""A snapshot in a file, for a diagnosis without access: elsewhere, later, with other checks."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import replace
from typing import Any

from podid.domain.aws import UnreadAssociation
from podid.domain.codec import from_plain, to_plain
from podid.domain.errors import InvalidInput, UsageError
from podid.domain.foreign import Malformed
from podid.domain.section import UNASKED
from podid.domain.snapshot import NOT_READ, Known, Section, Snapshot
from podid.ops.reading.scope import DoctorScope

KIND = "Snapshot"
# of the form; a file of a newer one is refused
FORMAT = 3
# sections of format 2 that were others, or none, in format 1
_SINCE_2 = (*("agent_crashes", "changes", "dry_runs", "pod_security"), *("probes", "redemptions", "sessions", "tokens"))
_UNTIL_2 = ("namespace", "packed", "proofs")
# names of sections that changed with format 3
_SINCE_3 = {f"{name}_rights": f"{name}_permissions" for name in ("assume", "cni", "target")}


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
    form, whole = body.get("formatVersion"), body.get("snapshot")
    if type(form) is not int or not 1 <= form <= FORMAT:
        wrote = body.get("podidVersion")
        by = f", written by podid {wrote}" if isinstance(wrote, str) else ""
        message = f"{name} is a snapshot of another format than {FORMAT}{by}"
        raise InvalidInput(message, subject=name, advice="Save it again with the podid that is to read it.")
    try:
        return from_plain(Snapshot, _as_now(whole, form) if isinstance(whole, dict) else whole, "snapshot")
    except (Malformed, RecursionError) as error:
        raise InvalidInput(f"{name} is not a whole snapshot: {error}", subject=name) from error


def _as_now(saved: dict[str, Any], form: int) -> dict[str, Any]:
    """Convert a snapshot of an older format to the current one. Format 1 has one namespace or all of them."""
    if form == FORMAT:
        return saved
    kept = {_SINCE_3.get(key, key): value for key, value in saved.items()}
    if form == 1:
        kept = {key: value for key, value in kept.items() if key not in _UNTIL_2}
        kept |= {"only_namespaces": [saved["namespace"]]} if saved.get("namespace") else {}
        kept |= dict.fromkeys(_SINCE_2, to_plain(NOT_READ))
    return kept


def of_scope(snapshot: Snapshot, scope: DoctorScope, name: str) -> Snapshot:
    """What reading for that scope alone would have given. UsageError where the snapshot is of less."""
    namespaces, held = scope.namespaces, snapshot.only_namespaces
    if held and not (namespaces and set(namespaces) <= set(held)):
        subjects = f"{_namespaces(namespaces)} {'are' if len(namespaces) > 1 else 'is'}"
        subjects = subjects if namespaces else "all namespaces are"
        raise UsageError(f"{name} holds {_namespaces(held)} alone, and {subjects} asked about", subject=name)

    def kept(section: Section[tuple[Any, ...]]) -> Section[tuple[Any, ...]]:
        if not isinstance(section, Known) or not namespaces:
            return section
        return Known(tuple(item for item in section.value if item.namespace in namespaces))

    associations = kept(snapshot.associations)
    for association in associations.value if isinstance(associations, Known) else ():
        unasked = isinstance(association, UnreadAssociation) and association.error_code == UNASKED
        if unasked and association.ref in (scope.named or (association.ref,)):
            raise UsageError(f"{name} holds nothing of {association.ref}: others were named", subject=name)
    if namespaces == held and not scope.named:
        return snapshot
    if scope.named and isinstance(associations, Known):
        associations = Known(
            tuple(item if item.ref in scope.named else UnreadAssociation.unasked(item) for item in associations.value)
        )
    return replace(
        snapshot,
        only_namespaces=namespaces,
        associations=associations,
        service_accounts=kept(snapshot.service_accounts),
        pods=kept(snapshot.pods),
        workloads=kept(snapshot.workloads),
    )


def _namespaces(names: Collection[str]) -> str:
    return f"namespace{'s' if len(names) > 1 else ''} {', '.join(names)}"
