"""`doctor` as a gate: links, a baseline, looking again."""

from pathlib import Path

import pytest

from harness import Podid
from podid.render.formats import Report
from podid.sandbox.baseline import add_association
from worlds import Site


@pytest.fixture
def broken(site: Site) -> Site:
    """shop/orders has an association, and no agent runs anywhere."""
    add_association(site.box.world, "shop", "orders", "storefront")
    return site


def ids(site: Site, *more: str) -> set[str]:
    outcome = site("doctor", "-o", "json", *more)
    return {str(item["id"]) for item in outcome.json["findings"]}


def test_only_a_link(broken: Site) -> None:
    assert "agent-not-installed" in ids(broken, "--link", "6")
    assert ids(broken, "--link", "agent", "--link", "7") == ids(broken, "--link", "6")
    assert "agent-not-installed" not in ids(broken, "--link", "trust")
    assert ids(broken, "--link", "EKS Auth", "--link", "6") == ids(broken, "--link", "6")
    for wrong in ("11", "agnet", "-1", "²"):
        outcome = broken("doctor", f"--link={wrong}")
        assert outcome.code == 2
        assert "6 agent" in outcome.stderr
    nothing = broken("doctor", "--link", "6", "--check", "association-missing")
    assert nothing.code == 2


def test_a_baseline(broken: Site, tmp_path: Path) -> None:
    before = broken("doctor", "-o", "json")
    assert before.code == 3
    lines = "".join(f"  - {{id: {name}, reason: known}}\n" for name in sorted(ids(broken)))
    file = tmp_path / "accepted.yaml"
    file.write_text(f"accepted:\n{lines}  - {{id: windows-pod, reason: never met}}\n")
    outcome = broken("doctor", "--baseline", str(file))
    assert outcome.code == 0, outcome
    assert "Accepted by the baseline:" in outcome.stdout
    assert "windows-pod matches no finding, so you can remove it" in outcome.stderr
    after = broken("doctor", "--baseline", str(file), "-o", "json")
    assert (after.json["findings"], after.stderr) == ([], "")
    assert "broken" not in {item["state"] for item in after.json["identities"]}
    assert {item["id"] for item in after.json["accepted"]} == {item["id"] for item in before.json["findings"]}
    file.write_text(f"accepted:\n{lines}".replace("known", "known, expires: 2020-01-31"))
    expired = broken("doctor", "--baseline", str(file))
    assert expired.code == 3
    assert "expired on 2020-01-31" in expired.stderr


@pytest.mark.parametrize("text", ["accepted: [", "\tx", "accepted:\n  - {id: nosuch, reason: r}", "- " * 2000])
def test_a_baseline_that_cannot_be_read(broken: Site, tmp_path: Path, text: str) -> None:
    file = tmp_path / "accepted.yaml"
    file.write_text(text)
    outcome = broken("doctor", "--baseline", str(file))
    assert (outcome.code, outcome.stdout) == (2, "")
    assert str(file) in outcome.stderr


def test_until_clean(healthy: Site) -> None:
    assert healthy("doctor", "--until-clean").code == 0
    assert healthy.slept == 0


def test_until_clean_ends_with_the_time(broken: Site) -> None:
    outcome = broken("doctor", "--until-clean", "--timeout", "30s")
    assert outcome.code == 3
    assert 30 <= broken.slept <= 31
    assert outcome.stdout.count(" broken ") == 1


def test_until_clean_waits_for_what_is_mended(healthy: Site) -> None:
    healthy.box.world.credentials.deny("iam:GetRole")
    healthy.on_sleep = lambda _: healthy.box.world.credentials.allow_again()
    outcome = healthy("doctor", "--until-clean")
    assert (outcome.code, healthy.slept) == (0, 5)


def test_watch_shows_what_differs(broken: Site) -> None:
    outcome = broken("doctor", "--watch", "--timeout", "31s", "-o", "jsonl")
    assert (outcome.code, outcome.stdout.count("\n")) == (3, 1)
    assert broken("doctor", "--watch", "--until-clean").code == 2


def test_watch_only_looks(site: Site) -> None:
    assert site("doctor", "--fix", "--watch").code == 2


def test_options_of_fix() -> None:
    podid = Podid()
    for line, code in (
        ("doctor --dry-run", 2),
        ("doctor --fix --dry-run --until-clean", 2),
        ("doctor --fix --fix-level never", 2),
        ("doctor --fix --dry-run --from x", 2),
    ):
        assert podid(*line.split()).code == code, line


@pytest.mark.parametrize(
    "line", ["--from s --fix", "--from s --save t", "--save t --watch", "--from s --until-clean", "--me --from s"]
)
def test_what_does_not_go_together_is_refused(line: str) -> None:
    outcome = Podid()("doctor", *line.split())
    assert (outcome.code, outcome.stdout) == (2, "")


@pytest.mark.parametrize("form", [*Report])
def test_on_the_command_line(site: Site, form: Report) -> None:
    add_association(site.box.world, "shop", "orders", "storefront")
    outcome = site("doctor", "-o", form)
    assert (outcome.code, outcome.stderr) == (3, "")
    assert outcome.stdout.count("agent-not-installed") >= 1
    assert outcome.stdout.endswith("\n")
    assert site("list", "-o", form).code == 2
    assert site("doctor", "--list", "-o", form).code == 2
    assert site("doctor", "--query", "summary", "-o", form).code == 2


def test_a_runner_obeys_the_report_and_nothing_else(site: Site) -> None:
    add_association(site.box.world, "shop", "orders", "storefront")
    site.env["GITHUB_ACTIONS"] = "true"
    outcome = site("doctor", "-o", "github")
    assert "::error title=agent-not-installed%3A " in outcome.stdout
    assert not any(line.startswith("::") for line in site("doctor").stdout.splitlines())
