"""The check chained-assume-missing-tag-session."""

from checks.builder import DENIED, ROLE_ARN, healthy
from checks.grid import answers, messages
from podid.domain.iam import AssumePermissions
from podid.domain.snapshot import Known

FOREIGN = "arn:aws:iam::444455556666:role/reader"
ID = "chained-assume-missing-tag-session"
FAILS = healthy(assume_permissions={ROLE_ARN: Known(AssumePermissions((FOREIGN,)))})
UNKNOWN = healthy(assume_permissions={ROLE_ARN: DENIED})
PASSES = healthy(assume_permissions={ROLE_ARN: Known(AssumePermissions((FOREIGN,), (FOREIGN,)))})


def test_finding_and_unknown() -> None:
    assert answers(ID, FAILS) == [("fail", "error", "Role orders")]
    assert answers(ID, UNKNOWN) == [("unknown", "error", "Role orders")]
    assert messages(ID, FAILS) == [
        "pods with this role cannot assume arn:aws:iam::444455556666:role/reader: the request includes "
        "the session's tags, and no policy of the role allows sts:TagSession on it"
    ]
