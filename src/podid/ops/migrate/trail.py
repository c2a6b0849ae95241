"""CloudTrail's data about a migration: the SDKs with which pods use IRSA, and the pods with sessions of the role from
EKS. The data is some minutes late, and read only with --cloudtrail."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from podid.domain.cloudtrail import OldSdk, newest, old_sdk
from podid.domain.errors import PodidError
from podid.domain.migration import Blocker
from podid.domain.names import ServiceAccountRef
from podid.domain.plan import Place
from podid.domain.snapshot import Known, Section, missing
from podid.domain.workloads import live, opted_out
from podid.ops.clients import Clients
from podid.ops.migrate.candidates import MigrationCandidate

# a token of IRSA is exchanged again every hour, by default
SINCE, MOST_EVENTS = timedelta(hours=24), 1000
MOST_SESSIONS = 200


@dataclass(frozen=True, slots=True)
class MigrationTrail:
    """`old` are the SDKs that are older than Pod Identity, with the moment of the last use; `pods` the uids of the pods
    that have had a session of their role. If there are too many exchanges of tokens to read all, `oldest` is
    the moment of the oldest one that was read; otherwise None."""

    old: Mapping[ServiceAccountRef, Mapping[OldSdk, datetime]] = field(default_factory=dict)
    pods: frozenset[str] = frozenset()
    oldest: datetime | None = None

    def blocker(self, ref: ServiceAccountRef) -> Blocker | None:
        """Return the blocker of a service account whose pods use such an SDK."""
        if not (sdks := self.old.get(ref)):
            return None
        evidence = tuple(
            f"AssumeRoleWithWebIdentity by {sdk.name} {sdk.version}, last {last:%Y-%m-%d %H:%M} UTC; Pod Identity "
            f"requires {sdk.since} or later"
            for sdk, last in sdks.items()
        )
        names = ", ".join(f"{sdk.name} {sdk.version}" for sdk in sdks)
        return Blocker("sdk-too-old", f"Pods of {ref} use IRSA with an SDK that is too old: {names}.", evidence)

    def proves(self, candidate: MigrationCandidate) -> bool:
        """Return whether every running pod has had a session; False without pods."""
        uids = [pod.uid for pod in candidate.pods if live(pod) and not opted_out(pod)]
        return bool(uids) and self.pods.issuperset(uids)


def read_trail(
    clients: Clients, place: Place, moved: Collection[MigrationCandidate], now: datetime
) -> Section[MigrationTrail]:
    """Read the exchanges of tokens of this cluster's issuer, and the sessions of the roles of the `moved` items."""
    old: dict[ServiceAccountRef, dict[OldSdk, datetime]] = {}
    pods: set[str] = set()
    trail, issuer, since = clients.aws.cloudtrail, place.the_cluster.oidc_provider_arn, now - SINCE
    try:
        exchanges = newest(trail.iter_web_identities(since), since, MOST_EVENTS)
        for event in exchanges.events:
            if event.provider == issuer and event.ref is not None and (sdk := old_sdk(event.user_agent)) is not None:
                old.setdefault(event.ref, {}).setdefault(sdk, event.at)
        for arn in sorted({candidate.role_arn for candidate in moved}):
            sessions = newest(trail.iter_sessions(arn, since), since, MOST_SESSIONS).events
            pods |= {session.pod_uid for session in sessions if session.pod_uid and not session.error_code}
    except PodidError as error:
        return missing(error)
    oldest = None if exchanges.whole else exchanges.events[-1].at
    return Known(MigrationTrail(old, frozenset(pods), oldest))
