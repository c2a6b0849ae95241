"""JSON Schemas (draft 2020-12) of every document that podid prints: the source of docs/reference/json.

They are strict on purpose: a member that is not declared here fails podid's own tests, so a document cannot grow
or lose one unnoticed.
"""

from podid.domain.exit_codes import ExitCode
from podid.domain.findings import Severity
from podid.domain.plan import KEYS, EffectState, ResourceKind, Status, Verb
from podid.domain.trust import ScopeKind, TrustVerdict
from podid.render.schema_reports import REPORTS
from podid.render.schema_words import (
    ARGV,
    ARN,
    BASE,
    NAMES,
    POLICY,
    SERVICE_ACCOUNTS,
    TIME,
    Schema,
    document,
    flag,
    free,
    listing,
    maybe,
    members,
    number,
    one_of,
    pairs,
    text,
)

# --- the parts --------------------------------------------------------------------------------------------------------

_ASSOCIATION: dict[str, Schema] = {
    "clusterName": text(),
    "namespace": text(),
    "serviceAccount": text(),
    "roleArn": ARN,
    "associationArn": ARN,
    "associationId": text("EKS's id, `a-` and 17 characters."),
    "tags": pairs(text()),
    "createdAt": maybe(TIME),
    "modifiedAt": maybe(TIME),
    "ownerArn": maybe(text("The add-on that owns the association.")),
    "disableSessionTags": maybe(flag("null is the API's own default, which is false.")),
    "targetRoleArn": maybe(text("The role assumed from the first one.")),
    "externalId": maybe(text("What EKS sends as sts:ExternalId to the target role.")),
    "policy": maybe(text("The session policy, as JSON text.")),
}

_ROLE: dict[str, Schema] = {
    "roleName": text(),
    "roleArn": ARN,
    "roleId": text(),
    "path": text(),
    "description": maybe(text()),
    "createdAt": maybe(TIME),
    "maxSessionDuration": number("Seconds."),
    "permissionsBoundary": maybe(text("The boundary policy's ARN.")),
    "tags": pairs(text()),
    "trustPolicy": POLICY,
}

_ACTION_VERDICT = members(
    {
        "verdict": one_of(TrustVerdict),
        "statement": maybe(number("Index of the deciding statement, from 0.")),
        "sid": maybe(text()),
        "reason": text("One sentence; empty when there is nothing to say."),
    }
)

_TRUST: dict[str, Schema] = {
    "verdict": one_of(TrustVerdict, "Of both actions together."),
    "actions": members({"sts:AssumeRole": _ACTION_VERDICT, "sts:TagSession": _ACTION_VERDICT}),
    "scope": maybe(
        members({"kind": one_of(ScopeKind), "words": text()}),
        "How far what lets these pods in reaches; null where nothing does.",
    ),
    "findings": listing(members({"id": text(), "severity": one_of(Severity), "message": text(), "fix": text()})),
}

_TRUST_REPORT: dict[str, Schema] = {
    "file": text("`-` is stdin."),
    "namespace": text(),
    "serviceAccount": text(),
    "clusterArn": ARN,
    "hop": {"enum": [1, 2], "description": "1 is the association's role, 2 its target role."},
    **_TRUST,
    "proposed": maybe(POLICY, "The smallest addition that lets in what is not let in; null when none is needed."),
    "diff": text("From the policy to the proposed one; empty when there is none."),
    "advice": listing(text()),
}

_HEADER: dict[str, Schema] = {
    "callerArn": text("Who did it, or would."),
    "account": text(),
    "region": text(),
    "cluster": maybe(text()),
}

# what podid reads and writes of each kind of resource; a state that is only asked for holds only what was asked for
_STATES: dict[ResourceKind, dict[str, Schema]] = {
    ResourceKind.ADDON: {"addonName": text(), "addonVersion": text(), "configurationValues": text()},
    ResourceKind.ROLE: {
        "roleName": text(),
        "roleArn": ARN,
        "path": text(),
        "description": text(),
        "maxSessionDuration": number(),
        "permissionsBoundary": text(),
        "tags": pairs(text()),
        "trustPolicy": POLICY,
    },
    ResourceKind.ROLE_POLICY: {"roleName": text(), "policyName": text(), "policyDocument": POLICY},
    ResourceKind.ROLE_ATTACHMENT: {"roleName": text(), "policyArn": ARN},
    ResourceKind.ROLE_TRUST: {"roleName": text(), "policyDocument": POLICY},
    ResourceKind.ASSOCIATION: {
        "namespace": text(),
        "serviceAccount": text(),
        "roleArn": ARN,
        "targetRoleArn": maybe(text()),
        "disableSessionTags": flag(),
        "policy": maybe(text()),
        "tags": pairs(text()),
        "associationId": text(),
    },
    ResourceKind.SERVICE_ACCOUNT: {"namespace": text(), "name": text()},
    ResourceKind.RESTART: {"namespace": text(), "kind": text(), "name": text()},
}


def _state(kind: ResourceKind) -> Schema:
    properties = _STATES[kind]
    keys = {key: properties[key] for key in KEYS[kind]}
    return maybe(members(keys, {key: value for key, value in properties.items() if key not in keys}))


