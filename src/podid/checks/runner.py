"""Runs checks over a snapshot. A check that cannot look gives `unknown`, and so does one that crashes."""

from collections.abc import Sequence
from itertools import chain

from podid.checks.base import EVERYONE, Check
from podid.checks.shared.facts import cluster_subject
from podid.checks.shared.logs import in_logs, in_probes, in_proofs
from podid.domain.findings import Verdict
from podid.domain.snapshot import NOT_READ, Missing, Snapshot, crashed

# a check of what is read only when somebody asks for it
NOT_ASKED_FOR = frozenset({NOT_READ})


def run_checks(checks: Sequence[Check], snapshot: Snapshot) -> tuple[Verdict, ...]:
    """Every verdict of every check, in the order of `checks`, then by subject. Never raises for a check's fault."""
    return tuple(verdict for check in checks for verdict in _run(check, snapshot))


def _run(check: Check, snapshot: Snapshot) -> list[Verdict]:
    missing = dict.fromkeys(section for name in check.needs if isinstance(section := getattr(snapshot, name), Missing))
    whole = check.case(cluster_subject(snapshot), EVERYONE)
    if NOT_ASKED_FOR & missing.keys():
        return []
    if missing:
        return [whole.unknown(section) for section in missing]
    try:
        seen = (each(check, snapshot) for each in (in_logs, in_proofs, in_probes))
        found = [*check.judge(snapshot), *chain.from_iterable(seen)]
        return sorted(found, key=lambda v: (v.subject, v.outcome, v.message))
    except Exception as error:  # noqa: BLE001  a crashing check must show up in the report, whatever it raised
        return [whole.unknown(crashed(error))]
