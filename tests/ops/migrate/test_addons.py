"""Add-ons that use IRSA: their own list of associations, and their IRSA role at the end."""

import json

import pytest

from irsa import ANNOTATION, Irsa, irsa_statement, ways
from podid.sandbox.aws import eks_addons, gateway
from podid.sandbox.aws.service import Call, Result
from worlds import Site

EBS, REF = "aws-ebs-csi-driver", "kube-system/ebs-csi-controller-sa"


FINISH = ("migrate", "finish", REF, "--soak", "0", "--yes")


@pytest.fixture
def irsa(healthy: Site) -> Irsa:
    """The EBS CSI driver's add-on has an IRSA role, and EKS has set the annotation."""
    irsa = Irsa(healthy)
    arn = irsa.role("ebs", irsa_statement(REF))
    path = "/api/v1/namespaces/kube-system/serviceaccounts"
    healthy.cluster.post(path, {"metadata": {"name": "ebs-csi-controller-sa"}})
    healthy.aws("eks").update_addon(clusterName="demo", addonName=EBS, serviceAccountRoleArn=arn)
    healthy.cluster.make_workload("Deployment", "kube-system", "ebs-csi-controller", "ebs-csi-controller-sa", 2)
    healthy.wait(60)
    assert irsa.annotations(REF)[ANNOTATION] == arn
    return irsa


def addon(irsa: Irsa) -> tuple[str | None, dict[str, str]]:
    """The add-on's IRSA role, and the roles of its associations."""
    eks = irsa.site.aws("eks")
    described = eks.describe_addon(clusterName="demo", addonName=EBS)["addon"]
    names = [arn.rpartition("/")[2] for arn in described.get("podIdentityAssociations", ())]
    owned = [eks.describe_pod_identity_association(clusterName="demo", associationId=n)["association"] for n in names]
    role = described.get("serviceAccountRoleArn")
    return role and role.rpartition("/")[2], {a["serviceAccount"]: a["roleArn"].rpartition("/")[2] for a in owned}


def carried(irsa: Irsa) -> list[set[str]]:
    return [ways(pod) for pod in irsa.site.cluster.pods("kube-system", "ebs-csi-controller")]


def test_forth_and_back(irsa: Irsa) -> None:
    trust, annotations = irsa.trust("ebs"), irsa.annotations(REF)
    irsa.site.must("migrate", "apply", REF, "--yes")
    assert addon(irsa) == ("ebs", {"ebs-csi-controller-sa": "ebs"})
    assert carried(irsa) == [{"AWS_CONTAINER_CREDENTIALS_FULL_URI"}] * 2
    assert irsa.stages()[REF] == "moved"
    irsa.site.must(*FINISH)
    assert addon(irsa) == (None, {"ebs-csi-controller-sa": "ebs"})
    assert ANNOTATION not in irsa.annotations(REF)
    assert "Federated" not in json.dumps(irsa.trust("ebs"))
    assert irsa.stages()[REF] == "clean"
    irsa.site.must("migrate", "rollback", REF, "--yes")
    assert addon(irsa) == ("ebs", {})
    assert (irsa.trust("ebs"), irsa.annotations(REF)) == (trust, annotations)
    assert carried(irsa) == [{"AWS_WEB_IDENTITY_TOKEN_FILE"}] * 2
    assert irsa.stages()[REF] == "old"


@pytest.mark.parametrize("until", [pytest.param("associated", marks=pytest.mark.rare), "moved"])
def test_back_from_a_stage(irsa: Irsa, until: str) -> None:
    trust = irsa.trust("ebs")
    irsa.site.must("migrate", "apply", REF, "--until", until, "--yes")
    irsa.site.must("migrate", "rollback", "-A", "--yes")
    assert (addon(irsa), irsa.trust("ebs"), irsa.stages()[REF]) == (("ebs", {}), trust, "old")


def test_undo(irsa: Irsa) -> None:
    irsa.site.must("migrate", "apply", REF, "--yes")
    irsa.site.must("undo", "last", "--yes")
    assert (addon(irsa), irsa.stages()[REF]) == (("ebs", {}), "old")
    assert carried(irsa) == [{"AWS_WEB_IDENTITY_TOKEN_FILE"}] * 2


def test_a_failed_add_on_is_rolled_back(irsa: Irsa) -> None:
    irsa.site.kube.faults.webhook_misses = 10_000
    outcome = irsa.site("migrate", "apply", REF, "--yes", "--timeout", "1m")
    assert (outcome.code, "rolled back to IRSA" in outcome.stderr) == (8, True), outcome
    assert addon(irsa) == ("ebs", {})


def test_eks_keeps_the_role(irsa: Irsa, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then the trust policy keeps the statement, since new pods still use IRSA's annotation."""
    irsa.site.must("migrate", "apply", REF, "--yes")
    trust, arn = irsa.trust("ebs"), irsa.annotations(REF)[ANNOTATION]

    def keeping(call: Call) -> Result:
        call.params.setdefault("serviceAccountRoleArn", arn)
        return eks_addons.update(call)

    monkeypatch.setitem(gateway.HANDLERS["eks"], "UpdateAddon", keeping)
    outcome = irsa.site(*FINISH)
    assert (outcome.code, "still reports its IRSA role" in outcome.stderr) == (6, True), outcome
    assert "aws eks update-addon --cluster-name demo --addon-name aws-ebs-csi-driver" in outcome.stderr
    assert (irsa.trust("ebs"), irsa.stages()[REF]) == (trust, "moved")
    monkeypatch.undo()
    irsa.site.must(*FINISH)
    assert irsa.stages()[REF] == "clean"


def test_an_update_of_the_add_on_keeps_its_irsa_role(irsa: Irsa) -> None:
    version = irsa.site.aws("eks").describe_addon_versions(addonName=EBS)["addons"][0]["addonVersions"][0]
    irsa.site.must("addon", "install", EBS, "--addon-version", version["addonVersion"], "--yes")
    assert addon(irsa)[0] == "ebs"
    irsa.site.must("addon", "associate", EBS, "ebs-csi-controller-sa", "--role", "ebs", "--update-trust")
    assert addon(irsa) == ("ebs", {"ebs-csi-controller-sa": "ebs"})
