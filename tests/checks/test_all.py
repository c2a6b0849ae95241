"""Rules for every check, by the cases of its test module; fixes grant nothing because of an annotation."""

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

from checks.builder import ISSUER, UNREAD, association, healthy
from harness import table
from parsing import parsed
from podid.checks.all import ALL, BY_ID
from podid.checks.runner import run_checks
from podid.domain.cluster import Container, Pod, ServiceAccount
from podid.domain.findings import FixClass, Verdict
from podid.domain.names import ServiceAccountRef
from podid.domain.section import INTERNAL
from podid.domain.snapshot import Known, Snapshot, known_or
from podid.domain.workloads import injected

from .builder import ACCOUNT, INJECTED, cluster, role, trust
from .cases import CASES, FAILING, SMALL
from .grid import answers, messages


def test_every_check_has_its_cases() -> None:
    assert BY_ID.keys() - CASES.keys() == set(), "write FAILS and UNKNOWN in their test modules"
    assert CASES.keys() - BY_ID.keys() == set(), "these are not checks"
    assert {check_id for check_id in CASES.keys() - FAILING.keys() if BY_ID[check_id].link != 0} == set()


@table("check_id", CASES)
def test_every_check_passes_fails_and_is_unknown(check_id: str) -> None:
    cases = CASES[check_id]
    assert {outcome for outcome, _, _ in answers(check_id, cases.passes)} == {"pass"}
    assert "unknown" in [outcome for outcome, _, _ in cases.unknowns]
    assert answers(check_id, cases.unknown) == cases.unknowns
    if cases.fails is not None:
        assert "fail" in [outcome for outcome, _, _ in cases.findings]
        assert answers(check_id, cases.fails) == cases.findings
        assert cases.messages in (None, messages(check_id, cases.fails))


@table("check_id", FAILING)
def test_a_failure_in_an_init_container_alone_is_reported_too(check_id: str) -> None:
    """The webhook injects init containers as it does the others, and their SDKs use the injected variables."""
    snapshot = FAILING[check_id]
    if isinstance(snapshot.pods, Known):
        snapshot = replace(snapshot, pods=Known(tuple(map(_with_init_containers, snapshot.pods.value))))
    assert "fail" in [outcome for outcome, _, _ in answers(check_id, snapshot)]


def _with_init_containers(old: Pod) -> Pod:
    """Return the pod with its containers as init containers, and one healthy container."""
    main = Container(name="main", image="example/main:1", env=INJECTED if injected(old) else {}, ready=True)
    return replace(old, containers=(*(replace(container, init=True) for container in old.containers), main))


@table("check_id", FAILING)
def test_fixes_can_be_pasted(check_id: str) -> None:
    """podid's own parser accepts them, and they contain no placeholder."""
    fixes = [
        words
        for verdict in run_checks((BY_ID[check_id],), FAILING[check_id])
        if verdict.fix is not None
        for words in verdict.fix.commands
    ]
    for words in fixes:
        assert words[0] in ("podid", "aws", "kubectl")
        assert not any(re.fullmatch(r"[A-Z][A-Z_/]{2,}", word) for word in words)
        assert words[0] != "podid" or parsed(words)


@table("check_id", BY_ID)
def test_an_association_that_could_not_be_read_is_no_bug(check_id: str) -> None:
    """Its settings are not known. An error of a check itself is a verdict too, and the goldens accept it."""
    snapshot = healthy(associations=(association(), UNREAD))
    assert [item.reason for item in run_checks((BY_ID[check_id],), snapshot) if INTERNAL in item.reason] == []


# --- fixes ------------------------------------------------------------------------------------------------------------


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
