"""Pods that a change of their association has not reached.

Credentials last up to six hours, and 59 minutes from a target role; the agent keeps them for three and an update
flushes nothing: https://docs.aws.amazon.com/eks/latest/userguide/pod-id-how-it-works.html and
https://github.com/aws/eks-pod-identity-agent. The longer span holds for all: the target role may be what is new.
"""

from datetime import datetime, timedelta

from podid.domain.evidence import NO_CHANGES, RecentChanges
from podid.domain.model import Association, Pod

LIFETIME = timedelta(hours=6)
OF_TARGET = timedelta(minutes=59)


def lifetime_words(lifetime: timedelta) -> str:
    minutes = int(lifetime.total_seconds() // 60)
    return f"{minutes} minutes" if minutes % 60 else f"{minutes // 60} hours"


def changed_at(association: Association, now: datetime, changes: RecentChanges = NO_CHANGES) -> datetime | None:
    """When the association was last changed, in whole seconds as Kubernetes counts, if credentials from before can
    still be in use; None otherwise, and where podid made that change and left alone what they carry. EKS does not say
    what was changed: role, target role, session policy or tags."""
    made, changed = association.created_at, association.modified_at
    if made is None or changed is None or changed <= made or now - changed >= LIFETIME or changes.kept(association):
        return None
    return changed.replace(microsecond=0)


def precedes(pod: Pod, changed: datetime | None) -> bool:
    """Whether the pod started before that, so that it may still act as the association was."""
    return changed is not None and pod.created_at < changed
