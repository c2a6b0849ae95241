"""`podid whoami`."""

import json
from pathlib import Path

from ops.session.support import SHARED
from worlds import ACCOUNT, ROLE_ARN, Site


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


def test_the_identity_that_eks_auth_issues(healthy: Site) -> None:
    result = healthy.must("whoami", "--as", "shop/orders", "--yes", "-o", "json").json
    assert result["callerArn"].startswith(SHARED)
    assert (result["roleArn"], result["account"], result["serviceAccount"]) == (ROLE_ARN, ACCOUNT, "orders")
    assert result["pod"] in healthy.cluster.pod_names("shop", "orders")
    assert "ASIA" not in json.dumps(result)
    assert f"caller           {SHARED}" in healthy.must("whoami", "--as", "shop/orders", "--yes").stdout
    outcome = healthy("whoami", "--as", "shop/orders")
    assert (outcome.code, outcome.stdout) == (2, "")
    assert "requires confirmation" in outcome.stderr
    assert healthy("whoami", "--as", "shop/order", "--yes").code == 5


def test_the_identity_is_that_of_the_target_role(site: Site) -> None:
    site.with_agent().with_identity().with_target()
    result = site.must("whoami", "--as", "shop/orders", "--yes", "-o", "json").json
    assert result["roleArn"].endswith(":role/reports-reader")
