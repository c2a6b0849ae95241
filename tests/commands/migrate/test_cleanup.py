"""podid migrate cleanup: what it lists, and its exit codes."""

import json

from irsa import PROVIDER, Irsa, irsa_statement
from ops.migrate.worlds import AGENT, Proxies
from podid.domain.trust import ACTIONS, base_role_permissions
from worlds import Site


def provider(site: Site, ident: str) -> str:
    created = site.aws("iam").create_open_id_connect_provider(
        Url=f"https://oidc.eks.us-west-2.amazonaws.com/id/{ident}",
        ClientIDList=["sts.amazonaws.com"],
        ThumbprintList=["9e99a48a9960b14926bb7f3b02e22da2b0ab7280"],
    )
    return str(created["OpenIDConnectProviderArn"])


def test_cleanup_lists_and_deletes_the_named_resources(irsa: Irsa) -> None:
    unused, used = provider(irsa.site, "UNUSED"), provider(irsa.site, "USED")
    irsa.role("uses-it", irsa_statement("shop/a", provider=used))
    lonely = irsa.role("lonely", irsa_statement("shop/a", provider=PROVIDER.replace("EXAMPLED", "GONE")))
    items = irsa.site.must("migrate", "cleanup", "-o", "json").json["items"]
    names = {(item["kind"], item["arn"]) for item in items}
    assert {("oidc-provider", unused), ("role", lonely)} <= names
    assert ("oidc-provider", used) not in names
    irsa.site.must("migrate", "cleanup", unused, lonely, "--yes")
    providers = irsa.site.aws("iam").list_open_id_connect_providers()["OpenIDConnectProviderList"]
    assert unused not in {item["Arn"] for item in providers}
    irsa.site.must("undo", "last", "--yes")
    providers = irsa.site.aws("iam").list_open_id_connect_providers()["OpenIDConnectProviderList"]
    assert unused in {item["Arn"] for item in providers}


def test_a_deleted_role_leaves_the_trust_policy_of_its_target_role(irsa: Irsa) -> None:
    lonely = irsa.role("lonely", irsa_statement("shop/a", provider=PROVIDER.replace("EXAMPLED", "GONE")))
    own = {"Effect": "Allow", "Principal": {"AWS": lonely}, "Action": list(ACTIONS)}
    target = irsa.role("far", irsa_statement("shop/b"), own)
    document = json.dumps(base_role_permissions(target))
    irsa.site.aws("iam").put_role_policy(RoleName="lonely", PolicyName="far", PolicyDocument=document)
    notes = irsa.site.must("migrate", "cleanup", lonely, "--dry-run", "-o", "json").json["notes"]
    assert any("pass --update-trust to remove the statement first" in note for note in notes)
    irsa.site.must("migrate", "cleanup", lonely, "--update-trust", "--yes")
    assert "lonely" not in json.dumps(irsa.trust("far"))


def test_cleanup_deletes_nothing_else(irsa: Irsa) -> None:
    used = provider(irsa.site, "USED")
    irsa.role("uses-it", irsa_statement("shop/a", provider=used))
    assert irsa.site("migrate", "cleanup", used, "--yes").code == 5
    assert irsa.site("migrate", "cleanup", provider(irsa.site, "UNUSED")).code == 2


def test_cleanup_deletes_no_agent_after_a_denied_read(proxies: Proxies) -> None:
    proxies.refuse("GET */deployments*")
    outcome = proxies.site("migrate", "cleanup", "-c", "demo")
    assert (outcome.code, "kiam and kube2iam could not be read" in outcome.stderr) == (9, True), outcome
    assert AGENT not in outcome.stdout
    outcome = proxies.site("migrate", "cleanup", AGENT, "--yes", "-c", "demo")
    assert (outcome.code, "not authorized to read deployments" in outcome.stderr) == (9, True), outcome
    proxies.site.kube.faults.clear()
    pods = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}]
    outcome = proxies.site("migrate", "cleanup", AGENT, "--yes", "-c", "demo", env=proxies.site.user("viewer", pods))
    assert (outcome.code, "Try:   kubectl auth can-i list" in outcome.stderr) == (9, True), outcome
    assert AGENT.rpartition("/")[2] in str(
        proxies.site.cluster.items("/apis/apps/v1/namespaces/kube-system/daemonsets")
    )
