"""Associations and service accounts that do not fit together: links 1 and 2."""

from podid.sandbox.breaks.hands import NAMESPACE, Hands

_YEAR = 365 * 86400.0


def association_missing(hands: Hands) -> str:
    hands.agent()
    found = hands.identity(associated=False)
    hands.workload()
    return str(found)


def association_namespace_not_found(hands: Hands) -> str:
    hands.role(hands.mode)
    hands.associate(f"{NAMESPACE}-typo/{hands.mode}", hands.mode)
    return f"{NAMESPACE}-typo/{hands.mode}"


def association_sa_not_found(hands: Hands) -> str:
    """One letter is missing."""
    hands.agent()
    found = hands.identity(associated=False)
    hands.workload()
    wrong = found.name.replace("found", "fund")
    hands.associate(wrong, found.role)
    return f"{NAMESPACE}/{wrong}"


def association_deleted_env_remains(hands: Hands) -> str:
    hands.agent()
    found = hands.identity(associated=False)
    made = hands.associate(found.name, found.role)
    hands.workload()
    hands.drop_association(made.id)
    hands.let_pass()
    return str(found)


def default_sa_association(hands: Hands) -> str:
    hands.home()
    hands.role(hands.mode)
    hands.associate("default", hands.mode)
    return f"{NAMESPACE}/default"


def addon_owned_association(hands: Hands) -> str:
    """The EBS CSI driver's add-on has its role in both ways."""
    addon = hands.record.addons["aws-ebs-csi-driver"]
    arn = hands.role(hands.mode)
    made = hands.associate("kube-system/ebs-csi-controller-sa", hands.mode, owner_arn=addon.arn)
    service_accounts = "/api/v1/namespaces/kube-system/serviceaccounts"
    hands.create(service_accounts, {"metadata": {"name": "ebs-csi-controller-sa"}})
    addon.association_ids.append(made.id)
    hands.later(lambda: addon.association_ids.remove(made.id))
    addon.service_account_role_arn = arn
    hands.later(lambda: setattr(addon, "service_account_role_arn", None))
    return addon.name


def association_quota(hands: Hands) -> str:
    """Four fifths of what a cluster takes: a service account for each tenant, all with one role."""
    hands.home()
    hands.role(hands.mode)
    count = hands.world.limits.associations_per_cluster * 4 // 5 - len(hands.record.associations)
    for name in (f"tenant-{number:04d}" for number in range(count)):
        hands.create(f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts", {"metadata": {"name": name}})
        hands.associate(name, hands.mode)
    return hands.world.cluster_name


def unused_association(hands: Hands) -> str:
    found = hands.identity(associated=False)
    hands.associate(found.name, found.role, age=_YEAR)
    return str(found)


def sa_mismatch(hands: Hands) -> str:
    hands.agent()
    found = hands.identity()
    hands.workload(account="default")
    return str(found)


def sa_recreated_token_invalid(hands: Hands) -> str:
    found = hands.working()
    hands.delete(found.account)
    hands.cluster.make_account(NAMESPACE, found.name)
    return str(found)
