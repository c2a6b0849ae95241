"""The outlook of a plan, in JSON and as lines."""

from typing import Any

from worlds import Site


def predicted(site: Site, *argv: str) -> Any:
    """Return the plan as a document."""
    return site.must(*argv, "--dry-run", "-o", "json").json


def ids(verdicts: Any) -> set[str]:
    return {verdict["id"] for verdict in verdicts}


def under_the_plan(site: Site, *argv: str) -> list[str]:
    """Return the lines of the outlook."""
    lines = site.must(*argv, "--dry-run").stdout.splitlines()
    return lines[next(n for n, line in enumerate(lines) if line.startswith("After this")) :]
