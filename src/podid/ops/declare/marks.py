"""The owner of a resource: this file, another file, or another tool."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

from podid.domain.declaration import OWNER_KEY, Declaration
from podid.domain.owners import ADDON, Owner, owner_of
from podid.domain.plan import texts
from podid.ops.change.journal import Journal
from podid.ops.change.kinds import ASSOCIATION, ROLE, ROLE_SETTINGS

Tags = Mapping[str, str]
# their controllers remove or revert the tags of others
_CONTROLLERS = (ADDON, "AWS Controllers for Kubernetes", "Crossplane")
_BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Mark:
    """The owner of a resource: `file` is the name in its mark, empty without one; `tool` is another tool. `ours` is
    whether the mark is the declaration's."""

    file: str = ""
    ours: bool = False
    tool: Owner | None = None

    @classmethod
    def of(
        cls, tags: Tags, declaration: Declaration, *, named: Tags, owner_arn: str | None = None, name: str = ""
    ) -> Mark:
        """Return the owner by tags and by the add-on's ARN. Tags that the file itself sets (`named`) are no
        evidence."""
        key = declaration.owner_key
        file = tags.get(key, "") or tags.get(OWNER_KEY, "")
        ours = tags.get(key) == declaration.name
        others = {key: value for key, value in tags.items() if named.get(key) != value}
        return cls(file, ours, owner_of(others, owner_arn=owner_arn, name=name))

    @property
    def words(self) -> str:
        """Return the owner for a sentence and for JSON; empty for none."""
        return self.file or (self.tool.words if self.tool is not None else "")

    @property
    def other_file(self) -> bool:
        return bool(self.file) and not self.ours

    @property
    def taggable(self) -> bool:
        """Return whether a tag of podid would stay."""
        return self.tool is None or self.tool.tool not in _CONTROLLERS


class TagHistory:
    """The tags that runs of a file have set, from the journal: only those are removed when they leave the file."""

    def __init__(self, journal: Journal | None, account: str, declaration: Declaration) -> None:
        self._journal, self._account, self._declaration = journal, account, declaration

    @cached_property
    def _keys(self) -> Mapping[tuple[str, ...], frozenset[str]]:
        keys: dict[tuple[str, ...], set[str]] = {}
        if self._journal is None:
            return {}
        kinds = (ASSOCIATION.name, ROLE.name, ROLE_SETTINGS.name)
        steps = self._journal.steps_since(self._account, kinds, _BEGINNING)
        for run, step, _ in sorted(steps, key=lambda item: item[2]):
            action = step.action
            of_cluster = (run.header.region, run.header.cluster) if action.kind == ASSOCIATION.name else ()
            own = keys.setdefault((*of_cluster, action.target), set())
            before, after = (texts(state, "tags") for state in (action.before, step.after or action.after))
            own -= {key for key in before if key not in after}
            if after.get(self._declaration.owner_key) == self._declaration.name:
                own |= {key for key, value in after.items() if before.get(key) != value}
        return {target: frozenset(names) for target, names in keys.items()}

    def removed(self, target: tuple[str, ...], tags: Tags, named: Tags) -> tuple[str, ...]:
        """Return the keys of `tags` that this file has set and no longer names. `target` is the name of the resource,
        after region and cluster if it belongs to one."""
        more = [key for key in tags if key not in named and key != self._declaration.owner_key]
        return tuple(key for key in more if key in self._keys.get(target, frozenset())) if more else ()
