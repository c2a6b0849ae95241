from dataclasses import replace

from checks.builder import NO_ROLE, association, with_trust
from checks.grid import answers, messages
from podid.domain.snapshot import Known

ID = "trust-request-tag-with-tags-disabled"
FAILS = replace(
    with_trust(StringEquals={"aws:RequestTag/kubernetes-namespace": "shop"}),
    associations=Known((association(disable_session_tags=True),)),
)
UNKNOWN = NO_ROLE


def test_finding_and_unknown() -> None:
    assert answers(ID, FAILS) == [("fail", "error", "Role orders")]
    assert answers(ID, UNKNOWN) == [("unknown", "error", "Role orders")]
    assert messages(ID, FAILS) == [
        "Statement[0] does not match: StringEquals aws:RequestTag/kubernetes-namespace requires shop, "
        "but EKS does not send it; session tags are disabled, so EKS sends no aws:RequestTag"
    ]
