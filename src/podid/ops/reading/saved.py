"""A snapshot in a file, for a diagnosis without access to the cluster."""

import json
from collections.abc import Collection
from dataclasses import replace
from typing import Any

from podid.domain.aws import UnreadAssociation
from podid.domain.codec import from_plain, to_plain
from podid.domain.errors import InvalidInput, UsageError
from podid.domain.foreign import Malformed
from podid.domain.section import UNASKED
from podid.domain.snapshot import Known, Section, Snapshot, known
from podid.ops.reading.scope import DoctorScope

KIND = "Snapshot"
# version of the file format; a file of another version is refused
FORMAT = 4


def snapshot_text(snapshot: Snapshot, version: str) -> str:
    """Return the snapshot as a JSON object; `version` is podid's. It contains no secret, because a snapshot contains
    none: see `podid.kube.project`."""
    body = {"kind": KIND, "formatVersion": FORMAT, "podidVersion": version, "snapshot": to_plain(snapshot)}
    return json.dumps(body, separators=(",", ":")) + "\n"


def read_snapshot(text: str, name: str) -> Snapshot:
    """Return the snapshot in a file's text. Raise InvalidInput for a file of another kind or format, and for an
    incomplete one, with the location."""
    try:
        body = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{name} is not a snapshot: it is not JSON", subject=name) from error
    if not isinstance(body, dict) or body.get("kind") != KIND:
        raise InvalidInput(f"{name} is not a snapshot of podid doctor --save", subject=name)
    form = body.get("formatVersion")
    if type(form) is not int or form != FORMAT:
        wrote = body.get("podidVersion")
        by = f" (podid {wrote} saved it)" if isinstance(wrote, str) else ""
        message = f"{name} is a snapshot of a format that this podid does not support{by}; supported is {FORMAT}"
        advice = "Save the snapshot again with the version of podid that reads it."
        raise InvalidInput(message, subject=name, advice=advice)
    try:
        return from_plain(Snapshot, body.get("snapshot"), "snapshot")
    except (Malformed, RecursionError) as error:
        raise InvalidInput(f"{name} is an incomplete snapshot: {error}", subject=name) from error


def of_scope(snapshot: Snapshot, scope: DoctorScope, name: str) -> Snapshot:
    """Return the snapshot limited to the scope. Raise UsageError if the snapshot does not include the scope."""
    namespaces, held = scope.namespaces, snapshot.only_namespaces
    if held and not (namespaces and set(namespaces) <= set(held)):
        requested = _namespaces(namespaces) if namespaces else "all namespaces"
        raise UsageError(f"{name} contains only {_namespaces(held)}, not {requested}", subject=name)

    def kept(section: Section[tuple[Any, ...]]) -> Section[tuple[Any, ...]]:
        if not isinstance(section, Known) or not namespaces:
            return section
        return Known(tuple(item for item in section.value if item.namespace in namespaces))

    associations = kept(snapshot.associations)
    for association in associations.value if isinstance(associations, Known) else ():
        unasked = isinstance(association, UnreadAssociation) and association.error_code == UNASKED
        if unasked and association.ref in (scope.named or (association.ref,)):
            message = f"{name} does not contain {association.ref}: it was saved for other service accounts"
            raise UsageError(message, subject=name)
    if namespaces == held and not scope.named:
        return snapshot
    if scope.named and isinstance(associations, Known):
        named = scope.named
        if not {*named} <= {item.ref for item in associations.value}:  # as `readings.associations`
            associations = snapshot.associations
        listed = (item if item.ref in named else UnreadAssociation.unasked(item) for item in known(associations))
        associations = Known(tuple(listed))
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
