"""What IAM alone says. Each of its codes comes with "Exception" at its end as well, where a model says so."""

from functools import partial

from podid.aws.errors import ConcurrentModification
from podid.domain.errors import Conflict, LimitExceeded, Rejected
from podid.domain.refusals import ErrorRule

_iam = partial(ErrorRule, service="iam")

RULES: tuple[ErrorRule, ...] = (
    # IAM declares LimitExceededException, whose code on the wire is LimitExceeded; elsewhere it is a throttle
    _iam(LimitExceeded, "a quota of IAM is used up ({text})", codes=("LimitExceededException",)),
    _iam(
        ConcurrentModification,
        "somebody else was changing {subject} at the same time ({text})",
        codes=("ConcurrentModification", "ConcurrentModificationException"),
    ),
    _iam(
        Conflict,
        "IAM may be changing {subject} still ({text})",
        codes=("EntityTemporarilyUnmodifiable", "EntityTemporarilyUnmodifiableException"),
    ),
    _iam(
        Rejected,
        "{subject} belongs to an AWS service, which alone may change it ({text})",
        codes=("UnmodifiableEntity", "UnmodifiableEntityException"),
    ),
    _iam(
        Rejected,
        "IAM does not accept the policy of {subject}: a principal in it does not exist ({text})",
        codes=("MalformedPolicyDocument", "MalformedPolicyDocumentException"),
        fragments=("invalid principal",),
        advice="A principal that was deleted reads back as AROA… or AIDA… and cannot be written again: take it out.",
    ),
    _iam(
        Rejected,
        "IAM does not accept the policy of {subject} ({text})",
        codes=(
            *("MalformedPolicyDocument", "MalformedPolicyDocumentException"),
            *("InvalidInput", "InvalidInputException"),
        ),
    ),
    _iam(
        Rejected,
        "the policy cannot be attached to {subject} ({text})",
        codes=("PolicyNotAttachable", "PolicyNotAttachableException"),
    ),
    _iam(
        Rejected,
        "IAM cannot evaluate a policy of {subject} ({text})",
        codes=("PolicyEvaluation", "PolicyEvaluationException"),
    ),
)
