"""Access keys in the cluster: `podid audit` names their places, and never prints or saves a key."""

import base64
import gzip
from pathlib import Path

import pytest

from harness import one_in, table
from podid.render.formats import Format, Report
from podid.sandbox.faults import Fault
from worlds import Site

PLACES = ("pod", "configmap", "secret")


IDS = {place: f"AKIA{place.upper():Z<12}QZ{n}7" for n, place in enumerate(PLACES)}


SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzzzzzzzzzz"


@pytest.fixture(scope="module")
def _kept(_kept: Site) -> Site:
    """Return the site of the module, with keys in a pod, a ConfigMap and a Secret."""
    text = f"aws_access_key_id={IDS['configmap']} aws_secret_access_key={SECRET}"
    metadata = {"metadata": {"name": "seeded"}}
    _kept.cluster.post("/api/v1/namespaces/shop/configmaps", {**metadata, "data": {"config": text}})
    encoded = base64.b64encode(f"{IDS['secret']}:{SECRET}".encode()).decode()
    _kept.cluster.post("/api/v1/namespaces/shop/secrets", {**metadata, "data": {"key": encoded}})
    env = [{"name": "ACCESS", "value": IDS["pod"]}, {"name": "SECRET", "value": SECRET}]
    app = {"name": "app", "image": "example/app:1"}
    pod = {"containers": [app], "initContainers": [{**app, "name": "setup", "env": env}]}
    _kept.cluster.make_workload("Deployment", "shop", "seeded", "default", pod=pod)
    _kept.wait(60)
    return _kept


def keys_found(site: Site, *options: str) -> set[tuple[str, str]]:
    outcome = site("audit", "--check", "access-keys-in-cluster", *options, "-o", "json")
    assert outcome.code == 0, outcome
    return {(item["subject"]["kind"], line[-30:]) for item in outcome.json["findings"] for line in item["evidence"]}


def test_seeded_keys_are_found(shared: Site) -> None:
    endings = {place: f"{number[-4:]}, account 999988887777" for place, number in IDS.items()}
    kinds = {"Deployment": "pod", "ConfigMap": "configmap", "Secret": "secret"}
    for options, expected in (((), {"Deployment", "ConfigMap"}), (("--secrets",), {*kinds})):
        keys = keys_found(shared, *options)
        assert {kind for kind, _ in keys} == expected
        assert all(line.endswith(endings[kinds[kind]][-30:]) for kind, line in keys)


def test_the_account_of_a_key_needs_a_permission(shared: Site) -> None:
    shared.box.world.credentials.deny("sts:GetAccessKeyInfo")
    assert {line[-17:] for _, line in keys_found(shared)} == {"account not known"}


@table("form", [*Format, *Report])
def test_no_key_is_printed(shared: Site, form: Format | Report) -> None:
    scope = ("-n", "shop") if form is Format.JSON else ()
    outcome = shared("audit", "--secrets", "--all", "-v", *scope, "-o", form)
    assert not [number for number in (*IDS.values(), SECRET) if number in outcome.stdout + outcome.stderr]


@pytest.mark.parametrize(
    "fault", one_in(2, [Fault("reset", operation="GetAccessKeyInfo"), Fault("fail", operation="GetAccessKeyInfo")])
)
def test_no_key_is_printed_if_sts_fails(shared: Site, fault: Fault) -> None:
    shared.box.faults.add(fault)
    outcome = shared("audit", "--secrets", "--all", "-v", "--timeout", "1")
    assert "account not known" in outcome.stdout
    assert not [number for number in (*IDS.values(), SECRET) if number in outcome.stdout + outcome.stderr]


def test_no_key_is_saved(shared: Site, tmp_path: Path) -> None:
    """Not in snapshots, bundles or the journal."""
    journal = ("--journal-dir", str(tmp_path / "journal"))
    reports = [tmp_path / f"report.{ending}" for ending in ("json", "sarif", "xml", "md", "html")]
    for argv in (
        ("doctor", "--save", str(tmp_path / "snapshot.json")),
        ("bundle", str(tmp_path / "bundle.tar.gz"), "--yes"),
        ("audit", "--secrets", "-o", "html"),
        ("audit", "--secrets", *(word for file in reports for word in ("--report", str(file)))),
        ("associate", "shop/cart", "--role", "storefront", "--wait", "none", *journal),
    ):
        assert shared(*argv).code in (0, 3, 8), argv
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert len(files) >= 8
    for file in files:
        data = file.read_bytes()
        if file.suffix == ".gz":
            data = gzip.decompress(data)
        assert not [number for number in (*IDS.values(), SECRET) if number.encode() in data], file


def test_secrets_are_read_on_request_only(shared: Site) -> None:
    shared.kube.deny("kubernetes-admin", "list", "secrets")
    assert {kind for kind, _ in keys_found(shared)} == {"Deployment", "ConfigMap"}
    (unknown,) = shared("audit", "--secrets", "-o", "json").json["unknowns"]
    assert (unknown["id"], unknown["permission"]) == ("access-keys-in-cluster", "list secrets (cluster-wide)")
