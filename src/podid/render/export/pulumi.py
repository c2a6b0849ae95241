"""The import file of Pulumi: pulumi import --file FILE reads the resources, and writes their program.

https://www.pulumi.com/docs/iac/guides/migration/import/. Types and identifiers as in @pulumi/aws 7.48.0.
"""

from __future__ import annotations

from podid.ops.export.live import LiveIdentities
from podid.render.export.parts import DistinctNames, FormText, object_name
from podid.render.formats import to_json


def write(identities: LiveIdentities) -> FormText:
    names = {kind: DistinctNames(object_name, "-") for kind in ("role", "policy", "attachment", "association")}
    resources: list[dict[str, str]] = []

    def add(kind: str, name: str, token: str, identifier: str) -> None:
        resources.append({"type": token, "name": names[kind].of(name), "id": identifier})

    for role in identities.roles:
        add("role", role.name, "aws:iam/role:Role", role.name)
        for policy in role.inline:
            add("policy", f"{role.name}-{policy}", "aws:iam/rolePolicy:RolePolicy", f"{role.name}:{policy}")
        for arn in role.attached:
            token = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
            add("attachment", f"{role.name}-{arn.rsplit('/', 1)[-1]}", token, f"{role.name}/{arn}")
    for item in identities.associations:
        token = "aws:eks/podIdentityAssociation:PodIdentityAssociation"
        name = f"{item.namespace}-{item.service_account}"
        add("association", name, token, f"{item.cluster_name},{item.association_id}")
    return FormText(to_json({"resources": resources}), identities.notes)
