"""`podid config path`."""

from pathlib import Path
from unittest import mock

from harness import Podid, table
from podid.cli.settings import settings_path
from worlds import Site


@table(
    ("env", "path"),
    [
        ({"HOME": "/h"}, "/h/.config/podid/config.toml"),
        ({"HOME": "/h", "XDG_CONFIG_HOME": "/x"}, "/x/podid/config.toml"),
        ({"HOME": "/h", "XDG_CONFIG_HOME": "relative"}, "/h/.config/podid/config.toml"),
        ({"HOME": "/h", "PODID_CONFIG": "/y/z.toml"}, "/y/z.toml"),
        ({"HOME": "/h", "PODID_CONFIG": ""}, None),
        ({"HOME": "relative"}, None),
    ],
)
def test_the_place_of_the_file(env: dict[str, str], path: str | None) -> None:
    assert settings_path(env) == (Path(path) if path else None)
    outcome = Podid(env=env)("config", "path")
    assert (outcome.code, outcome.stdout) == ((0, f"{path}\n") if path else (2, ""))


def test_the_sandbox_has_a_settings_file_of_its_own(site: Site, settings_file: Path) -> None:
    """The sandbox has a settings file of its own."""
    from podid.sandbox import process

    with mock.patch.object(process, "_require_running", return_value=mock.Mock(environment={})):
        assert process.env(directory=Path("/s")).export["PODID_CONFIG"] == "/s/config.toml"
