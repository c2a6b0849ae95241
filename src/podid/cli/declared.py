"""What a module under `podid.commands` declares; the tree of commands knows no more of it than where it is."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace

from podid.domain.rights import CommandRights, Rights, rights_of


@dataclass(frozen=True, slots=True)
class Command:
    """`body` is the function that its author wrote."""

    body: Callable[..., None]
    shared: tuple[str, ...]
    rights: Callable[[], CommandRights]
    # whether it writes a doctor's report, which has formats of its own
    reports: bool = False
    # the shared options that it takes more than once
    several: tuple[str, ...] = ()
    # what these values of its own options take, where they choose what is read; such a command needs no argument
    rights_for: Callable[..., Rights | CommandRights] | None = None

    @property
    def help(self) -> str:
        return inspect.cleandoc(self.body.__doc__ or "")

    def all_rights(self, **values: object) -> CommandRights:
        """What the body says that it calls, with these `values` of its options where they choose what is read, and what
        choosing a cluster and naming the caller takes."""
        wanted = self.rights()
        if values and self.rights_for is not None:
            found = self.rights_for(**values)
            wanted = found if isinstance(found, CommandRights) else replace(wanted, always=found)
        if not self.shared or "show_permissions" not in self.shared:
            return wanted
        from podid.aws.eks import Eks
        from podid.aws.sts import Sts

        place = rights_of((Eks.get_cluster, Eks.list_clusters)) if "cluster" in self.shared else Rights()
        return replace(wanted, always=wanted.always | place | rights_of((Sts.get_caller,)))
