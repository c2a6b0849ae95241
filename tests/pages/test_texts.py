"""The known error texts and hints, and their pages."""

from harness import table
from podid.ops.errortext import BY_ID
from podid.ops.explain import explain
from podid.pages.index import ENTRIES
from podid.pages.texts import NARROW, SHARED, WIDE

IDS = [entry.id for entry in ENTRIES]


@table("page_id", IDS)
def test_every_text_of_a_page_leads_back_to_it(page_id: str) -> None:
    for text, _ in BY_ID[page_id].texts:
        assert page_id in [match.id for match in explain(text.replace("…", "ab12 cd")).matches], text


def test_every_hint_names_a_page() -> None:
    assert {hint.id for hint in (*NARROW, *WIDE)} <= set(IDS)
    assert all(pattern for hint in (*NARROW, *WIDE) for pattern in hint.patterns)


def test_every_rule_names_pages_and_finds_them() -> None:
    for rule in SHARED:
        assert set(rule.ids) <= set(IDS), rule
        assert 1 <= rule.weight <= 9
        assert bool(rule.fragments) is not bool(rule.pattern), rule
        assert all(fragment == fragment.lower() for fragment in rule.fragments), rule
        if rule.fragments:
            assert rule.ids[0] in [match.id for match in explain(" and ".join(rule.fragments)).matches], rule
