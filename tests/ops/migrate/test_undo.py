"""Undo of the runs of a migration leaves no pod without credentials."""

from collections.abc import Callable

import pytest

from cluster_api import injected
from harness import Outcome
from irsa import ANNOTATION, REPORTS, Irsa, irsa_statement, policy, ways
from ops.migrate.killed import Watcher, new_pod
from ops.migrate.worlds import (
    AGENT,
    CREATE,
    FINISH,
    NODES,
    PREFIX,
    Proxies,
    annotations,
    migrated,
    names_agent,
    only_irsa,
    stage_of,
)
from podid.sandbox.proxy_samples import NAMESPACE, ROLE
from worlds import Site

SOAKED = ("--soak", "0", "--yes")


def by_another(site: Site, *argv: str) -> None:
    """Run podid with the journal of another user."""
    outcome = site(*argv, env={"XDG_STATE_HOME": str(site.directory / "bob")})
    assert outcome.code == 0, outcome


def newest(site: Site, word: str) -> str:
    """Return the newest run whose command has the word."""
    runs = site.must("history", "-o", "json").json["items"]
    return next(str(run["runId"]) for run in runs if word in run["command"])


def is_refused(outcome: Outcome, words: str, command: str) -> None:
    assert (outcome.code, outcome.stdout) == (6, ""), outcome
    assert words in outcome.stderr
    assert command in outcome.stderr


def test_undo_of_apply_restarts_and_leaves_no_pod_without(irsa: Irsa) -> None:
    trust, without = irsa.trust("irsa-reports"), list[str]()
    irsa.site.must("migrate", "apply", REPORTS, "--yes")

    def watch(_: float) -> None:
        pod = new_pod(irsa.site, REPORTS)
        allowed = any(s["Principal"].get("Service") for s in irsa.trust("irsa-reports")["Statement"])
        if not ways(pod) or ("AWS_CONTAINER_CREDENTIALS_FULL_URI" in ways(pod) and not allowed):
            without.append(f"{ways(pod)}")

    irsa.site.on_sleep = watch
    result = irsa.site.must("undo", "last", "--yes", "-o", "json").json
    irsa.site.on_sleep = lambda _: None
    kinds = [(action["kind"], action["status"]) for action in result["actions"]]
    assert kinds == [("association", "done"), ("restart", "done"), ("role-trust", "done")]
    assert (without, irsa.trust("irsa-reports"), irsa.stages()[REPORTS]) == ([], trust, "old")
    assert only_irsa(irsa, "legacy")
    for refs in ((REPORTS,), ("-A",)):
        assert irsa.site.must("migrate", "rollback", *refs, "--yes").stdout == "nothing to change\n"


def test_undo_of_apply_after_another_user_finished(irsa: Irsa) -> None:
    """This journal does not have that run, and the trust policy is unchanged: another service account needs it."""
    arn = irsa.role("wide", irsa_statement("shop/n*", operator="StringLike"))
    for name in ("shop/north", "shop/nord"):
        irsa.account(name, arn)
    irsa.site.must("migrate", "apply", "shop/north", "--until", "admitted", "--yes")
    irsa.site.must("migrate", "apply", "shop/north", "--yes")
    by_another(irsa.site, "migrate", "finish", "shop/north", *SOAKED)
    outcome = irsa.site("undo", "last", "--yes")
    is_refused(outcome, "shop/north has no IRSA annotation", "podid migrate rollback shop/north")
    assert irsa.stages()["shop/north"] == "clean"
    irsa.site.must("migrate", "rollback", "shop/north", "--yes")
    assert irsa.annotations("shop/north") == {ANNOTATION: arn}
    assert ways(new_pod(irsa.site, "shop/north")) == {"AWS_WEB_IDENTITY_TOKEN_FILE"}


def test_an_apply_is_not_undone_before_a_later_finish(irsa: Irsa) -> None:
    """The trust policy is unchanged, because another service account needs the pattern, but the annotation is gone."""
    arn = irsa.role("several", irsa_statement("shop/*", operator="StringLike"))
    for ref in ("shop/one", "shop/two"):
        irsa.account(ref, arn)
    irsa.site.must("migrate", "apply", "shop/one", "--yes")
    irsa.site.must("migrate", "finish", "shop/one", *SOAKED)
    finish, apply = newest(irsa.site, "finish"), newest(irsa.site, "apply")
    is_refused(
        irsa.site("undo", apply, "--yes"), "new pods would get no credentials", "podid migrate rollback shop/one"
    )
    assert all(ways(pod) for pod in irsa.site.cluster.pods("shop", "one"))
    irsa.site.must("undo", finish, "--yes")
    irsa.site.must("undo", apply, "--yes")
    assert all(ways(pod) == {"AWS_WEB_IDENTITY_TOKEN_FILE"} for pod in irsa.site.cluster.pods("shop", "one"))


