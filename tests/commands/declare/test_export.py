"""podid export, and podid plan and apply of its output."""

import json
from pathlib import Path

import pytest

from harness import table
from ops.declare.worlds import associated
from podid.ops.declare.request import FORMS
from podid.sandbox.baseline import add_association
from worlds import ACCOUNT, Site


@pytest.fixture
def shop(account: Site) -> Site:
    return associated(account)


@pytest.fixture
def incomplete(shop: Site) -> Site:
    """Add an association of an add-on, one whose role does not exist, and a role that another tool manages."""
    shop.aws("eks").update_addon(
        clusterName="demo",
        addonName="aws-ebs-csi-driver",
        podIdentityAssociations=[
            {"serviceAccount": "ebs-csi-controller-sa", "roleArn": f"arn:aws:iam::{ACCOUNT}:role/storefront"}
        ],
    )
    add_association(shop.box.world, "shop", "lost", "nosuch")
    shop.aws("iam").tag_role(RoleName="storefront", Tags=[{"Key": "crossplane-name", "Value": "front"}])
    return shop


@table("form", FORMS)
def test_an_omitted_part_is_a_note_and_a_comment(incomplete: Site, form: str) -> None:
    outcome = incomplete("export", "--as", form)
    assert outcome.code == 0
    for note in (
        "omitted: kube-system/ebs-csi-controller-sa, because the add-on aws-ebs-csi-driver owns the association",
        "role nosuch does not exist",
        "role storefront is managed by Crossplane front (tag crossplane-name=front); the provider reverts changes by "
        "others when it next reconciles the resource",
    ):
        assert f"note: {note}\n" in outcome.stderr
        assert form == "pulumi" or f"# note: {note}\n" in outcome.stdout
    assert outcome.stdout.count("ebs-csi-controller-sa") == (form != "pulumi")


def test_a_mistyped_name_suggests_the_nearest(shop: Site) -> None:
    outcome = shop("export", "shop/order")
    assert (outcome.code, outcome.stdout) == (5, "")
    assert "podid export shop/orders" in outcome.stderr
    assert shop("export", "--as", "terrafrm").code == 2


@table("form", ["podid", "aws-cli", "terraform"])
def test_a_terminal_shows_the_lines_of_the_file(shop: Site, form: str) -> None:
    shop.podid.tty = False
    piped = shop("export", "--as", form).stdout
    shop.podid.tty = True
    shown = shop("export", "--as", form, env={"COLUMNS": "60"}).stdout
    assert shown == piped
    assert max(map(len, piped.splitlines())) > 100


def test_nothing_to_export_is_a_note(account: Site) -> None:
    outcome = account("export")
    assert outcome.code == 0
    assert "nothing to export" in outcome.stderr


def test_the_document_has_text_and_notes(shop: Site) -> None:
    document = shop("export", "--as", "eksctl", "-o", "json").json
    assert (document["kind"], document["form"]) == ("Export", "eksctl")
    assert document["text"].endswith("\n")
    assert any("role orders is only referenced" in note for note in document["notes"])


def test_the_plan_of_an_export_is_empty(shop: Site, tmp_path: Path) -> None:
    shop.must("trust", "add", "--role", "orders", "--for", "shop/later")
    path = tmp_path / "all.yaml"
    path.write_text(shop("export", "-A", "--roles").stdout)
    outcome = shop("plan", "-f", str(path))
    assert (outcome.code, "no changes" in outcome.stdout) == (0, True), outcome


def test_the_plan_of_roles_that_assume_target_roles_is_empty(account: Site, tmp_path: Path) -> None:
    """One with podid's policy, one with a policy of its own, and one without: only the last one gets a note."""
    target = "arn:aws:iam::444455556666:role/ledger"
    create = ("--create-role", "--role", "orders", "--force")
    account.must("associate", "shop/orders", *create, "--target-role", target, "--wait", "none")
    iam = account.aws("iam")
    for name, ref, resource in (
        ("own", "shop/cart", "arn:aws:iam::*:role/ledger"),
        ("lame", "shop/web", "arn:aws:iam::*:role/x"),
    ):
        trust = iam.get_role(RoleName="storefront")["Role"]["AssumeRolePolicyDocument"]
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
        statement = {"Effect": "Allow", "Action": "sts:*", "Resource": resource}
        policy = json.dumps({"Version": "2012-10-17", "Statement": statement})
        iam.put_role_policy(RoleName=name, PolicyName="chain", PolicyDocument=policy)
        account.must("associate", ref, "--role", name, "--target-role", target, "--wait", "none")
    path = tmp_path / "all.yaml"
    path.write_text(account("export").stdout)
    outcome = account("plan", "-f", str(path), "-o", "json")
    assert (outcome.code, outcome.json["unchanged"], outcome.json["conflicts"]) == (0, 6, []), outcome
    (note,) = (note for note in outcome.json["notes"] if "inline policy" in note)
    assert note.startswith("role lame gets no inline policy assume-ledger, unless --adopt: ")
    created = account("plan", "-f", str(path), "--adopt", "-o", "json").json["created"]
    assert [(item["kind"], item["target"]) for item in created] == [("role-policy", "lame/assume-ledger")]


@table("form", ["ack", "crossplane", "eksctl"])
def test_the_plan_of_an_export_for_another_program_is_empty(shop: Site, tmp_path: Path, form: str) -> None:
    path = tmp_path / "all.yaml"
    path.write_text(shop("export", "shop/orders", "--as", form).stdout)
    outcome = shop("plan", "-f", str(path), "-o", "json")
    assert (outcome.code, outcome.json["conflicts"]) == (0, []), outcome


def test_an_export_is_applied_to_an_empty_account(shop: Site, tmp_path: Path) -> None:
    exported = shop("export", "-A", "--roles").stdout
    path = tmp_path / "all.yaml"
    path.write_text(exported)
    eks, iam = shop.aws("eks"), shop.aws("iam")
    for item in eks.list_pod_identity_associations(clusterName="demo")["associations"]:
        eks.delete_pod_identity_association(clusterName="demo", associationId=item["associationId"])
    for role in ("orders", "storefront"):
        for policy in iam.list_role_policies(RoleName=role)["PolicyNames"]:
            iam.delete_role_policy(RoleName=role, PolicyName=policy)
        for attached in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
            iam.detach_role_policy(RoleName=role, PolicyArn=attached["PolicyArn"])
        iam.delete_role(RoleName=role)
    assert "serviceAccount" not in shop("export").stdout
    assert shop("apply", "-f", str(path), "--wait", "none").code == 0
    assert shop("export", "-A", "--roles").stdout == exported
    assert shop("plan", "-f", str(path)).code == 0
