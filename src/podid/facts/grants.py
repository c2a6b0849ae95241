"""The ways of policy documents to more permissions than they have, in words: for the plan of a change that would create
or attach them."""

from collections.abc import Iterator, Mapping

from podid.domain.iam import Document
from podid.domain.policy.escalation import escalations
from podid.domain.policy.evaluate import AccessVerdict, Layer, LayerKind, RoleAccess
from podid.domain.policy.paths import PASS_ROLE
from podid.domain.policy.session import RoleSession
from podid.domain.policy.statements import parse_permissions
from podid.domain.section import Missing
from podid.domain.text import count_of, short_list
from podid.facts.privileges import RolePrivileges, administration

# AWS managed policies with such a way, for callers that may not read their documents. Source: AWS Managed Policy
# Reference, December 2026; the test evaluates the documents.
MANAGED = frozenset(
    (
        *("AdministratorAccess", "AdministratorAccess-AWSElasticBeanstalk", "AdministratorAccess-Amplify"),
        *("IAMFullAccess", "PowerUserAccess", "SystemAdministrator", "DatabaseAdministrator", "NetworkAdministrator"),
        *("DataScientist", "AWSLambda_FullAccess", "AmazonECS_FullAccess", "AmazonEC2FullAccess"),
        *("AmazonSageMakerFullAccess", "AWSGlueConsoleFullAccess", "AWSDataPipeline_FullAccess", "AWSBatchFullAccess"),
        *("AmazonSSMFullAccess", "CloudWatchEventsFullAccess", "AWSCodeBuildAdminAccess"),
        *("AmazonElasticMapReduceFullAccess", "SecretsManagerReadWrite"),
    )
)


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
    paths = tuple(escalations(access))
    # to pass roles under a condition, usually on the service, is a way only with an action of that service
    ways = [path for path in paths if path.id != "pass-any-role"]
    if not any(path.actions[0].action == PASS_ROLE for path in ways):
        ways += [path for path in paths if path not in ways and path.verdict is AccessVerdict.ALLOWED]
    yield from (f"may become administrator: {way}" for way in ways)
