"""The roles of associations, each with those who name it."""

from collections import defaultdict

from podid.domain.model import Association, Role
from podid.domain.snapshot import NOT_READ, Known, Section, Snapshot, known


def by_role(snapshot: Snapshot) -> dict[str, list[Association]]:
    """The associations by the ARN of their role, both in order."""
    found: dict[str, list[Association]] = defaultdict(list)
    for association in known(snapshot.associations):
        found[association.role_arn].append(association)
    return dict(sorted(found.items()))


def role_section(snapshot: Snapshot, arn: str) -> Section[Role | None]:
    """NotFound is Known(None); a role that sits under another path than the association says is not the one meant."""
    return _under(arn, known(snapshot.roles).get(arn, NOT_READ))


def target_section(snapshot: Snapshot, arn: str) -> Section[Role | None]:
    """The same of a target role."""
    return _under(arn, known(snapshot.target_roles).get(arn, NOT_READ))


def _under(arn: str, section: Section[Role | None]) -> Section[Role | None]:
    if isinstance(section, Known) and section.value is not None and section.value.arn != arn:
        return Known(None)
    return section
