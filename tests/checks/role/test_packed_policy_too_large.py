from checks.builder import DENIED, ROLE_ARN, healthy, session
from checks.grid import only
from podid.domain.snapshot import Known

ID = "packed-policy-too-large"
FAILS = healthy(sessions={ROLE_ARN: Known((session(40), session(80), session(None)))})
UNKNOWN = healthy(sessions={ROLE_ARN: DENIED})
FINDINGS = [("fail", "warn", "Role orders")]
UNKNOWNS = [("unknown", "warn", "Role orders")]
MESSAGES = [
    "sessions of the role use 80 percent of the space for tags and session policy: tags or a policy "
    "that the application adds may not fit"
]


def test_sessions_without_a_size_are_not_called_missing() -> None:
    unsized = healthy(sessions={ROLE_ARN: Known((session(None),))})
    assert only(ID, unsized).message == "CloudTrail has no packed size of the role's sessions"
    assert only(ID, healthy(sessions={ROLE_ARN: Known(())})).message == "CloudTrail has no session of the role"
