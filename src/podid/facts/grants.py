"""The ways of policy documents to more permissions than they have, in words: for the plan of a change that would create
or attach them."""

from collections.abc import Iterator, Mapping

from podid.domain.iam import Document
from podid.domain.policy.escalation import escalations
from podid.domain.policy.evaluate import AccessVerdict, Layer, LayerKind, RoleAccess
from podid.domain.policy.session import RoleSession
from podid.domain.policy.statements import parse_permissions
from podid.domain.section import Missing
from podid.domain.text import count_of, short_list
from podid.facts.privileges import RolePrivileges, administration


def more_permissions(policies: Mapping[str, Document | Missing], role_arn: str = "") -> tuple[str, ...]:
    """Return how a role with these policies, by name or ARN, is an administrator or may become one: one phrase for each
    way, as in "may become administrator: iam:PassRole with ec2:RunInstances". Conditions on the request, and a policy
    that was not read, count as fulfilled. Empty if there is no known way."""
    return tuple(_phrases(policies, role_arn))


def in_one_phrase(phrases: tuple[str, ...]) -> str:
    """Return the first way, and the number of further ones; empty without one."""
    more = f", and {count_of(len(phrases) - 1, 'more way')}" if phrases[1:] else ""
    return f"{phrases[0]}{more}" if phrases else ""


def _phrases(policies: Mapping[str, Document | Missing], role_arn: str) -> Iterator[str]:
    parsed = tuple(parse_permissions(name, LayerKind.IDENTITY.value, document) for name, document in policies.items())
    for policy in parsed:
        if policy.unread is not None:
            yield f"not known whether {policy.name} leads to administrator: {policy.unread.reason}"
    known = tuple(policy for policy in parsed if policy.unread is None)
    access = RoleAccess(RoleSession(role_arn=role_arn), (Layer(LayerKind.IDENTITY, "policy", known),))
    broad = administration(RolePrivileges(role_arn, access))
    if broad is not None:
        words, ruling = broad
        if ruling.verdict is AccessVerdict.ALLOWED:
            yield f"administrator: {words} on any resource"
            return
        yield f"may be administrator: {words} on any resource, depending on {short_list(ruling.keys)}"
    yield from (f"may become administrator: {way}" for way in escalations(access))
