"""Associations that Terraform is to make, with the role that comes with them.

https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/eks_pod_identity_association
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from podid.domain.members import About, Document
from podid.domain.names import role_name
from podid.domain.plan import Action, Plan, Verb
from podid.ops.change.kinds import ASSOCIATION, ROLE
from podid.render.role_forms import commented, hcl, label, labels, role_properties, terraform_role
from podid.render.view import Table, View, columns, document


class AssociationFormDocument(Document, kind="AssociationForm"):
    """`podid associate --print`."""

    form: Literal["terraform"]
    text: Annotated[str, About("What to put into a file.")]


def associations_for_terraform(plan: Plan) -> View:
    """What the plan would leave behind: its associations whole, and the role that it would make."""
    actions = (*plan.actions, *plan.unchanged)
    parts = [*_roles(plan.actions), *_associations(actions, plan.header.cluster)]
    text = "\n".join(parts) + commented(plan.owed)
    body = document(AssociationFormDocument, form="terraform", text=text)
    refs = tuple(f"{item['namespace']}/{item['serviceAccount']}" for item in _states(actions))
    table = Table(columns("SERVICE ACCOUNT", "FORM"), tuple((ref, "terraform") for ref in refs))
    return View(body, (table,), refs, tuple(text.splitlines()))


def _states(actions: tuple[Action, ...]) -> list[Mapping[str, Any]]:
    return [action.after for action in actions if action.kind == ASSOCIATION.name and action.after is not None]


def _roles(actions: tuple[Action, ...]) -> Iterator[str]:
    for action in actions:
        if action.kind == ROLE.name and action.verb is Verb.CREATE and action.after is not None:
            yield terraform_role(role_properties(action.after, actions))


def _associations(actions: tuple[Action, ...], cluster: str) -> Iterator[str]:
    made = {
        str(action.after["roleName"])
        for action in actions
        if action.kind == ROLE.name and action.verb is Verb.CREATE and action.after is not None
    }
    states = _states(actions)
    for name, state in zip(labels([f"{s['namespace']}_{s['serviceAccount']}" for s in states]), states, strict=True):
        role = role_name(str(state["roleArn"]))
        arguments = {
            "cluster_name": hcl(cluster),
            "namespace": hcl(state["namespace"]),
            "service_account": hcl(state["serviceAccount"]),
            "role_arn": f"aws_iam_role.{label(role)}.arn" if role in made else hcl(state["roleArn"]),
        }
        if state.get("targetRoleArn"):
            arguments["target_role_arn"] = hcl(state["targetRoleArn"])
        if state.get("disableSessionTags"):
            arguments["disable_session_tags"] = "true"
        if state.get("policy"):
            arguments["policy"] = hcl(state["policy"])
        if state.get("tags"):
            arguments["tags"] = hcl(state["tags"], 2)
        width = max(map(len, arguments))
        lines = [f"  {argument:{width}} = {value}" for argument, value in arguments.items()]
        yield "\n".join((f'resource "aws_eks_pod_identity_association" "{name}" {{', *lines, "}", ""))
