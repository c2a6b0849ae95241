"""What IAM alone says."""

from functools import partial

from podid.domain.errors import ConcurrentModification, Conflict, LimitExceeded, Rejected
from podid.domain.refusals import ErrorRule

_iam = partial(ErrorRule, service="iam")


def _both(*codes: str) -> tuple[str, ...]:
    """Each as it is, and with "Exception" at its end, where a model says so."""
    return tuple(name for code in codes for name in (code, f"{code}Exception"))


RULES: tuple[ErrorRule, ...] = (
    # IAM declares LimitExceededException, whose code on the wire is LimitExceeded; elsewhere it is a throttle
    _iam(LimitExceeded, "a quota of IAM is used up ({text})", codes=("LimitExceededException",)),
    _iam(
        ConcurrentModification,
        "somebody else was changing {subject} at the same time ({text})",
        codes=_both("ConcurrentModification"),
    ),
    _iam(Conflict, "IAM may be changing {subject} still ({text})", codes=_both("EntityTemporarilyUnmodifiable")),
    _iam(
        Rejected,
        "{subject} belongs to an AWS service, which alone may change it ({text})",
        codes=_both("UnmodifiableEntity"),
    ),
    _iam(
        Rejected,
        "IAM does not accept the policy of {subject}: a principal in it does not exist ({text})",
        codes=_both("MalformedPolicyDocument"),
        fragments=("invalid principal",),
        advice="A principal that was deleted reads back as AROA… or AIDA… and cannot be written again: take it out.",
    ),
    _iam(
        Rejected,
        "IAM does not accept the policy of {subject} ({text})",
        codes=_both("MalformedPolicyDocument", "InvalidInput"),
    ),
    _iam(Rejected, "the policy cannot be attached to {subject} ({text})", codes=_both("PolicyNotAttachable")),
    _iam(Rejected, "IAM cannot evaluate a policy of {subject} ({text})", codes=_both("PolicyEvaluation")),
)
