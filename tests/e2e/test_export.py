"""podid export: what is live, in podid's own file and in the forms of others."""

import json
from pathlib import Path

import pytest

from podid.aws.iam import Iam
from podid.domain.declaration import Declaration
from podid.domain.errors import AccessDenied
from podid.domain.trust import ScopeKind
from podid.ops.declare.files import read_declarations
from podid.ops.export.request import FORMS
from podid.sandbox.baseline import add_association
from worlds import ACCOUNT, Site

pytestmark = pytest.mark.sampled(3)

RESOURCE = "arn:aws:s3:::b/${aws:PrincipalTag/team}/${y}"
POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:Get*", "Resource": RESOURCE}]}


@pytest.fixture
def shop(account: Site, tmp_path: Path) -> Site:
    """shop/orders has a role of podid; shop/cart uses a role of somebody else, without session tags."""
    path = tmp_path / "p.json"
    path.write_text(json.dumps(POLICY))
    account.must(
        *(
            "associate",
            "shop/orders",
            "--create-role",
            "--role",
            "orders",
            "--policy-file",
            str(path),
            "--tag",
            "no=0123",
        ),
        *("--wait", "none"),
    )
    session = ("--no-session-tags", "--session-policy", str(path))
    account.must("associate", "shop/cart", "--role", "storefront", *session, "--wait", "none")
    return account


def read(text: str, tmp_path: Path) -> Declaration:
    path = tmp_path / "x.yaml"
    path.write_text(text)
    (declaration,) = read_declarations((str(path),), {}, read_file=lambda name: Path(name).read_text())
    return declaration


def test_the_own_file_is_read_back_as_what_is_live(shop: Site, tmp_path: Path) -> None:
    outcome = shop("export")
    assert (outcome.code, outcome.stderr) == (0, "")
    assert outcome.stdout.startswith("# yaml-language-server: $schema=https://")
    declaration = read(outcome.stdout, tmp_path)
    assert (declaration.name, [cluster.name for cluster in declaration.clusters]) == ("demo", ["demo"])
    orders, storefront = declaration.roles
    assert (orders.name, orders.scope, orders.subjects, orders.trust) == ("orders", ScopeKind.SERVICE_ACCOUNT, (), None)
    assert [policy.document for policy in orders.policies] == [POLICY]
    assert orders.tags == {}
    assert storefront.name == "storefront"
    cart, association = declaration.associations
    assert (cart.role, cart.session_tags, json.loads(cart.session_policy)) == ("storefront", False, POLICY)
    assert (association.role, association.tags) == ("orders", {"no": "0123"})


def test_a_part_is_exported_with_the_roles_that_it_uses(shop: Site, tmp_path: Path) -> None:
    for selection in (("shop/orders",), ("-n", "shop", "shop/orders")[:2], ("-n", "sh?p"), ("-A",)):
        declaration = read(shop("export", *selection).stdout, tmp_path)
        named = {item.service_account for item in declaration.associations}
        assert named == ({"shop/orders"} if selection == ("shop/orders",) else {"shop/orders", "shop/cart"})
    only = read(shop("export", "--roles").stdout, tmp_path)
    assert ([role.name for role in only.roles], only.associations) == (["orders"], ())
    both = read(shop("export", "shop/cart", "--roles").stdout, tmp_path)
    assert [role.name for role in both.roles] == ["orders", "storefront"]


def test_a_trust_policy_that_podid_would_not_write_is_kept_as_it_is(shop: Site, tmp_path: Path) -> None:
    trust = shop.aws("iam").get_role(RoleName="orders")["Role"]["AssumeRolePolicyDocument"]
    trust["Statement"].append({**trust["Statement"][0], "Sid": "More", "Principal": {"Service": "ec2.amazonaws.com"}})
    shop.trust("orders", trust)
    (role,) = read(shop("export", "shop/orders").stdout, tmp_path).roles
    assert role.trust == trust


def test_subjects_are_those_of_the_trust_policy(shop: Site, tmp_path: Path) -> None:
    shop.must("trust", "add", "--role", "orders", "--for", "shop/later")
    (role,) = read(shop("export", "shop/orders").stdout, tmp_path).roles
    assert (role.scope, sorted(map(str, role.subjects))) == (ScopeKind.SERVICE_ACCOUNT, ["shop/later", "shop/orders"])


@pytest.mark.parametrize("form", FORMS)
def test_what_is_left_out_is_a_note_and_a_comment(shop: Site, form: str) -> None:
    shop.aws("eks").update_addon(
        clusterName="demo",
        addonName="aws-ebs-csi-driver",
        podIdentityAssociations=[
            {"serviceAccount": "ebs-csi-controller-sa", "roleArn": f"arn:aws:iam::{ACCOUNT}:role/storefront"}
        ],
    )
    add_association(shop.box.world, "shop", "lost", "nosuch")
    shop.aws("iam").tag_role(RoleName="storefront", Tags=[{"Key": "crossplane-name", "Value": "front"}])
    outcome = shop("export", "--as", form)
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


