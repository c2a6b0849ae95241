"""What a module under `podid.commands` declares; the tree of commands knows no more of it than where it is."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from podid.cli.options import OUTPUT, SHARED
from podid.domain.option import OptionField, filled, options_in
from podid.domain.rights import CommandRights, Rights, rights_of

# what a body may ask for by name; all its other parameters are its own options, or groups of them
HANDED_IN = ("access", "terminal")


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

    @property
    def parameters(self) -> Mapping[str, inspect.Parameter]:
        return inspect.signature(self.body, eval_str=True).parameters

    @property
    def own(self) -> tuple[OptionField, ...]:
        """The options that are its own, in order."""
        found: list[OptionField] = []
        for name, parameter in self.parameters.items():
            if isinstance(parameter.default, OptionField):
                found.append(replace(parameter.default, field=name))
            elif name not in HANDED_IN:
                found += options_in(parameter.annotation)
        return tuple(found)

    @property
    def options(self) -> tuple[OptionField, ...]:
        """All that it takes, but for --show-permissions."""
        return (*self.own, *(SHARED[name] for name in (*self.shared, *OUTPUT) if name in SHARED))

    def values(self, typed: Mapping[str, Any]) -> dict[str, Any]:
        """What the body is called with for the values of its own options. Raises InvalidInput."""
        found: dict[str, Any] = {}
        for name, parameter in self.parameters.items():
            declared = parameter.default
            if isinstance(declared, OptionField):
                value = typed[name]
                empty = value in (None, [])
                found[name] = declared.default if empty else replace(declared, field=name).value(value)
            elif name not in HANDED_IN:
                found[name] = filled(parameter.annotation, typed)
        return found

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
