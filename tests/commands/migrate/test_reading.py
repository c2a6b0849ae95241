"""The cluster that all commands of podid migrate read: unknown names and denied reads."""

import pytest

from irsa import REPORTS, Irsa
from worlds import Site

# what each ends with if the reader may not list: finish deletes, so that what it has not read may hold a user
CHANGES = {"apply": 4, "finish": 9, "rollback": 4}


@pytest.fixture(scope="module")
def _begun(_kept: Site) -> Irsa:
    _kept.must("migrate", "apply", REPORTS, "--until", "associated", "--yes")
    return Irsa(_kept)


@pytest.fixture
def begun(_begun: Irsa, shared: Site) -> Irsa:
    """Return a cluster with a migration that has begun. Tests change nothing."""
    return _begun


@pytest.mark.parametrize("verb", ["plan", "status", *CHANGES])
def test_unknown_names_get_suggestions(begun: Irsa, verb: str) -> None:
    more, runs = ("--yes",) if verb in CHANGES else (), begun.site.must("history").stdout
    for names, near, instead in (
        (("legacy/report",), "did you mean reports", "legacy/reports"),
        (("legcy/reports",), "did you mean legacy", "legacy/reports"),
        (("-n", "legcy"), "did you mean legacy", "-n legacy"),
    ):
        outcome = begun.site("migrate", verb, *names, *more)
        assert (outcome.code, outcome.stdout) == (5, ""), outcome
        assert near in outcome.stderr, outcome
        assert f"podid migrate {verb} {instead}" in outcome.stderr, outcome
    assert begun.site.must("history").stdout == runs


@pytest.mark.parametrize("resource", ["serviceaccounts", "pods"])
def test_nothing_is_changed_if_a_read_is_denied(begun: Irsa, resource: str) -> None:
    trust, runs = begun.trust("irsa-reports"), begun.site.must("history").stdout
    others = [name for name in ("serviceaccounts", "pods", "namespaces", "nodes", "deployments") if name != resource]
    denied = begun.site.user(f"without-{resource}", [{"apiGroups": ["*"], "resources": others, "verbs": ["*"]}])
    for verb in CHANGES:
        outcome = begun.site("migrate", verb, REPORTS, "--yes", env=denied)
        assert (outcome.code, resource in outcome.stderr) == (CHANGES[verb], True), (verb, outcome)
    assert (begun.trust("irsa-reports"), begun.site.must("history").stdout) == (trust, runs)
