"""Each permission that plan, diff, reconcile and apply use, denied in turn: no answer is quietly incomplete."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from cluster_api import Json
from harness import Outcome
from ops.declare.worlds import Filed
from permissions_support import checked_permissions
from podid.domain.permissions import KubePermission
from way_worlds import linked
from worlds import POLICY, Site, whole_site

ALLOWED = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]
AGENT = {"configuration": {"agent": {"probePort": 2704}}}
BEFORE: Json = {
    "allowedRoles": ["arn:aws:iam::*:role/storefront"],
    "roles": [
        {"name": "kept", "policies": [{"name": "read", "document": POLICY}]},
        {"name": "changed", "policies": [{"managed": "AmazonS3ReadOnlyAccess"}]},
        {"name": "left", "policies": [{"name": "read", "document": POLICY}]},
    ],
    "associations": [linked("shop/kept", "kept"), linked("shop/changed", "changed"), linked("shop/left", "left")],
}
AFTER: Json = {
    "agent": AGENT,
    "roles": [
        BEFORE["roles"][0],
        {"name": "changed", "boundary": "AmazonS3ReadOnlyAccess", "policies": [{"name": "read", "document": POLICY}]},
        {"name": "new", "policies": [{"managed": "AmazonSQSFullAccess"}, {"name": "read", "document": POLICY}]},
    ],
    "associations": [
        linked("shop/kept", "kept"),
        linked("shop/changed", "changed", tags={"a": "b"}),
        linked("shop/new", "new", createServiceAccount=True),
        linked("payments/b*", "storefront"),
    ],
}
CHANGES = ("Create", "Put", "Attach", "Detach", "Delete", "Update", "Tag", "Untag", "PassRole")


class World:
    """A cluster with the resources of a file, and the file that changes some of each kind."""

    def __init__(self, site: Site) -> None:
        self.site = site
        filed = Filed(site)
        self.before = str(filed.write(path=site.directory / "before.yaml", **BEFORE))
        self.after = str(filed.write(path=site.directory / "after.yaml", **AFTER))
        site.must("apply", "-f", self.before, "--wait", "none")
        site.wait(60)
        self.viewer = site.user("viewer", ALLOWED)

    def __call__(self, *words: str) -> Outcome:
        return self.site(*words, env=self.viewer)

    def line(self, words: Sequence[str]) -> tuple[str, ...]:
        files = {"AFTER": self.after, "BEFORE": self.before}
        return (*(files.get(word, word) for word in words), "-o", "json")

    @contextmanager
    def without(self, permission: str | KubePermission) -> Iterator[str]:
        """Deny the permission, and yield its name."""
        if isinstance(permission, str):
            self.site.box.world.credentials.deny(permission)
            yield permission
            self.site.box.world.credentials.allow_again()
            return
        resource = f"{permission.resource}.{permission.group}" if permission.group else permission.resource
        self.site.kube.deny("viewer", permission.verb, resource)
        yield f"{permission.verb} {resource}"
        self.site.kube.allow_again("viewer")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with whole_site(tmp_path_factory.mktemp("declared")) as site:
        yield World(site.with_agent().with_identity())


LINES = {
    "plan": ("plan", "-f", "AFTER", "--prune"),
    "diff": ("diff", "-f", "AFTER", "--prune"),
    "reconcile": ("reconcile", "-f", "AFTER", "--prune", "--once", "--yes"),
    "plan, in sync": ("plan", "-f", "BEFORE"),
    "annotations, in sync": ("plan", "-f", "BEFORE", "--from-annotations"),
    "diff, in sync": ("diff", "-f", "BEFORE"),
    "reconcile, in sync": ("reconcile", "-f", "BEFORE", "--once"),
}
# other members are notes, and the effect on pods
DIFFERENCES = ("created", "changed", "pruned", "unchanged", "onlyInCluster", "conflicts", "items", "changes", "state")


def compared(outcome: Outcome) -> Json:
    return {key: value for key, value in outcome.json.items() if key in DIFFERENCES}


@pytest.mark.parametrize(
    ("name", "every"),
    [
        *((name, 12) for name in LINES),
        *(pytest.param(name, 1, marks=pytest.mark.rare) for name in LINES),
    ],
)
def test_a_missing_permission_is_never_no_difference(world: World, name: str, every: int) -> None:
    """The answer is complete without the permission, or it names the permission and the exit code says so."""
    line = world.line(LINES[name])
    with checked_permissions() as checked:
        whole = world(*line)
    assert whole.code == (0 if name.endswith("in sync") else 3), whole
    permissions: list[str | KubePermission] = [*sorted(checked.iam), *sorted(checked.kubernetes)]
    for permission in permissions[::every]:
        with world.without(permission) as denied:
            outcome = world(*line)
        if outcome.code == whole.code:
            assert compared(outcome) == compared(whole), denied
        else:
            assert outcome.code in (4, 9), (denied, outcome)
            assert denied in outcome.stdout + outcome.stderr, outcome


def group(action: Json) -> str:
    """Return the name that the role, its parts and its association share."""
    return next((name for name in ("changed", "new", "left") if name in action["target"]), "")


@pytest.mark.parametrize("every", [9, pytest.param(1, marks=pytest.mark.rare)])
def test_a_denied_change_blocks_only_its_dependents(world: World, every: int) -> None:
    apply = ("apply", "--prune", "--yes", "--wait", "none", "-o", "json", "-f")
    assert world(*apply, world.before).code == 0
    with checked_permissions() as checked:
        assert world(*apply, world.after).code == 0
    changing = [item for item in sorted(checked.iam) if item.split(":")[1].startswith(CHANGES)]
    creating = [item for item in sorted(checked.kubernetes) if item.verb not in ("get", "list")]
    permissions: list[str | KubePermission] = [*changing, *creating]
    assert len(permissions) > 10
    for permission in permissions[::every]:
        world.site.wait(60)
        assert world(*apply, world.before).code == 0
        with world.without(permission) as denied:
            outcome = world(*apply, world.after)
        if outcome.code == 0:  # an action of the first run only, such as a change of the agent
            continue
        assert outcome.code == 8, (denied, outcome)
        assert denied in outcome.stdout, outcome
        actions = outcome.json["actions"]
        failed = {group(action) for action in actions if action["status"] == "failed"}
        assert all(action["status"] in ("done", "unchanged") for action in actions if group(action) not in failed), (
            denied
        )
        assert world(*apply, world.after).code == 0
        assert world("plan", "--prune", "-f", world.after).code == 0, denied
