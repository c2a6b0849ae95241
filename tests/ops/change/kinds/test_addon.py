"""Add-ons: a plan that was applied is empty, and its undo restores the previous state."""

from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks import builder
from ops.change.plan_world import CLUSTER, HEADER, World
from podid.calls.patience import Clock, Patience
from podid.domain.aws import AddonVersion
from podid.domain.errors import Conflict
from podid.domain.names import AGENT_ADDON
from podid.domain.plan import Plan
from podid.domain.versions import offer_of
from podid.ops.agent.install import InstallFacts, plan_install
from podid.ops.agent.request import InstallRequest
from podid.ops.change.kinds import ADDON, ADDON_ASSOCIATIONS
from podid.ops.clients import Site

if TYPE_CHECKING:
    from podid.ops.clients import Clients


@given(st.lists(st.booleans(), min_size=1, max_size=4), st.booleans())
def test_agent_plans_are_applied_and_undone(defaults: list[bool], named: bool) -> None:
    world = World()
    versions = tuple(
        AddonVersion(version=f"v1.{n}.0-eksbuild.1", default=default) for n, default in enumerate(defaults)
    )
    version = versions[-1].version if named else None

    def plan() -> Plan:
        addon = world.find_addon("demo", AGENT_ADDON)
        if addon is not None:
            assert ADDON.state_of(addon) == world.resources[ADDON.name, AGENT_ADDON]
        facts = InstallFacts(current=addon, offer=offer_of(CLUSTER, versions))
        return plan_install(InstallRequest(addon_version=version or ""), CLUSTER, HEADER, facts)

    run = world.apply(plan())
    assert plan().actions == ()
    world.undo(run)
    assert world.resources == {}


def test_a_list_that_changed_while_the_addon_was_busy_is_not_overwritten() -> None:
    """EKS would delete the association that somebody else has just added."""
    addon = builder.addon(name="csi", status="UPDATING", association_arns=("arn:a/a-1",))
    idle = replace(addon, status="ACTIVE", association_arns=("arn:a/a-1", "arn:a/a-2"))
    later = iter([addon])
    eks = SimpleNamespace(
        find_addon=lambda *_: next(later, idle),
        get_association=lambda _, number: builder.association("kube-system", number, role_arn="arn:r"),
    )
    site = Site(cast("Clients", SimpleNamespace(eks=eks)), HEADER)
    patience = Patience(10, Clock(lambda: builder.NOW, lambda: 0.0, lambda _: None), lambda _: None)
    before = ADDON_ASSOCIATIONS.state_of(addon, {"a-1": "arn:r"})
    after = ADDON_ASSOCIATIONS.state_of(addon, {"a-1": "arn:r", "new": "arn:r"})
    with pytest.raises(Conflict, match="changed"):
        ADDON_ASSOCIATIONS.write(site, ADDON_ASSOCIATIONS.action(before, after), patience)
