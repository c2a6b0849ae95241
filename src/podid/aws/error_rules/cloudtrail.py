"""What CloudTrail alone says."""

from podid.domain.errors import Rejected
from podid.domain.refusals import ErrorRule

RULES: tuple[ErrorRule, ...] = (
    ErrorRule(
        Rejected,
        "CloudTrail does not accept {operation}{on} ({text})",
        service="cloudtrail",
        codes=(
            "InvalidLookupAttributesException",
            "InvalidTimeRangeException",
            "InvalidMaxResultsException",
            "InvalidNextTokenException",
            "InvalidEventCategoryException",
            "UnsupportedOperationException",
            "OperationNotPermittedException",
        ),
    ),
)