def _actions(statuses: tuple[str, ...], about: str) -> Schema:
    shapes = [
        members(
            {
                "kind": {"const": str(kind)},
                "verb": one_of(Verb),
                "target": text(),
                "status": one_of(statuses),
                "before": _state(kind),
                "after": _state(kind),
            },
            {"reason": text("Why it failed or was not tried.")},
        )
        for kind in ResourceKind
    ]
    return listing({"oneOf": shapes}, about)


# --- the documents ----------------------------------------------------------------------------------------------------

_DOCUMENTS: tuple[Schema, ...] = (
    document(
        "AssociationList",
        "`podid list`. With `-o jsonl` each item is a line.",
        {"clusterName": text(), "items": listing(members(_ASSOCIATION))},
    ),
    document(
        "Association",
        "`podid show`: EKS's PodIdentityAssociation, and what the role's trust policy says to it.",
        {**_ASSOCIATION, "trust": maybe(members(_TRUST), "null where the role does not exist or may not be read.")},
    ),
    document(
        "RoleList",
        "`podid role list`: the roles that pods can assume.",
        {"items": listing(members({**_ROLE, "access": text("Which pods, in words.")}))},
    ),
    document(
        "Role",
        "`podid role show`.",
        {
            **_ROLE,
            "attachedPolicies": listing(members({"policyName": text(), "policyArn": ARN})),
            "inlinePolicies": pairs(POLICY, "By name."),
            "access": listing(text(), "Who may assume it, a sentence for each statement."),
            "usedBy": maybe(SERVICE_ACCOUNTS, "Of the chosen cluster; null where no cluster was looked at."),
        },
    ),
    document("TrustReport", "`podid trust check` for one policy and one service account.", _TRUST_REPORT),
    document(
        "TrustReportList",
        "`podid trust check` for several policies or service accounts.",
        {"items": listing(members(_TRUST_REPORT))},
    ),
    document(
        "Plan",
        "Any changing command with `--dry-run`: what it would do.",
        {
            **_HEADER,
            "actions": _actions(("planned", Status.UNCHANGED), "In the order in which they would be done."),
            "notes": NAMES,
        },
    ),
    document(
        "Result",
        "Any changing command: what it did.",
        {
            **_HEADER,
            "runId": maybe(text(), "What `podid undo` takes; null when nothing was changed."),
            "actions": _actions(tuple(Status), "In the order in which they were done."),
            "effect": maybe(
                members({"state": one_of(EffectState), "how": text("What was looked at, or why nothing was.")}),
                "Whether pods get the credentials; null where that was not asked.",
            ),
            "notes": NAMES,
        },
    ),
    document(
        "History",
        "`podid history`, newest run first.",
        {
            "items": listing(
                members(
                    {
                        "runId": text(),
                        "command": ARGV,
                        "startedAt": TIME,
                        "status": one_of(("done", "partial", "failed", "running", "interrupted", "empty")),
                        **_HEADER,
                        "undoes": maybe(text("The run that this one took back.")),
                        "actions": _actions((*Status, "open"), "`open` is not known to have happened."),
                    }
                )
            )
        },
    ),
    document(
        "Permissions",
        "Any command with `--show-permissions`.",
        {
            "command": text(),
            "iamPolicy": POLICY,
            "kubernetes": listing(free("A Role or ClusterRole.")),
            "optional": listing(members({"permission": text(), "for": text()}), "Granted only on purpose."),
        },
    ),
    document(
        "Sandbox",
        "`podid sandbox start`, `status`, `stop` and `reset`.",
        {"state": one_of(("running", "already running", "reset", "stopped", "not running"))},
        {
            "endpointUrl": text("For AWS_ENDPOINT_URL."),
            "account": text(),
            "region": text(),
            "cluster": text(),
            "kubeconfig": maybe(text("A file.")),
            "pid": number(),
            "log": text("A file."),
        },
    ),
    document(
        "SandboxEnvironment",
        "`podid sandbox env`.",
        {"export": pairs(text()), "unset": NAMES},
    ),
    document("Completion", "`podid completion`.", {"shell": one_of(("bash", "zsh", "fish")), "script": text()}),
)

ERROR: Schema = {
    "$schema": BASE,
    "title": "Error",
    **members(
        {
            "error": members(
                {
                    "code": text("One of docs/reference/errors.md."),
                    "message": text("One sentence with the object in it."),
                    "hint": maybe(text("A command that may help, quoted for a shell.")),
                    "subject": maybe(text("What it is about.")),
                    "exitCode": {"enum": [int(code) for code in ExitCode if code is not ExitCode.OK]},
                    "requestId": maybe(text("AWS's request id.")),
                },
                {"permission": text("The IAM action or Kubernetes right that is missing."), "advice": text()},
            )
        },
        about="What goes to stderr with `-o json` and `-o jsonl`, on one line.",
    ),
}

# kind -> schema; Error is not a kind, since it goes to stderr without apiVersion
SCHEMAS: dict[str, Schema] = {**{schema["title"]: schema for schema in (*_DOCUMENTS, *REPORTS)}, "Error": ERROR}
