"""The rows of the table of sections, and the sections that checks need."""

from podid.domain.permissions import permissions_of
from podid.domain.snapshot import SERVICES
from podid.ops.reading.sections import SECTIONS, needed, sections_of
from podid.ops.status.diagnose import select


def test_only_what_the_checks_name_is_read() -> None:
    assert sections_of(select(("role-not-found",))) == {
        *("associations", "roles", "target_roles", "cluster"),
    }
    assert [row.name for row in needed(("agent_pods",))] == ["daemon_sets", "agent_pods"]


def test_the_table_of_sections_is_the_snapshot_and_in_order() -> None:
    """A row waits for those before it only; each operation carries its rights, of the service that its field says."""
    assert sorted(row.name for row in SECTIONS) == sorted(SERVICES)
    manifests: set[str] = set()
    for row in SECTIONS:
        assert {*row.needs, *row.uses} <= manifests, row.name
        manifests.add(row.name)
        asked = permissions_of(row.operations)
        # a token of the one, redeemed at the other; keys in the one, of accounts that the other names
        if row.name in ("tokens", "access_keys", "secret_keys"):
            assert asked.iam
            assert asked.kubernetes
            continue
        if row.name in ("cloudtrail", "assume_permissions", "bounded"):  # derived from other sections
            assert not row.operations
            continue
        assert bool(asked.iam) == (SERVICES[row.name] == "aws"), row.name
        assert bool(asked.kubernetes) == (SERVICES[row.name] == "kubernetes"), row.name
