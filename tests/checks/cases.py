"""The cases of every check, from its test module: FAILS, UNKNOWN, and PASSES if the healthy cluster has no subject.

FINDINGS and UNKNOWNS are the answers to the first two, MESSAGES, if any, those of the findings.
"""

from importlib import import_module
from pathlib import Path
from typing import NamedTuple

from podid.domain.snapshot import Snapshot

from .builder import healthy, requested
from .grid import Answer

HEALTHY = healthy()
FOLDER = Path(__file__).parent


class Cases(NamedTuple):
    """`fails` is None for a check of podid's own access, which never says that a pod is broken."""

    fails: Snapshot | None
    unknown: Snapshot
    passes: Snapshot
    findings: list[Answer]
    unknowns: list[Answer]
    messages: list[str] | None


def cases(name: str) -> Cases | None:
    """Return the cases of a test module; None for a module with further cases of a check."""
    module = import_module(name)
    if not hasattr(module, "UNKNOWN"):
        return None
    return Cases(
        getattr(module, "FAILS", None),
        module.UNKNOWN,
        requested(getattr(module, "PASSES", HEALTHY)),
        getattr(module, "FINDINGS", []),
        module.UNKNOWNS,
        getattr(module, "MESSAGES", None),
    )


CASES = {
    path.stem.removeprefix("test_").replace("_", "-"): item
    for path in sorted(FOLDER.glob("*/test_*.py"))
    # tests of shared code import this module
    if path.parent.name != "shared" and (item := cases(f"{__package__}.{path.parent.name}.{path.stem}"))
}
FAILING = {check_id: item.fails for check_id, item in CASES.items() if item.fails is not None}
# without the cluster of 4,000 equal associations
SMALL = {check_id: snapshot for check_id, snapshot in FAILING.items() if check_id != "association-quota"}
