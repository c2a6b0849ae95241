"""The request context of a session that pods get: the keys whose values are known before the request.

Sources: IAM User Guide, "AWS global condition context keys" (the Availability notes); EKS User Guide, "Grant Pods
access to AWS resources based on tags": all six session tags are transitive, so a target role's session has them too.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache

from podid.domain.names import Arn
from podid.domain.text import utc
from podid.domain.trust.request import (
    ABSENT_IN_SESSION,
    RESOURCE_TAGS,
    TAG_KEYS,
    LivePod,
    PodIdentity,
    RequestContext,
    Sent,
    at_run_time,
    clock,
    session_tags_of,
    tags_of,
)

_TAGS = ("aws:principaltag/",)
# of a role session: IAM User Guide, "Update the maximum session duration for a role"
_LONGEST = timedelta(hours=12)
REGION = "aws:requestedregion"
# services whose requests go to one region of the partition, wherever the pod is
_GLOBAL = frozenset(
    {
        *("iam", "organizations", "account", "cloudfront", "route53", "route53domains", "globalaccelerator", "shield"),
        *("waf", "support", "trustedadvisor", "health", "budgets", "ce", "cur", "artifact", "networkmanager"),
    }
)
# assumed of every request, unless specified: SDKs use HTTPS, and the region that the webhook injects
ASSUMED = {REGION: "requests to region {region}", "aws:securetransport": "requests over HTTPS"}


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleSession:
    """A session of `role_arn` for pods, "" if the role is not known. `pod` is the service account, None if it is not
    known; `live` is its one pod. `role_tags` are the role's, None if they were not read; `role_id` is the role's unique
    ID. `region` is the region of its requests to regional services. `specified` are the user's values, by key in lower
    case."""

    role_arn: str = ""
    role_id: str = ""
    role_tags: Mapping[str, str] | None = None
    pod: PodIdentity | None = None
    live: LivePod | None = None
    region: str = ""
    now: datetime | None = None
    specified: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def account(self) -> str:
        return Arn.parse(self.role_arn).account if self.role_arn else ""

    @property
    def partition(self) -> str:
        return Arn.parse(self.role_arn).partition if self.role_arn else "aws"

    def context(self, service: str = "", resource: str = "", own: Mapping[str, Sent] | None = None) -> RequestContext:
        """Return the context of a request of the service to a resource (an ARN); without one the keys of the resource
        are unknown. `own` are the keys of the session, if they are known already."""
        sent = {**(self.keys() if own is None else own), **self._of_request(service, resource)}
        sent |= {key: Sent(values, many=len(values) > 1) for key, values in self.specified.items()}
        unread = ("aws:requesttag/", *RESOURCE_TAGS, *(() if self.role_tags is not None else _TAGS))
        return RequestContext(2, sent, ABSENT_IN_SESSION - self.specified.keys(), unread)

    def keys(self) -> dict[str, Sent]:
        """Return the keys that every request of the session has."""
        known = bool(self.role_arn)
        sent = {
            "aws:principalarn": Sent((self.role_arn,)) if known else at_run_time("aws:PrincipalArn"),
            "aws:principalaccount": Sent((self.account,)) if known else at_run_time("aws:PrincipalAccount"),
            "aws:principaltype": Sent(("AssumedRole",)),
            "aws:principalisawsservice": Sent(("false",)),
            "aws:viaawsservice": Sent(("false",)),
            "aws:securetransport": Sent(("true",)),
            # without MFA it is false, or not sent
            "aws:multifactorauthpresent": Sent(("false",), optional=True),
            "aws:userid": Sent(open=(f"{self.role_id}:" if self.role_id else "",), why="the session name is not known"),
        }
        sent |= clock(self.now) | tags_of(self.role_tags, _TAGS)
        if self.now is not None:
            # a condition that is the same for both holds for every session that has not expired
            sent["aws:tokenissuetime"] = Sent((utc(self.now - _LONGEST), utc(self.now)), many=True)
        if self.pod is not None:
            tags = session_tags_of(self.pod, self.live, _TAGS)
            return sent | {key: value for key, value in tags.items() if key.startswith(_TAGS)}
        unknown = {_TAGS[0] + key: at_run_time(f"session tag {key}") for key in TAG_KEYS}
        return sent | {key: Sent(open=("",), optional=True, why=value.why) for key, value in unknown.items()}

    def _of_request(self, service: str, resource: str) -> dict[str, Sent]:
        parts = resource.split(":", 5)
        if len(parts) < 6 or parts[0] != "arn":
            parts = [""] * 6
        sent = {}
        region = parts[3] or ("" if service.lower() in _GLOBAL else self.region)
        if resource and region:
            sent[REGION] = Sent((region,))
        if parts[4]:
            sent["aws:resourceaccount"] = Sent((parts[4],))
        return sent

    def example(self, pattern: str, letters: str) -> str:
        """Return an ARN that matches the pattern; `letters` replace each `*`. A region or an account that is a pattern
        becomes the session's own if that matches."""
        parts = pattern.split(":", 5)
        if len(parts) == 6:
            own = {3: self.region, 4: self.account}
            parts = [own[n] if n in own and part == "*" and own[n] else part for n, part in enumerate(parts)]
        return _filled(":".join(parts), letters)


@lru_cache(maxsize=4096)
def _filled(pattern: str, letters: str) -> str:
    return pattern.replace("*", letters).replace("?", "z")
