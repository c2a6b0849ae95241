"""Rules for every check, by the cases of its test module."""

import re
from dataclasses import replace

from harness import table
from parsing import parsed
from podid.checks.all import BY_ID
from podid.checks.runner import run_checks
from podid.domain.cluster import Container, Pod
from podid.domain.snapshot import Known
from podid.domain.workloads import injected

from .builder import INJECTED
from .cases import CASES, FAILING
from .grid import answers


def test_every_check_has_its_cases() -> None:
    assert BY_ID.keys() - CASES.keys() == set(), "write FAILS and UNKNOWN in their test modules"
    assert CASES.keys() - BY_ID.keys() == set(), "these are not checks"
    assert {check_id for check_id in CASES.keys() - FAILING.keys() if BY_ID[check_id].link != 0} == set()


@table("check_id", CASES)
def test_every_check_passes_fails_and_is_unknown(check_id: str) -> None:
    cases = CASES[check_id]
    assert {outcome for outcome, _, _ in answers(check_id, cases.passes)} == {"pass"}
    assert "unknown" in [outcome for outcome, _, _ in answers(check_id, cases.unknown)]
    if cases.fails is not None:
        assert "fail" in [outcome for outcome, _, _ in answers(check_id, cases.fails)]


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
