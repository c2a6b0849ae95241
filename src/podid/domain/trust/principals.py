"""The statements that allow roles of nodes, or of the server of kiam, to assume a role on behalf of pods."""

from collections.abc import Collection, Mapping

from podid.domain.text import short_list
from podid.domain.trust.edit import Edit, unchanged
from podid.domain.trust.engine import ASSUME_ROLE, about
from podid.domain.trust.policy import Policy, Statement
from podid.domain.trust.remove import Raw, with_removed


def principals_among(policy: Policy, arns: Collection[str]) -> tuple[str, ...]:
    """Return those of the roles that a statement names and allows to assume the role."""
    return tuple(dict.fromkeys(name for s in _own(policy, arns) for kind, name in s.principals if name in arns))


def principal_statement(arn: str) -> dict[str, object]:
    """Return the statement that the documentation of kiam and kube2iam gives."""
    return {"Effect": "Allow", "Principal": {"AWS": arn}, "Action": ASSUME_ROLE}


def remove_principals(policy: Policy, arns: Collection[str]) -> Edit:
    """Remove the roles from the statements that allow them. A statement without other principals is removed. Other
    principals, Sids and the order stay equal."""
    whole: list[Statement] = []
    changed: dict[int, tuple[Raw, str]] = {}
    for statement in _own(policy, arns):
        own = [name for kind, name in statement.principals if kind == "AWS" and name in arns]
        if len(own) == len(statement.principals):
            whole.append(statement)
        else:
            changed[statement.index] = (_without(statement.raw, own), short_list(own))
    if not whole and not changed:
        return unchanged(policy, f"no statement names {short_list(arns)}", None)
    return with_removed(policy, whole, changed)


def restore_principals(policy: Policy, earlier: Policy, arns: Collection[str]) -> Policy:
    """Return the policy in which the roles have the access of the `earlier` version: the names in their statement, or
    the statement at its place. Other statements stay equal."""
    raws: list[Raw] = [statement.raw for statement in policy.statements]
    own = {statement.index for statement in _own(earlier, arns)}
    place = 0
    for statement in earlier.statements:
        rest = statement.raw
        if statement.index in own:
            names = [name for kind, name in statement.principals if kind == "AWS" and name in arns]
            rest = _without(statement.raw, names)
        if statement.raw in raws:
            place = raws.index(statement.raw) + 1
        elif rest in raws:
            place = raws.index(rest) + 1
            raws[place - 1] = statement.raw
        elif statement.index in own:
            raws.insert(place, statement.raw)
            place += 1
    return policy.with_statements(raws)


def _own(policy: Policy, arns: Collection[str]) -> list[Statement]:
    return [
        s
        for s in policy.statements
        if s.allow and not s.not_principal and about(s, ASSUME_ROLE) and any(name in arns for _, name in s.principals)
    ]


def _without(raw: Raw, arns: Collection[str]) -> Raw:
    principal = raw["Principal"]
    assert isinstance(principal, Mapping)
    names = principal["AWS"]
    kept = [name for name in (names if isinstance(names, list) else [names]) if name not in arns]
    new = {kind: kept if kind == "AWS" else value for kind, value in principal.items()}
    return {**raw, "Principal": {kind: value for kind, value in new.items() if value}}
