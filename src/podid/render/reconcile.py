"""Rounds of `podid reconcile`, and the manifests that run it in a cluster."""

import json
from collections.abc import Iterator, Sequence
from typing import Annotated, Any

from podid.domain.encoding import JsonObject
from podid.domain.members import About, Document
from podid.domain.names import Arn
from podid.domain.permissions import Permissions
from podid.domain.text import count_of, utc
from podid.ops.declare.manifests import Setting, reconciling
from podid.ops.declare.reconcile import Reconciliation, RoundState
from podid.render.formats import to_json, to_yaml
from podid.render.permissions import GrantedPolicy, manifests_of, policy_of, yaml_lines
from podid.render.view import Line, View, document, table_of

_STYLES = {
    RoundState.IN_SYNC: "good",
    RoundState.APPLIED: "good",
    RoundState.DRIFT: "warn",
    RoundState.PARTIAL: "warn",
    RoundState.FAILED: "bad",
    RoundState.STANDBY: "dim",
}


def round_view(done: Reconciliation) -> View:
    table = table_of(
        (done,),
        ("AT", lambda item: utc(item.at)),
        ("STATE", "state"),
        ("CHANGES", "changes"),
        ("UNCHANGED", "unchanged"),
        ("CONFLICTS", "conflicts"),
        ("NOT READ", "not_read"),
        ("REFUSED", "refused"),
        ("ERROR", "error"),
    )
    words = f"{utc(done.at)}  {done.state:<8}  {_words(done)}".rstrip()
    upto = len(utc(done.at)) + 2 + len(done.state)
    return View(document(Reconciliation, done), (table,), (done.state,), (Line(words, _STYLES[done.state], upto=upto),))


def _words(done: Reconciliation) -> str:
    if done.state is RoundState.STANDBY:
        return "another process holds the Lease"
    if done.state is RoundState.FAILED:
        return done.error
    counts = (
        (done.changes, "change" if done.state is RoundState.APPLIED else "pending change"),
        (done.conflicts, "conflict"),
        (done.not_read, "unread resource"),
        (done.refused, "refused service account"),
    )
    parts = [count_of(number, noun) for number, noun in counts if number]
    counted = ", ".join((*parts, f"{done.unchanged} unchanged"))
    return f"{counted}: {done.error}" if done.error else counted


class ReconcileManifestsDocument(Document, kind="ReconcileManifests"):
    """`podid reconcile --manifests`."""

    iam_policy: Annotated[GrantedPolicy, About("The IAM policy of the service account's role.")]
    manifests: Annotated[Sequence[JsonObject], About("For kubectl apply.")]


def manifests_view(setting: Setting, granted: Permissions, lease: Permissions, interval: float) -> View:
    """Return the manifests with the permissions. The IAM policy is a comment at the head."""
    policy = policy_of(granted | lease)
    objects = [
        *reconciling(setting, interval),
        *access_of(setting, granted),
        *access_of(setting, lease, setting.namespace),
    ]
    # YAML would write an object that is used twice as an alias
    objects = json.loads(json.dumps(objects))
    arn = Arn.parse(setting.cluster_arn)
    lines = [
        "# The role of the service account needs this IAM policy, an association, and an access entry:",
        f"#   podid role create {setting.name} --for {setting.namespace}/{setting.name} --policy-file iam-policy.json "
        f"--cluster {arn}",
        f"#   podid associate {setting.namespace}/{setting.name} --role {setting.name} --cluster {arn}",
        f"#   aws eks create-access-entry --region {arn.region} --cluster-name {arn.resource_name} "
        f"--principal-arn ROLE_ARN --kubernetes-groups {setting.group}",
        *(f"# {line}" for line in to_json(policy).splitlines()),
        *yaml_lines(objects),
    ]
    body = document(ReconcileManifestsDocument, None, iam_policy=policy, manifests=objects)
    return View(body, lines=tuple(lines), names=(setting.name,), exact=True)


def access_of(setting: Setting, permissions: Permissions, namespace: str = "") -> Iterator[JsonObject]:
    """Yield the roles of the permissions and their bindings to the group of the access entry: in the namespace, or in
    the whole cluster without one, since files may declare any namespace."""
    kind = "Role" if namespace else "ClusterRole"
    for number, role in enumerate(manifests_of(permissions, setting.name)):
        metadata = {"name": f"{setting.name}-{number + 1}" if number else setting.name}
        metadata |= {"namespace": namespace} if namespace else {}
        yield {**role, "kind": kind, "metadata": metadata}
        yield {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": f"{kind}Binding",
            "metadata": metadata,
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": metadata["name"]},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": setting.group}],
        }


def files_of(view: View) -> Iterator[tuple[str, str]]:
    """Return names and texts of the files of --write."""
    objects: Any = view.document["manifests"]
    yield "manifests.yaml", "---\n".join(map(to_yaml, objects))
    yield "iam-policy.json", to_json(view.document["iamPolicy"])