Finish = Callable[[Proxies], object]


def someone(proxies: Proxies) -> None:
    by_another(proxies.site, *FINISH, "--yes")


def oneself(proxies: Proxies) -> None:
    proxies.site.must(*FINISH, "--yes")


def the_agent(proxies: Proxies) -> None:
    """Delete the agent too, which then serves no workload."""
    someone(proxies)
    proxies.site.must("migrate", "cleanup", AGENT, "--yes", "-c", "demo")


@pytest.mark.parametrize(
    ("source", "finish"), [("kube2iam", someone), ("kiam", someone), ("kube2iam", oneself), ("kube2iam", the_agent)]
)
def test_undo_of_apply_after_the_annotation_of_a_pod_template_was_removed(
    healthy: Site, source: str, finish: Finish
) -> None:
    """In two runs, so that the trust policy is not part of the one that is undone."""
    proxies = Proxies(healthy, source)
    proxies.one("web")
    migrated(proxies, "--until", "admitted")
    migrated(proxies)
    finish(proxies)
    outcome = healthy("undo", newest(healthy, "apply"), "--yes")
    is_refused(outcome, "its workloads have no annotation of kiam or kube2iam", "podid migrate rollback apps/web")
    assert stage_of(proxies, "web") == "clean"
    assert all(map(injected, healthy.cluster.pods(NAMESPACE)))
    if finish is not the_agent:
        healthy.must("migrate", "rollback", "apps/web", "--from", source, "--yes")
        assert annotations(proxies, "web")[ROLE] == "apps-web"


def test_undo_of_apply_with_created_service_accounts_after_the_finish(sharing: Proxies) -> None:
    migrated(sharing, CREATE, "--until", "admitted")
    migrated(sharing, CREATE)
    by_another(sharing.site, *FINISH, "--yes")
    outcome = sharing.site("undo", "last", "--yes")
    is_refused(
        outcome,
        "has no IRSA annotation, and its workloads have no annotation of kiam or kube2iam",
        "podid migrate rollback apps/",
    )


def test_undo_of_apply_after_another_workload_was_finished(proxies: Proxies) -> None:
    for name in ("web", "queue"):
        proxies.one(name)
    site, trust, watcher = proxies.site, proxies.trust("apps-web"), Watcher(proxies, "web", "queue")
    site.must("migrate", "apply", "apps/web", "--yes")
    run = newest(site, "apply")
    site.must("migrate", "apply", "apps/queue", "--yes")
    site.must("migrate", "finish", "apps/queue", *SOAKED)
    site.on_sleep = watcher
    site.must("undo", run, "--yes")
    assert (watcher.without, proxies.trust("apps-web"), stage_of(proxies, "web")) == ([], trust, "old")


def test_undo_of_apply_returns_pods_to_the_default_role(healthy: Site) -> None:
    proxies = Proxies(healthy, "kube2iam", "--default-role=apps-plain")
    proxies.samples.role("apps-plain")
    proxies.samples.one("plain", "")
    healthy.wait(30)
    healthy.must("migrate", "apply", "apps/plain", "--accept", "default-role", "--yes")
    assert all(map(injected, healthy.cluster.pods(NAMESPACE)))
    healthy.must("undo", "last", "--yes")
    assert not any(map(injected, healthy.cluster.pods(NAMESPACE)))


def test_undo_of_a_rollback_keeps_the_previous_credentials_of_running_pods(irsa: Irsa) -> None:
    irsa.site.must("migrate", "apply", REPORTS, "--yes")
    irsa.site.must("migrate", "finish", REPORTS, *SOAKED)
    irsa.site.must("migrate", "rollback", REPORTS, "--yes")
    trust = irsa.trust("irsa-reports")
    outcome = irsa.site("undo", "last", "--yes")
    is_refused(outcome, f"Pods of {REPORTS} use the previous credentials", f"podid migrate apply {REPORTS}")
    assert (irsa.trust("irsa-reports"), irsa.stages()[REPORTS]) == (trust, "old")


