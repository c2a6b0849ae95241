"""Changes that a client of the MCP server requests. No terminal can confirm them."""

from dataclasses import replace

from podid.cli.access import Access
from podid.domain.plan import Consent, Plan
from podid.ops.change.requested import Requested, RequestSource, check_requested


def check_client(access: Access, plan: Plan) -> tuple[str, ...]:
    """Return sentences on changes that require an answer at a terminal; empty for a command that a person typed. Raise
    as `check_requested` does."""
    if not access.runtime.of_client or not plan.actions:
        return ()
    return check_requested(Requested(source=RequestSource.CLIENT, plan=plan, clients=access.clients))


def with_grave(consent: Consent | None, grave: tuple[str, ...]) -> Consent | None:
    """Return the consent that also requires an answer for these sentences."""
    if not grave:
        return consent
    return replace(consent or Consent(question="Apply the plan?"), needed_for="A plan of an MCP client", grave=grave)
