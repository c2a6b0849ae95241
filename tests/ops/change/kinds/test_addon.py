"""Add-ons: a plan that was applied is empty, and its undo restores the previous state."""

from hypothesis import given
from hypothesis import strategies as st

from ops.change.plan_world import CLUSTER, HEADER, World
from podid.domain.aws import AddonVersion
from podid.domain.names import AGENT_ADDON
from podid.domain.plan import Plan
from podid.domain.versions import offer_of
from podid.ops.agent.install import InstallFacts, plan_install
from podid.ops.agent.request import InstallRequest
from podid.ops.change.kinds import ADDON


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
