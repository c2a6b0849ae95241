"""The key that signs saved plans, from a variable or a file."""

import json
from pathlib import Path

import pytest

from ops.declare.forged_plans import adding, association, forged
from ops.declare.worlds import LINK, ROLE, Filed
from podid.domain.signature import PLAN_KEY, signed

KEY = {PLAN_KEY: "s3cret-of-the-pipeline"}


@pytest.fixture
def saved(filed: Filed) -> Path:
    filed.write(roles=[ROLE], associations=[LINK])
    path = filed.site.directory / "plan.json"
    assert filed.site("plan", "-f", str(filed.path), "--save", str(path), env=KEY).code == 3
    return path


def test_a_plan_is_signed_and_applied_with_the_same_key(filed: Filed, saved: Path) -> None:
    assert json.loads(saved.read_text())["signature"].startswith("hmac-sha256:")
    outcome = filed.site("apply", "--plan", str(saved), "--wait", "none", env=KEY)
    assert outcome.code == 0, outcome
    filed.settled()


def test_a_signed_plan_needs_no_key_where_none_is_set(filed: Filed, saved: Path) -> None:
    filed.site.must("apply", "--plan", str(saved), "--wait", "none")


def test_a_key_in_a_file(filed: Filed, saved: Path) -> None:
    file = filed.site.directory / "key"
    file.write_text(f"{KEY[PLAN_KEY]}\n")
    outcome = filed.site("apply", "--plan", str(saved), "--plan-key-file", str(file), "--wait", "none")
    assert outcome.code == 0, outcome


def test_unsigned_and_wrongly_signed_plans_are_refused(filed: Filed, saved: Path) -> None:
    whole, before = saved.read_text(), filed.state()
    document = json.loads(whole)
    forged(saved, adding(association("mine")))  # keeps the signature
    resigned = json.loads(saved.read_text())
    for text, words in (
        (json.dumps({name: value for name, value in document.items() if name != "signature"}), "is not signed"),
        (json.dumps(resigned), "does not match"),
        (json.dumps(signed(resigned, b"guessed")), "does not match"),
        (whole.replace("Z", "z", 1), "does not match"),
    ):
        saved.write_text(text)
        outcome = filed.site("apply", "--plan", str(saved), "--adopt", "--yes", env=KEY)
        assert (outcome.code, outcome.stdout, words in outcome.stderr) == (6, "", True), outcome
        assert KEY[PLAN_KEY] not in outcome.stderr
    assert filed.state() == before


@pytest.mark.parametrize("line", [("apply", "--plan"), ("plan", "-f", "{file}", "--force", "--save")])
def test_an_empty_key_is_an_error(filed: Filed, saved: Path, line: tuple[str, ...]) -> None:
    words = (word.format(file=filed.path) for word in line)
    outcome = filed.site(*words, str(saved), env={PLAN_KEY: ""})
    assert (outcome.code, outcome.stdout) == (2, ""), outcome
    assert "The plan key in PODID_PLAN_KEY is empty" in outcome.stderr


def test_the_key_is_neither_printed_nor_recorded(filed: Filed, saved: Path, tmp_path: Path) -> None:
    key = KEY[PLAN_KEY]
    outcomes = [
        filed.site("apply", "--plan", str(saved), "--wait", "none", "-v", env=KEY),
        filed.site("history", "-o", "json", env=KEY),
        filed.site("config", "list", "-o", "json", env=KEY),
        filed.site("whoami", "-o", "json", env=KEY),
    ]
    assert [outcome.code for outcome in outcomes] == [0, 0, 0, 0]
    assert not any(key in outcome.stdout + outcome.stderr for outcome in outcomes)
    bundle = tmp_path / "bundle.json"
    assert filed.site("bundle", str(bundle), "--yes", env=KEY).code in (0, 3, 7, 9)
    files = [path for path in (*filed.site.directory.rglob("*"), bundle) if path.is_file()]
    assert not any(key.encode() in path.read_bytes() for path in files)


def test_a_signed_plan_carries_its_flags_and_requires_no_answer(filed: Filed) -> None:
    """It was made from files, as podid apply -f would apply them."""
    role = {"name": "storefront", "policies": [{"managed": "AdministratorAccess"}]}
    filed.write(roles=[role])
    path = filed.site.directory / "plan.json"
    line = ("plan", "-f", str(filed.path), "--adopt", "--update-trust", "--save", str(path))
    assert filed.site(*line, env=KEY).code == 3
    unsigned = filed.site("apply", "--plan", str(path), "--wait", "none")
    assert (unsigned.code, "--adopt" in unsigned.stderr) == (6, True), unsigned
    asked = filed.site("apply", "--plan", str(path), "--adopt", "--update-trust", "--wait", "none", "--yes")
    assert (asked.code, "would be administrator" in asked.stderr) == (2, True), asked
    outcome = filed.site("apply", "--plan", str(path), "--wait", "none", env=KEY)
    assert outcome.code == 0, outcome
