"""The roles of associations, each with those who name it."""

from collections import defaultdict
from collections.abc import Iterator

from podid.checks.base import Check
from podid.checks.shared.facts import chain_of, cluster_subject
from podid.domain.aws import Association, Listed, Role, UnreadAssociation, described
from podid.domain.findings import Verdict
from podid.domain.names import ServiceAccountRef
from podid.domain.snapshot import NOT_READ, Known, Missing, Section, Snapshot, known, known_or
from podid.domain.text import short_list
from podid.domain.trust import TrustPolicyError, allows_by_issuer, parse_policy


def by_role(snapshot: Snapshot) -> dict[str, list[Association]]:
    """The associations by the ARN of their role, both in order."""
    found: dict[str, list[Association]] = defaultdict(list)
    for association in described(known(snapshot.associations)):
        found[association.role_arn].append(association)
    return dict(sorted(found.items()))


def unread(snapshot: Snapshot) -> dict[Missing, list[UnreadAssociation]]:
    """The associations that could not be described, by why: for those of one cause that of the first."""
    found: dict[tuple[str, str], list[UnreadAssociation]] = defaultdict(list)
    for each in known_or(snapshot.associations, ()):
        if isinstance(each, UnreadAssociation):
            found[each.error_code, each.permission].append(each)
    return {why_unread(members[0]): members for members in found.values()}


def undescribed(check: Check, snapshot: Snapshot) -> Iterator[Verdict]:
    """What a check of what associations give cannot tell."""
    for why, members in unread(snapshot).items():
        names = short_list(str(each.ref) for each in members)
        case = check.case(cluster_subject(snapshot), chain_of(members))
        yield case.unknown(why, f"could not read the association of {names}: {why.reason}")


def why_unread(association: UnreadAssociation) -> Missing:
    return Missing(association.reason, association.permission, association.error_code)


def given(association: Listed) -> str:
    """The association's role, in a sentence."""
    return association.role_arn if isinstance(association, Association) else "a role that could not be read"


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


def allowed_by_irsa(snapshot: Snapshot, ref: ServiceAccountRef, arn: str) -> bool | None:
    """Whether the role's trust policy allows this service account by the cluster's OIDC issuer; None where the role or
    the issuer is not known."""
    role = known_or(known_or(snapshot.roles, {}).get(arn, NOT_READ), None)
    if not isinstance(snapshot.cluster, Known) or role is None or role.arn != arn:
        return None
    cluster = snapshot.cluster.value
    issuer = cluster.oidc_issuer.partition("://")[2].rstrip("/")
    if not issuer:
        return None
    try:
        policy = parse_policy(role.trust)
    except TrustPolicyError:
        return None
    return allows_by_issuer(policy, f"arn:{cluster.partition}:iam::{cluster.account}:oidc-provider/{issuer}", ref)
