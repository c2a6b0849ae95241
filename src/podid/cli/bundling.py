"""The files of a bundle."""

import json
import platform

from podid.domain.snapshot import Snapshot
from podid.ops.doctor.bundle import Redacted, redact
from podid.ops.doctor.diagnose import diagnose
from podid.ops.doctor.saved import snapshot_text
from podid.ops.doctor.scope import DoctorScope
from podid.render.doctor import doctor_view
from podid.render.formats import to_json
from podid.version import VERSION


def files(snapshot: Snapshot, scope: DoctorScope) -> tuple[Redacted, dict[str, str]]:
    """File name -> text. The report is made of the redacted snapshot, so that it tells no more than that."""
    redacted = redact(snapshot)
    report = diagnose(redacted.snapshot, scope=scope)
    versions = {"podid": VERSION, "python": platform.python_version(), "system": platform.platform()}
    return redacted, {
        "snapshot.json": snapshot_text(redacted.snapshot, VERSION),
        "report.json": to_json(doctor_view(report, all_verdicts=True).document) + "\n",
        "versions.json": json.dumps(versions, indent=2) + "\n",
    }
