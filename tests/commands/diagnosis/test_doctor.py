"""Options of `podid doctor`: links, a baseline, and repeated examinations."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness import Podid
from podid.sandbox.baseline import add_association
from worlds import Site, whole_site


# first, because the other tests share a world until the end of the module
def test_until_clean(healthy: Site) -> None:
    assert healthy("doctor", "--until-clean").code == 0
    assert healthy.slept == 0
    healthy.box.world.credentials.deny("iam:GetRole")
    healthy.on_sleep = lambda _: healthy.box.world.credentials.allow_again()
    assert (healthy("doctor", "--until-clean").code, healthy.slept) == (0, 5)


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Yield a cluster in which shop/orders has an association, and no agent runs anywhere."""
    with whole_site(tmp_path_factory.mktemp("site")) as site:
        add_association(site.box.world, "shop", "orders", "storefront")
        yield site


def ids(site: Site, *more: str) -> set[str]:
    outcome = site("doctor", "-o", "json", *more)
    return {str(item["id"]) for item in outcome.json["findings"]}


def test_checks_of_a_link(broken: Site) -> None:
    of_agent = ids(broken, "--link", "6")
    assert "agent-not-installed" in of_agent
    assert ids(broken, "--link", "agent", "--link", "7") == of_agent
    assert ids(broken, "--link", "EKS Auth", "--link", "6") == of_agent
    assert "agent-not-installed" not in ids(broken, "--link", "trust")


def test_links_that_do_not_exist() -> None:
    for link in ("11", "agnet", "-1", "²"):
        outcome = Podid()("doctor", f"--link={link}")
        assert outcome.code == 2
        assert "6 agent" in outcome.stderr
    assert Podid()("doctor", "--link", "6", "--check", "association-missing").code == 2


def test_a_baseline(broken: Site, tmp_path: Path) -> None:
    before = broken("doctor", "-o", "json")
    assert before.code == 3
    names = sorted({item["id"] for item in before.json["findings"]})
    lines = "".join(f"  - {{id: {name}, reason: known}}\n" for name in names)
    file = tmp_path / "accepted.yaml"
    file.write_text(f"accepted:\n{lines}  - {{id: windows-pod, reason: never met}}\n")
    outcome = broken("doctor", "--baseline", str(file))
    assert outcome.code == 0, outcome
    assert "Accepted by the baseline:" in outcome.stdout
    assert "windows-pod matches no finding, so you can remove it" in outcome.stderr
    after = broken("doctor", "--baseline", str(file), "-o", "json")
    assert (after.json["findings"], after.stderr) == ([], "")
    assert "broken" not in {item["state"] for item in after.json["identities"]}
    assert {item["id"] for item in after.json["accepted"]} == {*names}
    file.write_text(f"accepted:\n{lines}".replace("known", "known, expires: 2020-01-31"))
    expired = broken("doctor", "--baseline", str(file))
    assert expired.code == 3
    assert "expired on 2020-01-31" in expired.stderr


@pytest.mark.parametrize("text", ["accepted: [", "\tx", "accepted:\n  - {id: nosuch, reason: r}", "- " * 2000])
def test_a_baseline_that_cannot_be_read(tmp_path: Path, text: str) -> None:
    file = tmp_path / "accepted.yaml"
    file.write_text(text)
    outcome = Podid()("doctor", "--baseline", str(file))
    assert (outcome.code, outcome.stdout) == (2, "")
    assert str(file) in outcome.stderr


def test_until_clean_ends_with_the_time(broken: Site) -> None:
    slept = broken.slept
    outcome = broken("doctor", "--until-clean", "--timeout", "6s")
    assert outcome.code == 3
    assert 6 <= broken.slept - slept <= 7
    assert outcome.stdout.count(" broken ") == 1


def test_watch_shows_reports_that_differ(broken: Site) -> None:
    outcome = broken("doctor", "--watch", "--timeout", "6s", "-o", "jsonl")
    assert (outcome.code, outcome.stdout.count("\n")) == (3, 1)


def test_options_that_cannot_be_used_together() -> None:
    """All of them: tests/ops/doctor/test_request.py."""
    for line in ("--fix --watch", "--dry-run", "--fix --dry-run --from x", "--fix --fix-level never", "--me --from s"):
        outcome = Podid()("doctor", *line.split())
        assert (outcome.code, outcome.stdout) == (2, ""), line
