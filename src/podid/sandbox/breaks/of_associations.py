"""Failure modes of associations and service accounts that do not match: links 1 and 2."""

from podid.sandbox.breaks.scenario import NAMESPACE, Scenario

_YEAR = 365 * 86400.0


def association_missing(scenario: Scenario) -> str:
    scenario.install_agent()
    identity = scenario.create_identity(associated=False)
    scenario.create_workload()
    return str(identity)


def association_namespace_not_found(scenario: Scenario) -> str:
    scenario.create_role(scenario.mode)
    scenario.associate(f"{NAMESPACE}-typo/{scenario.mode}", scenario.mode)
    return f"{NAMESPACE}-typo/{scenario.mode}"


def association_sa_not_found(scenario: Scenario) -> str:
    """Associate a name that lacks one letter of the service account's name."""
    scenario.install_agent()
    identity = scenario.create_identity(associated=False)
    scenario.create_workload()
    wrong = identity.name.replace("found", "fund")
    scenario.associate(wrong, identity.role)
    return f"{NAMESPACE}/{wrong}"


def association_deleted_env_remains(scenario: Scenario) -> str:
    scenario.install_agent()
    identity = scenario.create_identity(associated=False)
    association = scenario.associate(identity.name, identity.role)
    scenario.create_workload()
    scenario.delete_association(association.id)
    scenario.advance_time()
    return str(identity)


def default_sa_association(scenario: Scenario) -> str:
    scenario.create_namespace()
    scenario.create_role(scenario.mode)
    scenario.associate("default", scenario.mode)
    return f"{NAMESPACE}/default"


def addon_owned_association(scenario: Scenario) -> str:
    """Configure the add-on of the EBS CSI driver with both an association and a role of IRSA."""
    addon = scenario.record.addons["aws-ebs-csi-driver"]
    arn = scenario.create_role(scenario.mode)
    association = scenario.associate("kube-system/ebs-csi-controller-sa", scenario.mode, owner_arn=addon.arn)
    service_accounts = "/api/v1/namespaces/kube-system/serviceaccounts"
    scenario.create(service_accounts, {"metadata": {"name": "ebs-csi-controller-sa"}})
    addon.association_ids.append(association.id)
    scenario.on_undo(lambda: addon.association_ids.remove(association.id))
    addon.service_account_role_arn = arn
    scenario.on_undo(lambda: setattr(addon, "service_account_role_arn", None))
    return addon.name


def association_quota(scenario: Scenario) -> str:
    """Create associations up to four fifths of the cluster's quota: a service account for each tenant, all with one
    role."""
    scenario.create_namespace()
    scenario.create_role(scenario.mode)
    count = scenario.world.limits.associations_per_cluster * 4 // 5 - len(scenario.record.associations)
    for name in (f"tenant-{number:04d}" for number in range(count)):
        scenario.create(f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts", {"metadata": {"name": name}})
        scenario.associate(name, scenario.mode)
    return scenario.world.cluster_name


def unused_association(scenario: Scenario) -> str:
    identity = scenario.create_identity(associated=False)
    scenario.associate(identity.name, identity.role, age=_YEAR)
    return str(identity)


def sa_mismatch(scenario: Scenario) -> str:
    scenario.install_agent()
    identity = scenario.create_identity()
    scenario.create_workload(account="default")
    return str(identity)


def sa_recreated_token_invalid(scenario: Scenario) -> str:
    identity = scenario.create_working_identity()
    scenario.delete(identity.account)
    scenario.cluster.make_account(NAMESPACE, identity.name)
    return str(identity)
