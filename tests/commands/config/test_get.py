"""`podid config get`."""

from pathlib import Path

from harness import at_home


def test_a_variable_overrides_the_file(settings_file: Path) -> None:
    settings_file.write_text('region = "eu-west-1"\n')
    assert at_home("config", "get", "region").stdout == "eu-west-1\n"
    assert at_home("config", "get", "region", AWS_REGION="us-east-1").stdout == "us-east-1\n"
