"""The view of `podid version`."""

from dataclasses import replace

from podid.ops.versions import read_versions
from podid.render.settings import versions_view


def test_a_library_that_is_not_installed_is_omitted() -> None:
    versions = read_versions("1.2.3")
    first, *others = versions.libraries
    text = versions_view(replace(versions, libraries=(replace(first, version=""), *others))).text
    assert text.startswith("podid ")
    assert "1.2.3" in text.splitlines()[0]
    assert f"\n{first.name} " not in text
    assert all(f"\n{item.name} " in text for item in others if item.version)
