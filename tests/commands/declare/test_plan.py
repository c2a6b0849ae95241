"""podid plan: effects on pods, unreadable clusters, and saved plans."""

import shlex

from ops.declare.worlds import LINK, ROLE, Filed
from worlds import Site


def test_a_plan_shows_its_effect_on_pods(healthy: Site) -> None:
    """A narrower trust policy and a pruned association take credentials from pods; a plan without changes reads none of
    them."""
    account = "payments/billing-worker"
    filed = Filed(healthy)
    filed.write(roles=[{**ROLE, "scope": "cluster"}], associations=[{**LINK, "serviceAccount": account}])
    filed.apply()
    assert filed.plan()["after"] is None
    filed.write(roles=[{**ROLE, "subjects": ["shop/web"]}], associations=[{**LINK, "serviceAccount": account}])
    document = filed.plan(code=3)
    assert [(item["serviceAccount"], item["state"]) for item in document["after"]] == [("billing-worker", "broken")]
    assert "trust-condition-never-matches" in [item["id"] for item in document["brings"]]
    assert "billing-worker  broken" in filed("plan").stdout
    filed.write()
    (after,) = filed.plan("--prune", code=3)["after"]
    assert after["state"] == "no-association"


def test_an_unreadable_cluster_is_no_difference(healthy: Site) -> None:
    filed = Filed(healthy)
    filed.write(associations=[{"serviceAccount": "payments/b*", "role": "storefront"}])
    env = healthy.user("nobody", [])
    outcome = healthy("plan", "-f", str(filed.path), "-o", "json", env=env)
    assert outcome.code == 9, outcome
    assert outcome.json["unread"][0]["permission"]
    assert healthy("apply", "-f", str(filed.path), env=env).code == 4


def test_the_next_command_of_a_saved_plan(filed: Filed) -> None:
    """It is for the same place, and a shell reads the file's name as one word."""
    filed.write(associations=[{"serviceAccount": "shop/web", "role": "storefront"}])
    path = filed.site.directory / "my plan.json"
    place = ("--region", "us-west-2", "-c", "demo")
    saved, line = filed("plan", "--save", str(path), *place).stderr.splitlines()
    words = shlex.split(line)
    assert (saved, words[:3]) == (f"Saved to {path}", ["Next", "podid", "apply"])
    assert words[3:] == ["--plan", str(path), "--cluster", "demo", "--region", "us-west-2"]
    assert filed.site(*words[2:], "--dry-run").code == 0
    lines = filed.site("migrate", "plan", "--save", f"{path}2", *place).stderr.splitlines()
    assert lines[1] == f"Next  podid migrate apply --plan '{path}2' --cluster demo --region us-west-2"


def test_a_plan_with_conflicts_is_not_saved(filed: Filed) -> None:
    filed.site.associate("shop", "web", "storefront")
    filed.write(associations=[{"serviceAccount": "shop/web", "role": "storefront", "sessionTags": False}])
    path = filed.site.directory / "plan.json"
    outcome = filed("plan", "--save", str(path))
    assert outcome.code == 6
    assert not path.exists()
