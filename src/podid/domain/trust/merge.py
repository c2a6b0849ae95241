"""Two who change one trust policy at the same time: what the one meant, on what the other left."""

from collections.abc import Sequence

from podid.domain.trust.edit import meaning, with_free_sid
from podid.domain.trust.policy import Policy, Statement


def holds(before: Policy, after: Policy, now: Policy) -> bool:
    """Whether `now` has what `after` added to `before`, and nothing of what it took out."""
    there = [meaning(statement.raw) for statement in now.statements]
    return all(meaning(statement.raw) in there for statement in _more(after, before)) and not any(
        meaning(statement.raw) in there for statement in _more(before, after)
    )


def merged(before: Policy, after: Policy, now: Policy) -> Policy | None:
    """`now` with the statements that `after` added to `before` and without those that it took out; every other one
    keeps its value and order. None where it is not statements that differ, where what was to be replaced has another
    form now, and where no statement would be left."""
    if _top(before) != _top(after):
        return None
    if holds(before, after, now):
        return now
    gone, new = _more(before, after), _more(after, before)
    kept = [statement for statement in now.statements if meaning(statement.raw) not in _meanings(gone)]
    if new and len(now.statements) - len(kept) < len(gone):
        return None
    missing = [s for s in new if meaning(s.raw) not in _meanings(now.statements)]
    taken = {statement.sid for statement in kept}
    raws = [statement.raw for statement in kept]
    place = next((n for n, s in enumerate(now.statements) if s not in kept), len(raws))
    for statement in missing:
        raw = with_free_sid(statement.raw, taken) if statement.sid else statement.raw
        taken.add(str(raw.get("Sid", "")))
        raws.insert(place, raw)
        place += 1
    return now.with_statements(raws) if raws else None


def _more(one: Policy, other: Policy) -> list[Statement]:
    """What `one` has and `other` has not."""
    there = _meanings(other.statements)
    return [statement for statement in one.statements if meaning(statement.raw) not in there]


def _meanings(statements: Sequence[Statement]) -> list[dict[str, object]]:
    return [meaning(statement.raw) for statement in statements]


def _top(policy: Policy) -> dict[str, object]:
    return {name: value for name, value in policy.document.items() if name != "Statement"}
