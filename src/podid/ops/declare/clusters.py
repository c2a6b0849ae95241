"""The clusters of files, and the declarations for each."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

from podid.domain.aws import Association
from podid.domain.declaration import Declaration, DeclaredAssociation, Position
from podid.domain.errors import InvalidInput, UsageError
from podid.domain.names import ServiceAccountRef
from podid.domain.plan import Place
from podid.domain.text import did_you_mean, short_list
from podid.ops.clients import Clients

# the cluster of the command line, of the environment or of the kube context
CURRENT = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSite:
    """One cluster with its clients and the declarations for it."""

    clients: Clients
    place: Place
    declarations: tuple[Declaration, ...] = ()

    def adding(self, declarations: Iterable[Declaration]) -> Self:
        """Return the site with further declarations, each object once."""
        known = set(map(id, self.declarations))
        return replace(
            self, declarations=(*self.declarations, *(item for item in declarations if id(item) not in known))
        )


def clusters_of(
    declarations: Sequence[Declaration], chosen: Sequence[str], tagged: Callable[[Mapping[str, str]], Collection[str]]
) -> dict[str, tuple[Declaration, ...]]:
    """Return the declarations by the name or ARN of their cluster; CURRENT for those without clusters. `chosen` are the
    clusters of --cluster, which narrow the lists of the files. `tagged` returns the clusters that have all tags. Raise
    UsageError for a chosen cluster that no file lists."""
    by_cluster: dict[str, list[Declaration]] = {}
    listed: dict[str, None] = {}
    open_ended = False
    for declaration in declarations:
        names = dict.fromkeys(
            name for choice in declaration.clusters for name in ((choice.name,) if choice.name else tagged(choice.tags))
        )
        open_ended = open_ended or not declaration.clusters
        listed.update(names)
        if not declaration.clusters:
            narrowed: Collection[str] = chosen or (CURRENT,)
        else:
            narrowed = [
                name for name in names if not chosen or any(same_cluster(name, requested) for requested in chosen)
            ]
        for name in narrowed:
            by_cluster.setdefault(name, []).append(declaration)
    if not open_ended:
        for requested in chosen:
            if not any(same_cluster(name, requested) for name in listed):
                near = did_you_mean(requested, listed, 1)
                message = f"The files do not list cluster {requested}; they list {short_list(listed)}{near}"
                raise UsageError(message, subject=requested)
    return {name: tuple(items) for name, items in by_cluster.items()}


def declared_twice(declarations: Iterable[Declaration]) -> Iterator[tuple[str, str, Position]]:
    """Yield the key, the mistake and its position for each service account that several declarations of one cluster
    spell out."""
    first: dict[ServiceAccountRef, tuple[Declaration, DeclaredAssociation]] = {}
    for declaration in declarations:
        for number, item in enumerate(declaration.associations):
            if item.ref is None:
                continue
            owner, earlier = first.setdefault(item.ref, (declaration, item))
            if owner is not declaration:
                message = f"{item.ref} is already declared at {earlier.at}"
                yield f"associations[{number}].serviceAccount", message, item.place("serviceAccount")


def check_declared_once(declarations: Iterable[Declaration]) -> None:
    """Raise InvalidInput with every service account that several declarations of one cluster spell out."""
    wrong = [f"{at}: {key}: {message}" for key, message, at in declared_twice(declarations)]
    if wrong:
        raise InvalidInput(wrong[0], lines=tuple(wrong[1:]))


def same_cluster(one: str, other: str) -> bool:
    """Return whether two names or ARNs may mean the same cluster; two ARNs must be equal."""
    if one.startswith("arn:") and other.startswith("arn:"):
        return one == other
    return one.rpartition("/")[2] == other.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class ClusterSubjects:
    """The service accounts of one cluster whose pods a role must allow, each with whether EKS sends session tags.
    `staying` are service accounts outside the files whose associations have the role: they keep their access. The
    associations of the `unread` ones could not be read. `chained` are the associations whose target role it is."""

    cluster_arn: str
    refs: Mapping[ServiceAccountRef, bool] = field(default_factory=dict)
    staying: Mapping[ServiceAccountRef, bool] = field(default_factory=dict)
    unread: frozenset[ServiceAccountRef] = frozenset()
    chained: tuple[Association, ...] = ()


# the associations of a cluster after the plan; None for one that could not be read
Remaining = Mapping[ServiceAccountRef, Association | None]
