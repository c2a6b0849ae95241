"""Options of `install-agent` and of add-ons."""

import pytest

from harness import table
from podid.domain.errors import InvalidInput
from podid.ops.agent.request import AddonSettings, parse_assignments


@table(
    ("text", "path", "value"),
    [
        ("agent.probePort=2704", ("agent", "probePort"), "2704"),
        ("agent.additionalArgs.-v=5", ("agent", "additionalArgs", "-v"), "5"),
        (r"nodeSelector.kubernetes\.io/os=linux", ("nodeSelector", "kubernetes.io/os"), "linux"),
        ("podLabels=null", ("podLabels",), "null"),
        ("a=b=c", ("a",), "b=c"),
        ("a=", ("a",), ""),
    ],
)
def test_values_of_the_configuration(text: str, path: tuple[str, ...], value: str) -> None:
    (assignment,) = parse_assignments([text])
    assert (assignment.path, assignment.text, assignment.key) == (path, value, ".".join(path))


@table("text", ["agent", "=1", "agent..port=1", ".port=1", "agent.=1", ""])
def test_texts_that_are_no_value(text: str) -> None:
    with pytest.raises(InvalidInput, match="is not KEY=VALUE, such as"):
        parse_assignments(["a=1", text])


def test_settings_that_configure_the_add_on() -> None:
    assert not AddonSettings(addon_version="latest").configures
    assert AddonSettings(config=parse_assignments(["a=1"])).configures
    assert AddonSettings(values={"a": 1}).configures
    assert [AddonSettings(resolve_conflicts=word).conflicts for word in ("none", "preserve", "overwrite")] == [
        *("NONE", "PRESERVE", "OVERWRITE")
    ]
