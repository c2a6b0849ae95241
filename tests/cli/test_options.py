"""Shared options: flags, environment variables, the settings file and contradictions."""

import pytest

from harness import table
from podid.cli.options import from_values, override, tell_source
from podid.domain.errors import Again, InvalidInput, NotFound

STORED = {"cluster": ("filed", "config.toml:1"), "namespace": ("shop", "config.toml:2")}


@table(
    ("values", "env", "cluster", "source"),
    [
        ({"cluster": "typed"}, {"PODID_CLUSTER": "set"}, "typed", "--cluster"),
        ({"cluster": None}, {"PODID_CLUSTER": "set"}, "set", "PODID_CLUSTER"),
        ({"cluster": None}, {"PODID_CLUSTER": ""}, "filed", "config.toml:1"),
        # the file yields to another choice of the same thing
        ({"cluster": None, "context": "mine"}, {}, None, None),
        ({"cluster": None, "context": None}, {"PODID_CONTEXT": "mine"}, None, None),
    ],
)
def test_flag_variable_and_file(
    values: dict[str, str | None], env: dict[str, str], cluster: str | None, source: str | None
) -> None:
    shared, sources = from_values(values, env, stored=STORED)
    assert (shared.cluster, sources.get("cluster")) == (cluster, source)


def test_all_namespaces() -> None:
    both = {"namespace": None, "all_namespaces": True}
    assert from_values(both, {"PODID_NAMESPACE": "shop"})[0].namespace is None
    assert from_values(both, {}, stored=STORED)[0].namespace is None
    with pytest.raises(InvalidInput, match="cannot be used together"):
        from_values({**both, "namespace": "shop"}, {})


def test_repeated_options() -> None:
    shared, _ = from_values({"cluster": ["a", "b", "a"], "region": ["r", "r"]}, {})
    assert (shared.cluster, shared.region, shared.several) == ("a", "r", {"cluster": ("a", "b")})
    assert from_values({"cluster": []}, {})[0].several == {}


@table(
    ("values", "env", "words"),
    [
        ({"cluster": " "}, {}, "--cluster is empty"),
        ({"cluster": ["a", ""]}, {}, "--cluster is empty"),
        ({"cluster": None}, {"PODID_CLUSTER": " "}, "PODID_CLUSTER is empty"),
        ({"timeout": "soon"}, {}, "--timeout 'soon' is not a duration"),
        ({"output": "xml"}, {}, "'xml' is not an output format"),
        ({"wait": "forever"}, {}, "--wait 'forever' is not one of"),
        ({"expect_account": "12"}, {}, "--expect-account '12' is not a 12-digit account id"),
    ],
)
def test_values_that_no_command_accepts(values: dict[str, object], env: dict[str, str], words: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        from_values(values, env)
    assert raised.value.message.startswith(words)


def test_the_source_of_a_wrong_value() -> None:
    with pytest.raises(InvalidInput) as raised:
        from_values({"timeout": None}, {"PODID_TIMEOUT": "soon"})
    assert raised.value.advice.endswith("'soon' comes from PODID_TIMEOUT.")
    error = NotFound("Cluster dem does not exist", hint=Again(swap=("dem", "demo")))
    tell_source(error, "dem", "--cluster")
    assert error.advice == ""
    # the same command would read the same variable again
    override(error, "cluster", "PODID_CLUSTER")
    assert error.hint == Again(add=("--cluster", "demo"))