def test_a_role_whose_policies_cannot_be_read_is_not_exported_without_them(
    shop: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    denied = AccessDenied("You are not authorized to perform iam:GetRolePolicy", permission="iam:GetRolePolicy")

    def refuse(self: Iam, name: str, policy_name: str) -> None:
        raise denied

    monkeypatch.setattr(Iam, "_find_inline", refuse)
    outcome = shop("export")
    assert outcome.code == 8
    assert "note: not read: policies of role orders: requires iam:GetRolePolicy\n" in outcome.stderr
    declaration = read(outcome.stdout, tmp_path)
    assert [role.name for role in declaration.roles] == ["storefront"]
    assert declaration.associations[1].role == f"arn:aws:iam::{ACCOUNT}:role/orders"


def test_a_mistyped_name_suggests_the_nearest(shop: Site) -> None:
    outcome = shop("export", "shop/order")
    assert (outcome.code, outcome.stdout) == (5, "")
    assert "podid export shop/orders" in outcome.stderr
    assert shop("export", "--as", "terrafrm").code == 2


@pytest.mark.parametrize("form", ["podid", "aws-cli", "terraform"])
def test_a_terminal_shows_the_lines_of_the_file(shop: Site, form: str) -> None:
    piped = shop("export", "--as", form).stdout
    shop.podid.tty = True
    shown = shop("export", "--as", form, env={"COLUMNS": "60"}).stdout
    assert shown == piped
    assert max(map(len, piped.splitlines())) > 100


def test_nothing_to_export_is_said(account: Site) -> None:
    outcome = account("export")
    assert outcome.code == 0
    assert "nothing to export" in outcome.stderr


def test_the_document_has_text_and_notes(shop: Site) -> None:
    document = shop("export", "--as", "eksctl", "-o", "json").json
    assert (document["kind"], document["form"]) == ("Export", "eksctl")
    assert document["text"].endswith("\n")
    assert any("role orders is only referenced" in note for note in document["notes"])


def test_many_associations_cost_what_a_list_costs(account: Site) -> None:
    for number in range(120):
        add_association(account.box.world, "shop", f"sa-{number}", "storefront")
    outcome = account("export", "-v")
    calls = [line.split()[0] for line in outcome.stderr.splitlines() if line.startswith(("  eks:", "  iam:"))]
    assert outcome.code == 0
    assert calls.count("eks:DescribePodIdentityAssociation") == 120
    assert calls.count("eks:ListPodIdentityAssociations") == 2
    assert calls.count("iam:GetRole") == 1
    assert len(calls) < 130


# --- with podid plan and podid apply ----------------------------------------------------------------------------------


def test_the_plan_of_what_was_exported_is_empty(shop: Site, tmp_path: Path) -> None:
    shop.must("trust", "add", "--role", "orders", "--for", "shop/later")
    path = tmp_path / "all.yaml"
    path.write_text(shop("export", "-A", "--roles").stdout)
    outcome = shop("plan", "-f", str(path))
    assert (outcome.code, "no changes" in outcome.stdout) == (0, True), outcome


def test_so_is_that_of_roles_that_assume_target_roles(account: Site, tmp_path: Path) -> None:
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


@pytest.mark.parametrize("form", ["ack", "crossplane", "eksctl"])
def test_so_is_that_of_what_was_exported_for_others(shop: Site, tmp_path: Path, form: str) -> None:
    path = tmp_path / "all.yaml"
    path.write_text(shop("export", "shop/orders", "--as", form).stdout)
    outcome = shop("plan", "-f", str(path), "-o", "json")
    assert (outcome.code, outcome.json["conflicts"]) == (0, []), outcome


def test_an_empty_account_gets_what_was_exported(shop: Site, tmp_path: Path) -> None:
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


def test_a_list_of_the_api_is_completed_from_the_cluster(shop: Site, tmp_path: Path) -> None:
    eks = shop.aws("eks")
    listed = [
        {key: value for key, value in item.items() if key != "ownerArn"}
        for item in eks.list_pod_identity_associations(clusterName="demo")["associations"]
    ]
    assert all("roleArn" not in item for item in listed)
    path = tmp_path / "list.json"
    path.write_text(json.dumps({"associations": listed}))
    shop.box.faults.calls.clear()
    outcome = shop("plan", "-f", str(path), "-o", "json")
    assert (outcome.code, outcome.json["unchanged"], outcome.json["files"]) == (0, len(listed), ["demo-list"]), outcome
    refused = shop("convert", "-f", str(path))
    assert refused.code == 2
    assert "podid plan and apply read them from the cluster" in refused.stderr
    path.write_text(json.dumps({"associations": [{**listed[0], "associationId": "a-0000000000000000"}]}))
    gone = shop("plan", "-f", str(path))
    assert gone.code == 2
    assert f"{path}:1:19: associations[0].roleArn: is required, and cluster demo has no association a-0" in gone.stderr


def test_notes_of_a_foreign_file_are_notes_of_its_plan(account: Site, tmp_path: Path) -> None:
    path = tmp_path / "cluster.yaml"
    row = {"namespace": "shop", "serviceAccountName": "pay", "wellKnownPolicies": {"autoScaler": True}}
    config = {
        "apiVersion": "eksctl.io/v1alpha5",
        "kind": "ClusterConfig",
        "metadata": {"name": "demo"},
        "iam": {"podIdentityAssociations": [row]},
    }
    path.write_text(json.dumps(config))
    outcome = account("plan", "-f", str(path), "-o", "json")
    assert outcome.code == 3, outcome
    assert any("eksctl's trust policy allows every pod" in note for note in outcome.json["notes"])
    assert account("apply", "-f", str(path), "--wait", "none").code == 0
    assert account("plan", "-f", str(path)).code == 0
    role = account.aws("iam").get_role(RoleName="demo-shop-pay")["Role"]
    assert {"Key": "podid:owner", "Value": "demo-cluster"} in role["Tags"]