def test_undo_of_a_rollback_keeps_the_annotations_of_pod_templates(proxies: Proxies) -> None:
    proxies.one("web")
    migrated(proxies).site.must(*FINISH, "--yes")
    proxies.site.must("migrate", "rollback", "apps/web", "--yes")
    outcome = proxies.site("undo", "last", "--yes")
    is_refused(outcome, "Pods of apps/web use the previous credentials", "podid migrate apply apps/web")
    assert (annotations(proxies, "web")[ROLE], stage_of(proxies, "web")) == ("apps-web", "old")


def test_undo_of_a_rollback_that_restored_nothing(irsa: Irsa) -> None:
    irsa.site.must("migrate", "apply", REPORTS, "--yes")
    irsa.site.must("migrate", "rollback", REPORTS, "--yes")
    irsa.site.must("undo", "last", "--yes")
    assert irsa.stages()[REPORTS] == "associated"


def test_undo_of_the_undo_of_a_finish(irsa: Irsa) -> None:
    """It removes the annotation again, unless the migration was undone too. The trust policy stays unchanged, because
    another service account needs it."""
    site, ref = irsa.site, "shop/north"
    arn = irsa.role("wide", irsa_statement("shop/n*", operator="StringLike"))
    for name in (ref, "shop/nord"):
        irsa.account(name, arn)
    site.must("migrate", "apply", ref, "--yes")
    site.must("migrate", "finish", ref, *SOAKED)
    assert site.must("migrate", "finish", ref, *SOAKED).stdout == "nothing to change\n"
    site.must("undo", "last", "--yes")
    undo = newest(site, "undo")
    site.must("undo", undo, "--yes")
    assert irsa.annotations(ref) == {}
    site.must("undo", newest(site, "undo"), "--yes")
    site.must("undo", newest(site, "apply"), "--yes")
    is_refused(site("undo", undo, "--yes"), f"Pods of {ref} use the previous credentials", f"migrate apply {ref}")
    assert irsa.annotations(ref) == {ANNOTATION: arn}


def test_service_accounts_of_one_role_one_after_another(irsa: Irsa) -> None:
    arn = irsa.role("several", irsa_statement("shop/a", "shop/b"))
    for name in "ab":
        irsa.account(f"shop/{name}", arn)
    trust, site = irsa.trust("several"), irsa.site
    for name in "ab":
        site.must("migrate", "apply", f"shop/{name}", "--yes")
    site.must("migrate", "rollback", "shop/a", "--yes")
    assert {ref: stage for ref, stage in irsa.stages().items() if ref in ("shop/a", "shop/b")} == {
        "shop/a": "old",
        "shop/b": "moved",
    }
    site.must("migrate", "apply", "shop/a", "--yes")
    site.must("migrate", "finish", "-n", "shop", *SOAKED)
    site.must("migrate", "rollback", "shop/a", "shop/b", "--yes")
    assert irsa.trust("several") == trust


def test_a_role_of_irsa_and_kube2iam(proxies: Proxies) -> None:
    """Each service account returns to its own mechanism, and the other keeps its statement."""
    site, irsa, watcher = proxies.site, Irsa(proxies.site), Watcher(proxies, "web")
    proxies.one("web")
    site.trust("apps-web", policy(*proxies.trust("apps-web"), irsa_statement("shop/a")))
    irsa.account("shop/a", f"{PREFIX}apps-web")
    trust, site.on_sleep = proxies.trust("apps-web"), watcher

    def older() -> tuple[bool, bool]:
        """Return whether the role trusts the agent, and the OIDC provider."""
        provider = any("Federated" in statement["Principal"] for statement in proxies.trust("apps-web"))
        return names_agent(proxies, "apps-web", NODES), provider

    site.must("migrate", "apply", "apps/web", "shop/a", "--yes")
    site.must("migrate", "finish", "apps/web", *SOAKED)
    assert older() == (False, True)
    site.must("migrate", "finish", "shop/a", *SOAKED)
    assert older() == (False, False)
    site.must("migrate", "rollback", "shop/a", "--yes")
    assert older() == (False, True)
    site.must("migrate", "rollback", "apps/web", "--yes")
    assert (older(), watcher.without) == ((True, True), [])
    assert sorted(map(str, proxies.trust("apps-web"))) == sorted(map(str, trust))
