"""A refused undo names the later runs to undo first, or says what changed if no run made the change."""

from collections.abc import Callable

import pytest

from worlds import Site

OTHER = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
Step = Callable[[Site], object]


def ran(*argv: str) -> Step:
    return lambda site: site.must(*argv)


def associated(role: str, *more: str) -> Step:
    return ran("associate", "shop/orders", "--role", role, "--wait", "none", *more)


def _replaced(site: Site) -> None:
    eks = site.aws("eks")
    (item,) = eks.list_pod_identity_associations(clusterName="demo")["associations"]
    role = site.aws("iam").get_role(RoleName="orders-dynamodb")["Role"]["Arn"]
    eks.update_pod_identity_association(clusterName="demo", associationId=item["associationId"], roleArn=role)


def _deleted(site: Site) -> None:
    eks = site.aws("eks")
    (item,) = eks.list_pod_identity_associations(clusterName="demo")["associations"]
    eks.delete_pod_identity_association(clusterName="demo", associationId=item["associationId"])


def _attached(site: Site) -> None:
    site.aws("iam").attach_role_policy(RoleName="new", PolicyArn=OTHER)


CREATED = ran("role", "create", "new", "--for", "shop/orders")
WIDENED = ran("associate", "shop/web", "--role", "new", "--update-trust", "--scope", "namespace", "--wait", "none")

# the steps before the run, the run, the change after it, and the words on it if no run made it
CASES: dict[str, tuple[Step | None, Step, Step, str]] = {
    "an association that a run changed": (
        *(None, associated("storefront"), associated("orders-dynamodb", "--replace"), ""),
    ),
    "an association that another tool changed": (
        *(None, associated("storefront"), _replaced, "has changed since run {run}: roleArn differs"),
    ),
    "an association that another tool deleted": (
        associated("storefront"),
        associated("orders-dynamodb", "--replace"),
        _deleted,
        "has changed since run {run}: it was deleted",
    ),
    "policies that a run attached": (
        *(None, CREATED, ran("role", "attach", "new", "--managed-policy", "AmazonS3ReadOnlyAccess"), ""),
    ),
    "policies that another tool attached": (*(None, CREATED, _attached, "First remove these policies"),),
    "an association of the role": (*(None, CREATED, associated("new"), ""),),
    "an association of another tool": (
        *(None, CREATED, lambda site: site.associate("shop", "orders", "new"), "First change or delete these"),
    ),
    "an association that the trust policy allows": (
        CREATED,
        WIDENED,
        ran("associate", "shop/late", "--role", "new", "--wait", "none"),
        "",
    ),
    "such an association of another tool": (
        CREATED,
        WIDENED,
        lambda site: site.associate("shop", "late", "new"),
        "first delete these associations",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_refused_undo_names_the_later_runs_or_the_change(site: Site, case: str) -> None:
    earlier, command, later, words = CASES[case]
    for step in (earlier, command):
        if step is not None:
            step(site)
    (run, *_) = (item["runId"] for item in site.must("history", "-o", "json").json["items"])
    later(site)
    (newest, *_) = (item["runId"] for item in site.must("history", "-o", "json").json["items"])
    refused = site("undo", run, "--yes", "-o", "json")
    assert refused.code == 6, refused
    error = refused.error
    if newest == run:
        assert words.format(run=run) in f"{error['message']} {error['advice']}", error
        assert "later runs" not in f"{error['message']} {error['advice']}", error
        return
    assert (error["advice"], error["hint"]) == (f"First undo the later run {newest}.", f"podid undo {newest}")
    site.must("undo", newest, "--yes", "--wait", "none")
    site.must("undo", run, "--yes", "--wait", "none")


def test_undone_runs_are_not_named(site: Site) -> None:
    associated("storefront")(site)
    (run,) = (item["runId"] for item in site.must("history", "-o", "json").json["items"])
    associated("orders-dynamodb", "--replace")(site)
    site.must("undo", "last", "--yes", "--wait", "none")
    _replaced(site)
    refused = site("undo", run, "--yes", "-o", "json")
    assert (refused.code, refused.error["hint"]) == (6, f"podid history {run}"), refused
    assert "has no later run" in refused.error["advice"]
