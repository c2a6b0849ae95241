"""Find statements of a trust policy that one statement with a list of values could replace."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from podid.domain.trust.build import policy_size
from podid.domain.trust.conditions import Condition
from podid.domain.trust.edit import Raw
from podid.domain.trust.policy import Policy, Statement


@dataclass(frozen=True, slots=True)
class Mergeable:
    """Statements that differ only in the values of the condition `key`, so that their union allows the same requests.
    `saved` is the number of characters that the merged statement saves."""

    statements: tuple[Statement, ...]
    key: str
    saved: int

    @property
    def words(self) -> str:
        labels = ", ".join(statement.label for statement in self.statements)
        return f"{labels} differ only in {self.key}: one statement with a list is {self.saved} characters shorter"


def mergeable(policy: Policy) -> tuple[Mergeable, ...]:
    """Return the groups of statements that can be merged, the largest saving first. A statement is in one group at
    most."""
    groups: dict[str, list[tuple[Statement, Condition]]] = defaultdict(list)
    for statement in policy.statements:
        for condition in _lists(statement):
            rest = {name: value for name, value in _with(statement.raw, condition, []).items() if name != "Sid"}
            groups[json.dumps(_sorted(rest), sort_keys=True)].append((statement, condition))
    several = [_merged(policy, members) for members in groups.values() if len(members) > 1]
    chosen: list[Mergeable] = []
    for group in sorted(several, key=lambda group: -group.saved):
        taken = {statement.index for other in chosen for statement in other.statements}
        if group.saved > 0 and not taken & {statement.index for statement in group.statements}:
            chosen.append(group)
    return tuple(chosen)


def _lists(statement: Statement) -> Iterator[Condition]:
    """Yield the conditions that any one of their values fulfils."""
    yield from (c for c in statement.conditions if c.known and not c.negated and c.quantifier != "forallvalues")


def _merged(policy: Policy, members: Sequence[tuple[Statement, Condition]]) -> Mergeable:
    (first, condition), *_ = members
    values = list(dict.fromkeys(value for _, c in members for value in c.values))
    gone = {statement.index for statement, _ in members[1:]}
    raws = [
        _with(first.raw, condition, values) if statement.index == first.index else statement.raw
        for statement in policy.statements
        if statement.index not in gone
    ]
    saved = policy_size(policy) - policy_size(policy.with_statements(raws))
    return Mergeable(tuple(statement for statement, _ in members), condition.key, saved)


def _with(raw: Raw, condition: Condition, values: Sequence[str]) -> Raw:
    block = raw["Condition"]
    assert isinstance(block, Mapping)
    return {
        **raw,
        "Condition": {**block, condition.operator: {**block[condition.operator], condition.key: list(values)}},
    }


def _sorted(value: object) -> object:
    """Return the value without order in lists, and a single value as a list."""
    if isinstance(value, Mapping):
        return {name: _sorted(member) for name, member in value.items()}
    return sorted(map(str, value)) if isinstance(value, list) else [str(value)]
