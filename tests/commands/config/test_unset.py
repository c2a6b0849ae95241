"""`podid config unset`."""

from pathlib import Path

from harness import at_home


def test_unset_removes_one_line(settings_file: Path) -> None:
    settings_file.write_text('# mine\nregion = "eu-west-1"  # near\n  output="json"\n# end\n')
    outcome = at_home("config", "unset", "region")
    assert (outcome.code, outcome.stdout) == (0, "region has no default\n")
    assert settings_file.read_text() == '# mine\n  output="json"\n# end\n'
    remaining = at_home("config", "unset", "output", PODID_OUTPUT="table")
    assert (remaining.code, remaining.stdout) == (0, "output is table (PODID_OUTPUT)\n")
