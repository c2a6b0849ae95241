"""Every format out is read back in, with its clusters; and a member that podid does not know is refused."""

import csv
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness import one_in
from ops.declare.worlds import POLICY, READER
from podid.sandbox.baseline import add_cluster
from worlds import ACCOUNT, Site

STOREFRONT = f"arn:aws:iam::{ACCOUNT}:role/storefront"
TARGET = f"arn:aws:iam::{ACCOUNT}:role/orders-dynamodb"
# cluster and service account -> the settings of the association
Associations = dict[tuple[str, str], Any]


def settings(role: str = STOREFRONT, *, target: str = "", tags: Any = None, policy: Any = None) -> Any:
    """Return the members of a declared association. A session policy requires disabled session tags."""
    untagged = policy is not None or bool(target)
    members = {"role": role, "targetRole": target, "sessionPolicy": policy, "tags": tags}
    return {**{key: value for key, value in members.items() if value}, **({"sessionTags": False} if untagged else {})}


LIVE: Associations = {
    ("demo", "shop/orders"): settings(tags={"team": "a;b", "no": "0123", "=x": "@y", "k=1": "v", "{": "}"}),
    ("demo", "shop/cart"): settings(policy=POLICY, tags={"team": "a", "x": "=1"}),
    ("blue", "shop/orders"): settings(),
    ("blue", "pay/api"): settings(target=TARGET),
}


@pytest.fixture
def clusters(site: Site) -> Site:
    add_cluster(site.box.world, "blue")
    eks = site.aws("eks")
    for (cluster, account), members in LIVE.items():
        namespace, _, name = account.partition("/")
        policy = members.get("sessionPolicy")
        more = {
            "roleArn": members["role"],
            "disableSessionTags": not members.get("sessionTags", True),
            **({"tags": members["tags"]} if "tags" in members else {}),
            **({"targetRoleArn": members["targetRole"]} if "targetRole" in members else {}),
            **({"policy": json.dumps(policy)} if policy else {}),
        }
        eks.create_pod_identity_association(clusterName=cluster, namespace=namespace, serviceAccount=name, **more)
    return site


def associations(text: str) -> Associations:
    """Return the associations of podid's own file, with the ARNs of its roles."""
    live = {}
    for document in yaml.safe_load_all(text.replace("$${", "${")):
        (cluster,) = document["clusters"]
        names = {role["name"]: f"arn:aws:iam::{ACCOUNT}:role/{role['name']}" for role in document.get("roles", ())}
        for item in document["associations"]:
            account = item.pop("serviceAccount")
            live[cluster, account] = {**item, "role": names.get(item["role"], item["role"])}
    return live


def of(cluster: str) -> Associations:
    return {key: value for key, value in LIVE.items() if key[0] == cluster}


# the form of a file, the command that writes it, and the ending of its name
OUTPUTS = {
    **{f"list -o {form}": (f"list -o {form}", form) for form in ("json", "jsonl", "yaml", "csv")},
    **{f"export --as {form}": (f"export --as {form}", "yaml") for form in ("podid", "eksctl", "ack", "crossplane")},
    "export -o json": ("export -o json", "json"),
    "export -o yaml": ("export --as ack -o yaml", "yaml"),
}
# Crossplane's schema has no session policy
WITHOUT_POLICY = {"export --as crossplane"}


def cases() -> Iterator[tuple[str, str]]:
    for name in OUTPUTS:
        yield name, "--cluster demo"
        if name.startswith("list"):
            yield name, "--all-clusters"


@pytest.mark.parametrize(("name", "where"), one_in(2, cases()))
def test_a_file_is_converted_and_planned(clusters: Site, name: str, where: str) -> None:
    line, ending = OUTPUTS[name]
    expected = LIVE if where == "--all-clusters" else of("demo")
    if name in WITHOUT_POLICY:
        expected = {key: value for key, value in expected.items() if "sessionPolicy" not in value}
    written = clusters.must(*line.split(), *where.split()).stdout
    file = clusters.directory / f"file.{ending}"
    file.write_text(written)
    converted = clusters.must("convert", "-f", str(file))
    got = associations(converted.stdout)
    assert {key: got[key] for key in expected} == expected
    assert set(got) == set(of("demo") if expected is not LIVE else LIVE)
    # podid's own file is read as the same
    own = clusters.directory / "own.yaml"
    own.write_text(converted.stdout)
    assert associations(clusters.must("convert", "-f", str(own)).stdout) == got
    plans = clusters("plan", "-f", str(file), "-o", "json").json
    changes = [
        item for plan in plans.get("items", [plans]) for item in plan["changed"] + plan["created"] if "tags" not in item
    ]
    assert [item for item in changes if item["kind"] == "association"] == []


def test_stdin_is_read_as_a_file(clusters: Site) -> None:
    for form in ("json", "jsonl", "yaml", "csv"):
        text = clusters.must("list", "--all-clusters", "-o", form).stdout
        assert associations(piped(clusters, text)) == LIVE, form


def piped(site: Site, text: str) -> str:
    outcome = site.podid("convert", "-f", "-", stdin=text, **site.env)
    assert outcome.code == 0, outcome
    return outcome.stdout


@pytest.mark.parametrize("form", ["terraform", "terraform-module", "cloudformation", "pulumi", "aws-cli"])
def test_a_form_that_podid_does_not_read_is_refused(clusters: Site, form: str) -> None:
    file = clusters.directory / "file.txt"
    file.write_text(clusters.must("export", "--as", form).stdout)
    outcome = clusters("convert", "-f", str(file))
    assert (outcome.code, outcome.stdout) == (2, "")


# --- clusters ---------------------------------------------------------------------------------------------------------

ROW = {"namespace": "shop", "serviceAccount": "web", "roleArn": STOREFRONT}


