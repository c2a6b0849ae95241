"""Reports of the doctor, for tests of the sections that it reads."""

from podid.checks.all import ALL
from podid.ops.reading.sections import permissions
from worlds import Site


def findings(site: Site, *argv: str) -> dict[str, str]:
    """Return id -> severity of the findings that no other one explains."""
    report = site("doctor", "-o", "json", *argv).json
    return {item["id"]: item["severity"] for item in report["findings"] if not item["maskedBy"]}


def viewer(site: Site, without: str) -> dict[str, str]:
    """Return the environment of a caller with all permissions in the cluster except those on the resource or in the API
    group `without`."""
    rules = [
        {"apiGroups": [permission.group], "resources": [permission.resource], "verbs": [permission.verb]}
        for permission in permissions(ALL).kubernetes
        if without not in (permission.resource, permission.group)
    ]
    return site.user("viewer", rules)
