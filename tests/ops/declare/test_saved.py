"""Saved plans of files."""

import json
from pathlib import Path

import pytest

from ops.declare.worlds import LINK, ROLE, Filed


@pytest.fixture
def saved(filed: Filed) -> Path:
    filed.write(roles=[ROLE], associations=[LINK])
    path = filed.site.directory / "plan.json"
    assert filed("plan", "--save", str(path)).code == 3
    return path


def test_a_saved_plan_is_applied_without_confirmation(filed: Filed, saved: Path) -> None:
    filed.site.associate("shop", "cart", "storefront")  # an unrelated change
    filed.site.must("apply", "--plan", str(saved), "--wait", "none")
    filed.settled()
    filed.write()
    assert filed("plan", "--prune", "--save", str(saved), "--force").code == 3
    filed.site.must("apply", "--plan", str(saved), "--wait", "none")
    assert set(filed.associations()) == {"shop/cart"}


def test_a_saved_plan_of_a_changed_state_is_refused(filed: Filed, saved: Path) -> None:
    filed.site.associate("shop", "web", "storefront")
    before = filed.state()
    outcome = filed.site("apply", "--plan", str(saved))
    assert (outcome.code, outcome.stdout) == (6, "")
    assert "association shop/web exists already" in outcome.stderr
    assert filed.state() == before


@pytest.mark.parametrize("change", ["cut", "edited", "another file", "no digest", "of another account"])
def test_a_damaged_plan_is_refused(filed: Filed, saved: Path, change: str) -> None:
    text = saved.read_text()
    document = json.loads(text)
    if change == "of another account":
        from podid.ops.declare.saved import _digest

        document["parts"][0]["account"] = "444455556666"
        document["digest"] = _digest(document["parts"])
    saved.write_text(
        {
            "cut": text[: len(text) // 2],
            "edited": text.replace("shop", "shup"),
            "another file": filed.path.read_text(),
            "no digest": json.dumps({**document, "digest": None}),
        }.get(change, json.dumps(document))
    )
    outcome = filed.site("apply", "--plan", str(saved))
    assert outcome.code == (6 if change == "of another account" else 2), outcome
    assert filed.role("web") is None
