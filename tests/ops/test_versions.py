"""`podid version`: versions and dates, without a call."""

import inspect
import platform
import re
from importlib import metadata

from harness import Podid
from podid.checks.agent import agent_outdated
from podid.domain.versions import older
from podid.ops import versions


def test_versions_are_those_of_this_environment() -> None:
    shown = Podid()("version", "-o", "json").json
    libraries = {item["name"]: item["version"] for item in shown["libraries"]}
    assert (shown["podid"], shown["python"]) == (metadata.version("podid"), platform.python_version())
    assert {name: metadata.version(name) for name in ("botocore", "kubernetes", "typer")}.items() <= libraries.items()
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", shown["actionTable"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", shown["presets"])


def test_a_library_that_is_not_installed_has_no_version() -> None:
    names = versions._LIBRARIES
    try:
        versions._LIBRARIES = ("nosuch-library",)  # type: ignore[assignment]
        assert Podid()("version", "-o", "json").json["libraries"] == [{"name": "nosuch-library", "version": None}]
    finally:
        versions._LIBRARIES = names


def test_the_agent_version_is_the_newest_with_a_known_defect_before_it() -> None:
    named = re.findall(r"\(before (v[\d.]+)\)", inspect.getsource(agent_outdated))
    assert agent_outdated.NO_KNOWN_DEFECT_SINCE in named
    assert not [version for version in named if older(agent_outdated.NO_KNOWN_DEFECT_SINCE, version)]
