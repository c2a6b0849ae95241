"""The parts of a report that the formats share."""

from podid.domain.findings import LINKS
from podid.domain.report import LinkState
from render.reports.sample import report_of


def test_a_link_is_as_good_as_the_worst_that_was_seen() -> None:
    states = {item.link: item.state for item in report_of().chain}
    assert states == dict.fromkeys(range(len(LINKS)), LinkState.UNSEEN) | {
        1: LinkState.BROKEN,
        2: LinkState.FINE,
        3: LinkState.WARNING,
        4: LinkState.NOTE,
        6: LinkState.BROKEN,
        9: LinkState.UNKNOWN,
    }
