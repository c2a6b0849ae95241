"""`podid config list`: the value in use of each key, and its source."""

from pathlib import Path

from harness import at_home


def test_the_list_shows_the_values_in_use(settings_file: Path) -> None:
    settings_file.write_text('region = "eu-west-1"\noutput = "json"\n')
    listed = at_home("config", "list", "-o", "json", PODID_OUTPUT="csv").json
    rows = {item["key"]: (item["value"], item["source"]) for item in listed["items"]}
    assert (rows["region"], rows["output"]) == (("eu-west-1", f"{settings_file}:1"), ("csv", "PODID_OUTPUT"))
    assert rows["cluster"] == (None, None)
