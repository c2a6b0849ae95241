"""The fixes of every check: they grant nothing because of an annotation, and can be pasted whatever the names are."""

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

from checks.builder import ISSUER
from harness import table
from parsing import parsed
from podid.checks.all import ALL, BY_ID
from podid.checks.runner import run_checks
from podid.domain.cluster import ServiceAccount
from podid.domain.findings import FixClass, Verdict
from podid.domain.names import ServiceAccountRef
from podid.domain.snapshot import Known, Snapshot, known_or

from .builder import ACCOUNT, cluster, role, trust
from .cases import FAILING, SMALL

UNUSED_ROLE = f"arn:aws:iam::{ACCOUNT}:role/administrator"


def fixes(snapshot: Snapshot, *ids: str) -> Iterator[tuple[Verdict, FixClass, tuple[str, ...]]]:
    for verdict in run_checks(tuple(BY_ID[name] for name in ids) if ids else ALL, snapshot):
        for words in verdict.fix.commands if verdict.fix is not None else ():
            assert verdict.fix is not None
            yield verdict, verdict.fix.kind, words


def test_only_fixes_of_the_class_of_the_page_are_applied() -> None:
    """One check may grant permissions, and one may delete."""
    applied: dict[str, set[FixClass]] = {name: set() for name in FAILING}
    for name, snapshot in FAILING.items():
        for verdict, kind, _ in fixes(snapshot, name):
            applied[verdict.check] |= {kind} - {FixClass.PRINT}
    assert {name for name, kinds in applied.items() if FixClass.GRANT in kinds} == {"role-not-found"}
    assert {name for name, kinds in applied.items() if FixClass.DELETE in kinds} == {"unused-association"}
    declared = {check.id: {check.fix} - {FixClass.PRINT, FixClass.NONE} for check in BY_ID.values()}
    assert applied == {name: declared[name] for name in FAILING}


def annotated(snapshot: Snapshot) -> Snapshot:
    """Return the snapshot of a command that names every service account, and two of a similar name for each
    association. They are annotated with another role, which allows all pods of the account."""
    refs = {account.ref for account in known_or(snapshot.service_accounts, ())}
    associated = {item.ref for item in known_or(snapshot.associations, ())}
    refs |= {ServiceAccountRef(ref.namespace, f"{ref.name}{end}") for ref in associated for end in ("s", "-sa")}
    accounts = tuple(
        ServiceAccount(namespace=ref.namespace, name=ref.name, annotations={"eks.amazonaws.com/role-arn": UNUSED_ROLE})
        for ref in sorted(refs)
    )
    wide = Known(role(UNUSED_ROLE, trust(StringEquals={"aws:SourceAccount": ACCOUNT})))
    roles: dict[str, Any] = {**(snapshot.roles.value if isinstance(snapshot.roles, Known) else {}), UNUSED_ROLE: wide}
    return replace(
        snapshot,
        cluster=Known(cluster(oidc_issuer=f"https://{ISSUER}")),
        service_accounts=Known(accounts),
        roles=Known(roles),
        targets=tuple(sorted({*refs, *associated})),
    )


@table("name", SMALL)
def test_an_annotation_grants_nothing(name: str) -> None:
    """Anyone who may write to a service account can annotate it with any role."""
    snapshot = annotated(SMALL[name])
    associated = {str(item.ref) for item in known_or(snapshot.associations, ())}
    for verdict, kind, words in fixes(snapshot):
        assert UNUSED_ROLE not in words, (verdict.check, words)
        if kind in (FixClass.GRANT, FixClass.DELETE):
            named = {word for word in words if word.count("/") == 1 and not word.startswith("arn:")}
            assert named <= associated, (verdict.check, words)  # not one of a similar name
        if "--update-trust" in words:  # only for an association that exists
            assert words[2] in associated, (verdict.check, words)


def renamed(value: Any, old: str, new: str) -> Any:
    """Return the value with every string changed."""
    if isinstance(value, str) and type(value) is str:
        return value.replace(old, new)
    if isinstance(value, ServiceAccountRef):
        return value
    if is_dataclass(value) and not isinstance(value, type):
        changed = {item.name: renamed(getattr(value, item.name), old, new) for item in fields(value) if item.init}
        return replace(value, **changed)
    if isinstance(value, Mapping):
        return {renamed(key, old, new): renamed(item, old, new) for key, item in value.items()}
    if isinstance(value, tuple | frozenset):
        return type(value)(renamed(item, old, new) for item in value)
    return value


@table("name", SMALL)
def test_roles_with_hostile_names(name: str) -> None:
    """A role's name may begin with a dash."""
    for old in (":role/orders", ":role/reports", ":role/nodes"):
        snapshot = renamed(SMALL[name], old, ":role/-orders")
        for verdict, _, words in fixes(snapshot, name):
            assert shlex.split(shlex.join(words)) == list(words)
            if words[0] == "podid":
                assert parsed(words), (verdict.check, words)
            else:
                bare = [word for word in words if word.startswith("-") and not word.startswith("--")]
                assert set(bare) <= {"-n", "-o", "-p"}, (verdict.check, words)
