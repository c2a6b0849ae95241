"""Which service accounts of the live cluster a pattern or a selector stands for, and how near the quota is."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from podid.domain.errors import AccessDenied, Again, InvalidInput, NotFound, Rejected
from podid.domain.iam import ASSOCIATION_QUOTA, NEAR_ASSOCIATION_QUOTA
from podid.domain.names import ServiceAccountRef
from podid.domain.plan import Plan, Verb
from podid.domain.text import did_you_mean, nearest
from podid.ops.change.kinds import ASSOCIATION

if TYPE_CHECKING:
    from podid.aws.eks import Eks
    from podid.kube.reader import KubeReader


@dataclass(frozen=True, slots=True)
class Selection:
    """Patterns as of a shell (`*`, `?`, `[…]`) of namespace and name, and a selector of labels of service accounts."""

    namespace: str = "*"
    name: str = "*"
    selector: str = ""

    @property
    def exact(self) -> bool:
        """Whether it names one service account."""
        return not self.selector and not is_pattern(self.namespace) and not is_pattern(self.name)

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}" + (f" with labels {self.selector}" if self.selector else "")


def is_pattern(text: str) -> bool:
    """Whether it stands for names as a shell's pattern does."""
    return any(sign in text for sign in "*?[")


def expand(reader: KubeReader, selection: Selection) -> tuple[ServiceAccountRef, ...]:
    """The service accounts that there are now, sorted. NotFound where there is none, InvalidInput for a selector that
    the API server does not take. Raises as the reader does."""
    namespace = "" if is_pattern(selection.namespace) else selection.namespace
    try:
        found = reader.list_service_accounts(namespace, selector=selection.selector)
    except Rejected as error:
        if not selection.selector:
            raise
        what = f"--selector {selection.selector!r} is refused: {error.what}"
        raise InvalidInput(what, subject=selection.selector) from error
    refs = tuple(
        item.ref
        for item in found
        if fnmatchcase(item.namespace, selection.namespace) and fnmatchcase(item.name, selection.name)
    )
    if not refs:
        if namespace and not found:
            with suppress(AccessDenied):
                check_namespace(reader, namespace)
        near = did_you_mean(selection.name, (item.name for item in found), 1)
        raise NotFound(f"The cluster has no service account {selection}{near}", subject=str(selection))
    return tuple(sorted(refs))


def check_namespace(reader: KubeReader, namespace: str) -> None:
    """Raises NotFound for one that does not exist, with the nearest names, and as the reader does."""
    there = reader.list_namespaces()
    if namespace not in there:
        near = nearest(namespace, there, 1)
        raise NotFound(
            f"Namespace {namespace} does not exist{did_you_mean(namespace, there)}",
            hint=Again(swap=(namespace, near[0])) if near else (),
            subject=namespace,
        )


def quota_note(eks: Eks, plan: Plan) -> tuple[str, ...]:
    """What is to be known where a plan that makes several associations comes near to what a cluster takes."""
    new = sum(action.kind == ASSOCIATION.name and action.verb is Verb.CREATE for action in plan.actions)
    if new < 2:  # the count costs a call for every hundred
        return ()
    cluster = plan.header.cluster
    count = len(eks.list_association_summaries(cluster)) + new
    if count < NEAR_ASSOCIATION_QUOTA:
        return ()
    words = "more than" if count > ASSOCIATION_QUOTA else f"{count * 100 // ASSOCIATION_QUOTA} % of"
    return (f"cluster {cluster} would have {count:,} associations, {words} the {ASSOCIATION_QUOTA:,} that EKS takes",)
