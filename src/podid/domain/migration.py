"""A migration to EKS Pod Identity: one item for each service account whose pods use IRSA, kiam or kube2iam.

A stage is derived from AWS and the cluster alone, never from a file, so that another person can continue a migration.
AWS documents no order of the steps; `docs/guides/migrate-from-irsa.md` gives the reasons for this one.
"""

import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Annotated, Self

from podid.domain.errors import ExitCode, complete
from podid.domain.findings import RankedWord
from podid.domain.members import FLAT, HIDDEN, OR_NULL, About, ArnText, kind, members
from podid.domain.names import ServiceAccountRef
from podid.domain.text import short_list


class OlderWay(StrEnum):
    """The previous mechanism by which pods get credentials."""

    IRSA = "irsa"
    KIAM = "kiam"
    KUBE2IAM = "kube2iam"

    @property
    def words(self) -> str:
        return "IRSA" if self is OlderWay.IRSA else self.value


def sources_words(sources: Iterable[OlderWay | None]) -> str:
    """Return `IRSA and kube2iam`."""
    return " and ".join(sorted({source.words for source in sources if source is not None}))


class Stage(RankedWord):
    """The stage of an item; the order of declaration is the order of the stages.

    old: pods get the role only by IRSA, kiam or kube2iam. admitted: the role's trust policy allows both ways.
    associated: the association exists too. moved: every running pod uses Pod Identity, or there is none. proven: EKS
    Auth issued the role for each pod's token. clean: nothing of a previous mechanism is left, or there never was one:
    AWS and the cluster do not show which."""

    OLD = "old"
    ADMITTED = "admitted"
    ASSOCIATED = "associated"
    MOVED = "moved"
    PROVEN = "proven"
    CLEAN = "clean"


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialCounts:
    """Numbers of running pods by the credentials that their main container uses. A pod uses IRSA if one of its
    containers does. Others that opt out of injection do not count."""

    total: int = 0
    pod_identity: int = 0
    irsa: int = 0
    other: Annotated[int, About("Static keys, a profile, another endpoint, the node role or none.")] = 0


@dataclass(frozen=True, slots=True)
class Blocker:
    """A reason to leave an item unchanged. `way_out` are command lines that remove the reason or accept it. One that is
    `firm` cannot be accepted, because EKS or IAM would refuse the change."""

    id: Annotated[str, About("The id of the failure mode; `podid explain ID` shows its page.")]
    message: str
    evidence: tuple[str, ...] = ()
    way_out: Annotated[tuple[tuple[str, ...], ...], About("Command lines.")] = ()
    firm: Annotated[bool, HIDDEN] = False


@dataclass(frozen=True, slots=True, order=True)
class Caution:
    """Something to know before an item is migrated."""

    id: Annotated[str, About("The id of the failure mode; `podid explain ID` shows its page.")]
    message: str


