from dataclasses import replace

from checks.builder import NO_ROLE, association, with_trust
from podid.domain.snapshot import Known

FAILS = replace(
    with_trust(StringEquals={"aws:RequestTag/kubernetes-namespace": "shop"}),
    associations=Known((association(disable_session_tags=True),)),
)
UNKNOWN = NO_ROLE
FINDINGS = [("fail", "error", "Role orders")]
UNKNOWNS = [("unknown", "error", "Role orders")]
MESSAGES = [
    "Statement[0] does not match: StringEquals aws:RequestTag/kubernetes-namespace requires shop, "
    "but EKS does not send it; session tags are disabled, so EKS sends no aws:RequestTag"
]
