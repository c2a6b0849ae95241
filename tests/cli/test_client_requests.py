"""Changes that a client of the MCP server requests. End to end: tests/cli/server/test_calls.py."""

from podid.cli.client_requests import with_grave
from podid.domain.plan import Consent


def test_a_grave_change_requires_an_answer_with_and_without_a_question() -> None:
    consent = Consent(question="Delete role x?", needed_for="Deleting a role", word="x")
    assert with_grave(consent, ()) is consent
    assert with_grave(None, ()) is None
    for question in (consent, None):
        asked = with_grave(question, ("role x would trust everyone",))
        assert asked is not None
        assert (asked.needed_for, asked.grave) == ("A plan of an MCP client", ("role x would trust everyone",))