@dataclass(frozen=True, slots=True)
class MigrationStep:
    """One remaining step. Steps are in the order in which podid does them."""

    action: Annotated[str, About("create, allow, associate, patch, restart, verify or finish.")]
    target: Annotated[str, About("The role, the service account or the workload.")]
    commands: Annotated[tuple[tuple[str, ...], ...], About("Command lines that do the same.")] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemState:
    """The state that `podid migrate apply --plan` compares with the current one."""

    trust_policy: Annotated[str, OR_NULL, About("A digest of the role's trust policy; null if it was not read.")] = ""
    association: Annotated[str, OR_NULL, About("The association's id.")] = ""
    annotations: Annotated[Mapping[str, str], About("The annotations that name the role.")] = field(
        default_factory=dict
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class MigrationItem:
    """A service account and the role of its pods before the migration. `workloads` are those that use it; `unknown` are
    the reasons for missing checks; `owner` is the tool that would restore the annotation, if any."""

    ref: Annotated[ServiceAccountRef, FLAT]
    source: Annotated[OlderWay | None, About("Null if nothing of IRSA, kiam or kube2iam is left.")]
    role_arn: ArnText
    stage: Stage
    pods: CredentialCounts
    evidence: Annotated[
        tuple[str, ...], About("The fields from which podid derived the previous source of credentials.")
    ] = ()
    workloads: Annotated[tuple[str, ...], About("KIND/NAMESPACE/NAME.")] = ()
    node_kinds: Annotated[
        tuple[str, ...], About("Kinds of the nodes of its running pods, such as managed, karpenter, fargate, windows.")
    ] = ()
    blockers: tuple[Blocker, ...] = ()
    warnings: tuple[Caution, ...] = ()
    unknown: Annotated[tuple[str, ...], About("Facts that could not be checked. They block only with `--strict`.")] = ()
    steps: tuple[MigrationStep, ...] = ()
    owner: Annotated[str, OR_NULL, About("The tool that manages the annotation, such as Helm.")] = ""
    copy_of: Annotated[
        str, OR_NULL, About("The service account that the workloads use today, if they get this one.")
    ] = ""
    state: ItemState = field(default_factory=ItemState)

    def with_commands(self, change: Callable[[tuple[str, ...]], tuple[str, ...]]) -> Self:
        """Return the item with each command line changed by the function."""
        blockers = tuple(replace(item, way_out=tuple(map(change, item.way_out))) for item in self.blockers)
        steps = tuple(replace(step, commands=tuple(map(change, step.commands))) for step in self.steps)
        return replace(self, blockers=blockers, steps=steps)

    @property
    def target(self) -> str:
        return str(self.ref)


@dataclass(frozen=True, slots=True, kw_only=True)
class MigrationItems:
    """The items of a cluster, and the parts of it that could not be read."""

    cluster: Annotated[str, About("The cluster's ARN.")]
    items: Sequence[MigrationItem]
    unread: Annotated[tuple[str, ...], About("The parts that could not be read, each with the reason.")] = ()

    @property
    def gaps(self) -> tuple[str, ...]:
        """Return a sentence for each part of the cluster, and of an item, that could not be read."""
        facts = dict.fromkeys(fact for item in self.items for fact in item.unknown)
        return (*self.unread, *(f"not checked: {fact}" for fact in facts))

    @property
    def exit_code(self) -> ExitCode:
        """Return 9 if something could not be read; blockers and warnings are a result."""
        return complete(ExitCode.OK, *self.gaps)


@kind("MigrationPlan", "`podid migrate plan`.")
@members("cluster items providers unread")
@dataclass(frozen=True, slots=True, kw_only=True)
class MigrationPlan(MigrationItems):
    """The unfinished items, with their blockers and remaining steps."""

    providers: Annotated[Sequence[ArnText], About("OIDC providers that the roles of the items trust for this cluster.")]


@dataclass(frozen=True, slots=True, order=True, kw_only=True)
class OlderAgent:
    """kiam or kube2iam in the cluster. Delete it when it serves no workload."""

    source: OlderWay
    workloads: Annotated[tuple[str, ...], About("Its own workloads: KIND/NAMESPACE/NAME.")]
    serves: Annotated[tuple[str, ...], About("Workloads that get roles from it: KIND/NAMESPACE/NAME.")]
    unneeded: Annotated[
        tuple[tuple[str, ...], ...],
        About("Command lines that remove annotations of namespaces without a workload that needs them."),
    ] = ()

    @property
    def sentences(self) -> tuple[str, ...]:
        """Return the sentence, and one for the annotations of namespaces."""
        edits = (f"no workload needs an annotation any more: {shlex.join(command)}" for command in self.unneeded)
        return (self.sentence, *edits)

    @property
    def sentence(self) -> str:
        """Return the workloads that it serves, or how to delete it."""
        name = f"{self.source} ({short_list(map(spoken, self.workloads))})"
        if self.serves:
            return f"{name} still serves {short_list(map(spoken, self.serves), 3)}"
        return f"{name} no longer serves any workload; podid migrate cleanup {' '.join(self.workloads)} deletes it"


def spoken(path: str) -> str:
    """Return KIND NAMESPACE/NAME of KIND/NAMESPACE/NAME."""
    return path.replace("/", " ", 1)


@kind("MigrationStatus", "`podid migrate status`.")
@members("cluster items agents next unread")
@dataclass(frozen=True, slots=True, kw_only=True)
class MigrationStatus(MigrationItems):
    """The items by stage, the first stage first, and the next commands."""

    agents: Annotated[Sequence[OlderAgent], About("Empty if the command is not about the whole cluster.")]
    next: Annotated[Sequence[tuple[str, ...]], About("Command lines.")]


@dataclass(frozen=True, slots=True, order=True, kw_only=True)
class Leftover:
    """An object that a migration does not delete."""

    kind: Annotated[str, About("oidc-provider, role or agent.")]
    arn: Annotated[ArnText, OR_NULL, About("Null for an agent.")] = ""
    workload: Annotated[str, OR_NULL, About("KIND/NAMESPACE/NAME of an agent.")] = ""
    reason: Annotated[str, About("The reason why it is no longer needed.")]

    @property
    def name(self) -> str:
        """Return the text that specifies it on the command line."""
        return self.arn or self.workload


@kind("MigrationCleanup", "`podid migrate cleanup`.")
@dataclass(frozen=True, slots=True, kw_only=True)
class MigrationCleanup:
    """The leftovers that can be deleted. OIDC providers are listed only if the trust policy of every role could be
    read."""

    items: Sequence[Leftover]
    unreadable: Annotated[Sequence[str], About("Roles whose trust policy could not be parsed.")] = ()
    unread: Annotated[str, OR_NULL, About("The reason why the pods of kiam and kube2iam are not known.")] = ""
    agents: Annotated[Sequence[OlderAgent], About("kiam and kube2iam, with what they serve.")] = ()

    @property
    def gaps(self) -> tuple[str, ...]:
        """Return a sentence for each part that could not be read."""
        names = short_list(self.unreadable)
        roles = (f"the trust policy of {names} cannot be parsed: OIDC providers are not listed",) if names else ()
        return (*filter(None, (self.unread,)), *roles)

    @property
    def exit_code(self) -> ExitCode:
        return complete(ExitCode.OK, *self.gaps)
