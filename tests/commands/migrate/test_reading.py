"""The cluster that all commands of podid migrate read: unknown names and denied reads."""

import pytest

from irsa import REPORTS, Irsa


@pytest.mark.parametrize("verb", ["plan", "status", "apply", "finish", "rollback"])
def test_unknown_names_get_suggestions(irsa: Irsa, verb: str) -> None:
    more = ("--yes",) if verb in ("apply", "finish", "rollback") else ()
    for names, near, instead in (
        (("legacy/report",), "did you mean reports", "legacy/reports"),
        (("legcy/reports",), "did you mean legacy", "legacy/reports"),
        (("-n", "legcy"), "did you mean legacy", "-n legacy"),
    ):
        outcome = irsa.site("migrate", verb, *names, *more)
        assert (outcome.code, outcome.stdout) == (5, ""), outcome
        assert near in outcome.stderr, outcome
        assert f"podid migrate {verb} {instead}" in outcome.stderr, outcome
    assert irsa.site.must("history").stdout == ""


@pytest.mark.parametrize("verb", ["apply", "finish", "rollback"])
@pytest.mark.parametrize("resource", ["serviceaccounts", "pods"])
def test_nothing_is_changed_if_a_read_is_denied(irsa: Irsa, verb: str, resource: str) -> None:
    irsa.site.must("migrate", "apply", "-A", "--until", "associated", "--yes")
    trust, runs = irsa.trust("irsa-reports"), irsa.site.must("history").stdout
    others = [name for name in ("serviceaccounts", "pods", "namespaces", "nodes", "deployments") if name != resource]
    blind = irsa.site.user("blind", [{"apiGroups": ["*"], "resources": others, "verbs": ["*"]}])
    outcome = irsa.site("migrate", verb, REPORTS, "--yes", env=blind)
    assert (outcome.code, resource in outcome.stderr) == (4, True), outcome
    assert (irsa.trust("irsa-reports"), irsa.site.must("history").stdout) == (trust, runs)
