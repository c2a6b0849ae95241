"""The table of published ways: each row is unique and has its publication."""

from datetime import date

from harness import table
from podid.domain.policy.paths import PASS_ROLE, PATHS, SOURCES, EscalationPath


@table("path", PATHS)
def test_a_row(path: EscalationPath) -> None:
    assert [other.id for other in PATHS if other.id == path.id] == [path.id]
    assert [other.id for other in PATHS if (other.actions, other.wide) == (path.actions, path.wide)] == [path.id]
    assert date.fromisoformat(path.publication.date) < date(2026, 12, 31)
    assert path.publication.url.startswith("https://")
    assert bool(path.passes_to) is (path.actions[0] == PASS_ROLE and not path.wide)
    assert path.words == path.words.strip(" .")


def test_every_publication_is_used() -> None:
    assert {path.source.partition(" ")[0] for path in PATHS} == SOURCES.keys()
