"""`podid whoami`."""

from pathlib import Path

from worlds import Site


def test_whoami_names_each_source(site: Site, settings_file: Path) -> None:
    settings_file.write_text('timeout = "5m"\nscope = "cluster"\ncluster = "demo"\n')
    site.env.update(PODID_CONFIG=str(settings_file), PODID_NAMESPACE="shop", PODID_CLUSTER="")
    shown = site("whoami", "-o", "json").json
    assert (shown["cluster"], shown["clusterSource"]) == ("demo", f"{settings_file}:3")
    sources = {item["key"]: (item["value"], item["source"]) for item in shown["defaults"]}
    assert sources == {
        "output": ("json", "--output"),
        "timeout": ("5m", f"{settings_file}:1"),
        "scope": ("cluster", f"{settings_file}:2"),
        "namespace": ("shop", "PODID_NAMESPACE"),
    }
