"""Views of the settings file, of completion and of versions."""

from dataclasses import replace

from podid.domain.plan import Default
from podid.ops.settings import SettingList
from podid.ops.shells import CompletionFiles
from podid.ops.versions import read_versions
from podid.render.settings import completion_files_view, setting_view, settings_view, versions_view
from podid.render.view import Line


def test_a_setting_is_its_value() -> None:
    view = setting_view(Default("region", "eu-west-1", "config.toml:1", "AWS region."))
    assert (view.text, view.document["value"], view.document["source"]) == ("eu-west-1\n", "eu-west-1", "config.toml:1")


def test_settings_without_a_value() -> None:
    items = (Default("region", "eu-west-1", "AWS_REGION", ""), Default("cluster", "", "", ""))
    view = settings_view(SettingList("config.toml", items))
    assert [row[:3] for row in view.tables[0].rows] == [("region", "eu-west-1", "AWS_REGION"), ("cluster", "-", "-")]
    assert view.names == ("region",)


def test_mistakes_in_the_file() -> None:
    assert settings_view(SettingList("f", ())).notes == ()
    lines = settings_view(SettingList("f", (), ("line 1: x", "line 2: y"), "See the help.")).notes
    assert [line.text if isinstance(line, Line) else line for line in lines] == [
        *("The settings file has 2 mistakes:", "  line 1: x", "  line 2: y", "See the help.")
    ]


def test_completion_scripts() -> None:
    def text(*, installed: bool, changed: bool, startup: str = "") -> str:
        return completion_files_view(CompletionFiles("zsh", "/s", startup, installed, changed)).text

    assert text(installed=True, changed=True, startup="/rc") == (
        "✓ completion for zsh installed: /s, loaded by /rc\nStart a new shell to use it.\n"
    )
    assert text(installed=True, changed=False).startswith("✓ completion for zsh already installed: /s\n")
    assert text(installed=False, changed=True, startup="/rc") == (
        "✓ completion for zsh uninstalled: /s, and its line in /rc\n"
    )
    assert text(installed=False, changed=False) == "✓ completion for zsh is not installed\n"


def test_a_library_that_is_not_installed_is_omitted() -> None:
    versions = read_versions("1.2.3")
    first, *others = versions.libraries
    text = versions_view(replace(versions, libraries=(replace(first, version=""), *others))).text
    assert text.startswith("podid ")
    assert "1.2.3" in text.splitlines()[0]
    assert f"\n{first.name} " not in text
    assert all(f"\n{item.name} " in text for item in others if item.version)