def as_csv(*rows: Any) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(dict.fromkeys(key for row in rows for key in row)))
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def converted(site: Site, name: str, text: str, *, code: int = 0) -> Any:
    file = site.directory / name
    file.write_text(text)
    outcome = site("convert", "-f", str(file))
    assert outcome.code == code, outcome
    return associations(outcome.stdout) if code == 0 else outcome.stderr


@pytest.mark.parametrize("column", ["cluster", "clusterName", "cluster_name", "clustername"])
def test_each_name_of_the_column_is_the_cluster(site: Site, column: str) -> None:
    if column == "cluster_name":
        assert "did you mean" in converted(site, "a.csv", as_csv({**ROW, "clutser": "demo"}), code=2)
        column = "clusterName"
    rows = [{**ROW, column: name} for name in ("demo", "blue")]
    assert set(converted(site, "a.csv", as_csv(*rows))) == {("demo", "shop/web"), ("blue", "shop/web")}


@pytest.mark.parametrize("form", ["json", "csv"])
def test_clusters_of_the_same_name_stay_apart(site: Site, form: str) -> None:
    """podid list distinguishes them by the region in CSV, and by the ARN of the association elsewhere."""
    arns = [f"arn:aws:eks:{region}:{ACCOUNT}:cluster/demo" for region in ("eu-west-1", "us-west-2")]
    if form == "csv":
        text = as_csv(*({**ROW, "cluster": f"demo ({arn.split(':')[3]})"} for arn in arns))
    else:
        own = [arn.replace("cluster/", "podidentityassociation/") + "/a-1" for arn in arns]
        text = json.dumps({"associations": [{**ROW, "clusterName": "demo", "associationArn": arn} for arn in own]})
    assert set(converted(site, f"a.{form}", text)) == {(arn, "shop/web") for arn in arns}


def test_associate_refuses_rows_of_several_clusters(site: Site) -> None:
    file = site.directory / "a.csv"
    file.write_text(as_csv(*({**ROW, "cluster": name} for name in ("demo", "blue"))))
    outcome = site("associate", "--from-file", str(file), "--wait", "none")
    assert (outcome.code, outcome.stdout) == (2, "")
    assert "has associations of several clusters (demo, blue)" in outcome.stderr
    file.write_text(as_csv({**ROW, "cluster": "blue"}))
    outcome = site("associate", "--from-file", str(file), "--wait", "none", "--dry-run")
    assert outcome.code == 0
    assert f"{file} lists associations of cluster blue, not of cluster demo" in outcome.stdout


# --- members that podid does not know ---------------------------------------------------------------------------------


def ack(kind: str, group: str, spec: Any) -> str:
    head = {"apiVersion": f"{group}.services.k8s.aws/v1alpha1", "kind": kind, "metadata": {"name": "x"}}
    return json.dumps({**head, "spec": spec})


def crossplane(kind: str, group: str, spec: Any) -> str:
    head = {"apiVersion": f"{group}.aws.upbound.io/v1beta1", "kind": kind, "metadata": {"name": "x"}}
    return json.dumps({**head, "spec": {"forProvider": spec}})


LINK = {"clusterName": "demo", "namespace": "shop", "serviceAccount": "web"}
TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})
UNKNOWN = {
    "a.csv": as_csv({**ROW, "newMember": "x"}),
    # also a column without a value
    "b.csv": as_csv({**ROW, "newMember": ""}),
    "a.json": json.dumps({"associations": [{**ROW, "newMember": "x"}]}),
    "a.jsonl": json.dumps({**ROW, "newMember": "x"}),
    "b.json": json.dumps({"association": {**ROW, "newMember": "x"}}),
    "c.json": json.dumps({"associations": [ROW], "newMember": "x"}),
    "d.json": json.dumps({"associations": [ROW], "nextToken": "x"}).replace("nextToken", "NextToken"),
    "e.json": json.dumps({"apiVersion": "podid/v1", "kind": "AssociationList", "items": [{**ROW, "newMember": "x"}]}),
    "f.json": ack("PodIdentityAssociation", "eks", {**LINK, "roleARN": READER, "newMember": "x"}),
    "g.json": ack("Role", "iam", {"name": "x", "assumeRolePolicyDocument": TRUST, "newMember": "x"}),
    "h.json": crossplane("PodIdentityAssociation", "eks", {**LINK, "roleArn": READER, "newMember": "x"}),
    "i.json": crossplane("Role", "iam", {"assumeRolePolicy": TRUST, "newMember": "x"}),
    "j.json": json.dumps(
        {
            "apiVersion": "eksctl.io/v1alpha5",
            "kind": "ClusterConfig",
            "metadata": {"name": "demo"},
            "iam": {"podIdentityAssociations": [{"namespace": "shop", "serviceAccountName": "web", "newMember": "x"}]},
        }
    ),
    "k.json": json.dumps(
        {"apiVersion": "podid/v1", "kind": "PodIdentity", "metadata": {"name": "x"}, "newMember": "x"}
    ),
}


def test_a_member_that_podid_does_not_know_is_refused(site: Site) -> None:
    for name, text in UNKNOWN.items():
        error = converted(site, name, text, code=2)
        assert re.search("newMember|NextToken", error), (name, error)
    for name, text in UNKNOWN.items():
        if not name.startswith(("d.", "g.", "i.", "j.")):
            known = text.replace(",newMember", "").replace(",x\r", "\r").replace(",\r", "\r")
            known = re.sub(r', "newMember": "x"', "", known)
            assert converted_any(site, name, known) == 0, name


def converted_any(site: Site, name: str, text: str) -> int:
    file = Path(site.directory / name)
    file.write_text(text)
    return site("convert", "-f", str(file)).code
