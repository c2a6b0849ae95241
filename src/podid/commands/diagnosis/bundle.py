"""podid bundle."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podid.cli.command import Access, command
from podid.cli.options import CLUSTER, KUBERNETES, NAMESPACES
from podid.domain.option import argument, switch
from podid.domain.plan import Consent
from podid.render.formats import to_json
from podid.version import VERSION

if TYPE_CHECKING:
    from podid.domain.snapshot import Snapshot
    from podid.ops.doctor.bundle import Redacted
    from podid.ops.reading.scope import DoctorScope


@command(shared=(*CLUSTER, *KUBERNETES, *NAMESPACES, "yes", "journal_dir"), needs="CHECKING")
def bundle(
    access: Access,
    file: str = argument("[FILE]", "The archive to write.", default="podid-bundle.tar.gz"),
    force: bool = switch("Replace FILE if it exists.", consent=True),
) -> None:
    """Save the snapshot and the report in an archive for support.

    podid replaces account ids and external ids consistently. It does not read the values of environment variables that
    could be secrets, and omits data that no check needs. podid lists the contents, and asks for confirmation before it
    writes the file.

    Example: podid bundle

    Example: podid bundle shop.tar.gz -n shop --yes
    """
    from podid.checks.all import ALL
    from podid.ops.doctor.bundle import archive, contents
    from podid.ops.reading.collect import ReadRequest, collect
    from podid.ops.reading.scope import parse_target
    from podid.render.doctor import bundle_view

    target = access.terminal.file_to_write(file, force=force)
    scope = parse_target("", access.shared.namespace or "")
    place = access.place()
    with access.terminal.working(f"reading cluster {place.cluster_name}"):
        now, journal = access.runtime.now(), access.journal_to_read
        request = ReadRequest(checks=ALL, scope=scope)
        snapshot = collect(access.clients, place, request, now=now, journal=journal)
        redacted, texts = _files(snapshot, scope)
    view = bundle_view(file, texts, contents(redacted.snapshot), redacted)
    if not access.shared.yes:
        access.terminal.note(*view.lines)
    access.terminal.consent(Consent(question=f"Write the bundle to {file}?", needed_for="bundle"))
    target.write(archive(texts, snapshot.taken_at))
    access.terminal.emit(view)


def _files(snapshot: Snapshot, scope: DoctorScope) -> tuple[Redacted, dict[str, str]]:
    """Return the redacted snapshot and the text of each file. The report is derived from the redacted snapshot, so it
    contains no more data."""
    import json
    import platform

    from podid.ops.doctor.bundle import redact
    from podid.ops.reading.saved import snapshot_text
    from podid.ops.status.diagnose import diagnose
    from podid.render.doctor import doctor_view

    redacted = redact(snapshot)
    report = diagnose(redacted.snapshot, scope=scope)
    versions = {"podid": VERSION, "python": platform.python_version(), "system": platform.platform()}
    return redacted, {
        "snapshot.json": snapshot_text(redacted.snapshot, VERSION),
        "report.json": to_json(doctor_view(report, all_verdicts=True).document),
        "versions.json": json.dumps(versions, indent=2) + "\n",
    }
