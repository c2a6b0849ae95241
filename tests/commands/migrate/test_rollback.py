"""podid migrate rollback: its texts and exit codes."""

from pathlib import Path

from irsa import PROVIDER, REPORTS, Irsa, ways
from ops.migrate.worlds import FINISH, Proxies, annotations, migrated, stage_of
from podid.sandbox.proxy_samples import ROLE


def test_nothing_to_roll_back(irsa: Irsa) -> None:
    outcome = irsa.site("migrate", "rollback", REPORTS, "--yes")
    assert (outcome.code, outcome.stdout, outcome.stderr) == (0, "nothing to change\n", "")


def test_irsa_requires_the_oidc_provider(irsa: Irsa) -> None:
    """Which podid migrate cleanup may have deleted after the finish: pods would get no credentials."""
    irsa.site.must("migrate", "apply", REPORTS, "--yes")
    irsa.site.must("migrate", "finish", REPORTS, "--soak", "0", "--yes")
    irsa.site.aws("iam").delete_open_id_connect_provider(OpenIDConnectProviderArn=PROVIDER)
    outcome = irsa.site("migrate", "rollback", REPORTS, "--yes")
    assert (outcome.code, f"OIDC provider {PROVIDER} does not exist" in outcome.stderr) == (6, True), outcome
    assert all(ways(pod) == {"AWS_CONTAINER_CREDENTIALS_FULL_URI"} for pod in irsa.site.cluster.pods("legacy"))
    irsa.site.box.world.credentials.deny("iam:GetOpenIDConnectProvider")
    notes = irsa.site.must("migrate", "rollback", REPORTS, "--dry-run", "-o", "json").json["notes"]
    assert any("was not checked: requires iam:GetOpenIDConnectProvider" in note for note in notes)


def test_the_source_is_specified_if_the_journal_lacks_it(proxies: Proxies, tmp_path: Path) -> None:
    proxies.one("web")
    trust = proxies.trust("apps-web")
    migrated(proxies).site.must(*FINISH, "--yes")
    other = ("--journal-dir", str(tmp_path / "other"))
    outcome = proxies.site("migrate", "rollback", "apps/web", "--yes", *other)
    assert (outcome.code, "whether apps/web used IRSA or kube2iam" in outcome.stderr) == (6, True), outcome
    assert "--from kube2iam" in outcome.stderr
    proxies.site.must("migrate", "rollback", "apps/web", "--from", "kube2iam", "--yes", *other)
    assert (annotations(proxies, "web")[ROLE], stage_of(proxies, "web")) == ("apps-web", "old")
    assert sorted(map(str, proxies.trust("apps-web"))) == sorted(map(str, trust))
