"""Options of `podid status` and `podid verify`."""

import pytest

from harness import table
from podid.domain.errors import Again, InvalidInput, UsageError
from podid.domain.status import IdentityState
from podid.ops.status.request import VerifyOptions, read_state


def test_a_required_state_is_one_that_the_command_can_show() -> None:
    allowed = (IdentityState.CONFIGURED, IdentityState.READY)
    assert read_state("configured", allowed) is IdentityState.CONFIGURED
    for text in ("prooven", "verified", ""):
        with pytest.raises(InvalidInput, match="is not one of: configured, ready") as refused:
            read_state(text, allowed)
        assert refused.value.hint == Again(swap=(text, "ready"))


@table(
    ("options", "probes"),
    [
        (VerifyOptions(), False),
        (VerifyOptions(probe=True, probe_image="x"), True),
        (VerifyOptions(probe_node=("node-1",)), True),
        (VerifyOptions(can=("s3:GetObject",), resource=("*",)), False),
    ],
)
def test_a_node_for_the_probe_pod_implies_it(options: VerifyOptions, probes: bool) -> None:
    assert options.check_together() is probes


@table(
    ("options", "message"),
    [
        (VerifyOptions(probe_image="x"), "--probe-image requires --probe"),
        (VerifyOptions(resource=("*",)), "--resource requires --can"),
    ],
)
def test_an_option_that_requires_another(options: VerifyOptions, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        options.check_together()
