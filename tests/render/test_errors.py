"""Errors as text."""

from harness import table
from podid.domain import errors
from podid.render.errors import error_text
from podid.render.screen import Screen


@table(
    ("error", "text"),
    [
        (
            errors.NotFound("nosuch cannot be read", subject="nosuch", request_id="r-1"),
            "Error: nosuch cannot be read.\n",
        ),
        (
            errors.NotFound("no page explains it", advice="did you mean x?"),
            "Error: No page explains it.\n       Did you mean x?\n",
        ),
        (errors.Declined("Nothing was changed"), "Nothing was changed.\n"),
        (errors.Rejected("EKS refused it", request_id="r-1"), "Error: EKS refused it.\n       AWS request id: r-1\n"),
    ],
)
def test_the_text_of_an_error(error: errors.PodidError, text: str) -> None:
    assert error_text(error, (), Screen()) == text
