"""`podid config get` and `podid config list`: the value in use and its source."""

from pathlib import Path

from harness import at_home


def test_get_and_list_show_the_value_in_use(settings_file: Path) -> None:
    settings_file.write_text('region = "eu-west-1"\noutput = "json"\n')
    assert at_home("config", "get", "region").stdout == "eu-west-1\n"
    assert at_home("config", "get", "region", AWS_REGION="us-east-1").stdout == "us-east-1\n"
    listed = at_home("config", "list", "-o", "json", PODID_OUTPUT="csv").json
    rows = {item["key"]: (item["value"], item["source"]) for item in listed["items"]}
    assert (rows["region"], rows["output"]) == (("eu-west-1", f"{settings_file}:1"), ("csv", "PODID_OUTPUT"))
    assert rows["cluster"] == (None, None)
    assert "PODID_OUTPUT is set and overrides" in at_home("config", "set", "output", "wide", PODID_OUTPUT="csv").stderr
