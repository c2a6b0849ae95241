"""The ways to any permission that a policy document opens, by the paths of `podid audit`. A plan shows them for each
policy that it writes, and a plan from elsewhere requires an answer for them."""

from collections.abc import Mapping

from podid.domain.policy.escalation import PASS_ROLE, Escalation, escalations
from podid.domain.policy.evaluate import AccessVerdict, Layer, LayerKind, RoleAccess
from podid.domain.policy.session import RoleSession
from podid.domain.policy.statements import parse_permissions
from podid.domain.text import count_of
from podid.domain.wildcards import ANY

_ALL = {"*": "all actions", "iam:*": "all actions of IAM"}
# PassRole by itself: the other paths name the service to which it passes a role, if a condition names one
_ALONE = "pass-any-role"
# AWS managed policies that open such a way, for callers that may not read them. Source: AWS Managed Policy Reference,
# December 2026; tests/domain/policy/test_grants.py evaluates their documents.
MANAGED = frozenset(
    (
        *("AdministratorAccess", "AdministratorAccess-AWSElasticBeanstalk", "AdministratorAccess-Amplify"),
        *("IAMFullAccess", "PowerUserAccess", "SystemAdministrator", "DatabaseAdministrator", "NetworkAdministrator"),
        *(
            "DataScientist",
            "AWSLambda_FullAccess",
            "AmazonECS_FullAccess",
            "AmazonEC2FullAccess",
            "AmazonSSMFullAccess",
        ),
        *("AmazonSSMFullAccess", "AmazonSageMakerFullAccess", "AWSGlueConsoleFullAccess", "AWSDataPipeline_FullAccess"),
        *("AWSBatchFullAccess", "CloudWatchEventsFullAccess"),
    )
)


def ways_of(policy: Mapping[str, object]) -> tuple[str, ...]:
    """Return the ways that the policy opens, or may open depending on conditions. A policy whose meaning is not known
    is one of them."""
    parsed = parse_permissions("", LayerKind.IDENTITY.value, policy)
    if parsed.unread is not None:
        return ("it cannot be evaluated",)
    access = RoleAccess(RoleSession(), (Layer(LayerKind.IDENTITY, "policy", (parsed,)),))
    for action, words in _ALL.items():
        if access.ruling(action, ANY).verdict is not AccessVerdict.DENIED:
            return (words,)
    paths = tuple(escalations(access.ruling, access.passing))
    ways = tuple(_words(path) for path in paths if path.id != _ALONE)
    alone = any(path.id == _ALONE and path.verdict is AccessVerdict.ALLOWED for path in paths)
    return (*ways, PASS_ROLE) if alone and not any(way.startswith(PASS_ROLE) for way in ways) else ways


def _words(path: Escalation) -> str:
    first, *others = (item.action for item in path.actions)
    return f"{first} with {' and '.join(others)}" if others else first


def may_become(ways: tuple[str, ...]) -> str:
    """Return the sentence about the ways, without its subject."""
    first, *others = ways
    more = f", and {count_of(len(others), 'more way')}" if others else ""
    return f"may become administrator: {first}{more}"
