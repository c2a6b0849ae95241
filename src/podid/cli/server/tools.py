"""The tools of the MCP server as data: the command line and the JSON document of each."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from podid.domain.errors import InvalidInput
from podid.domain.text import did_you_mean
from podid.render.declaration import schema_text

Arguments = Mapping[str, Any]
# of a parameter in JSON Schema, with the type in Python
_TYPES: Mapping[str, type] = {"string": str, "array": list, "boolean": bool}


@dataclass(frozen=True, slots=True)
class ToolParameter:
    """A parameter of a tool. `option` is podid's option for it; without one it is an argument, in this order."""

    name: str
    about: str
    type: Literal["string", "array", "boolean"] = "string"
    option: str = ""
    required: bool = False
    values: tuple[str, ...] = ()

    @property
    def schema(self) -> dict[str, Any]:
        schema: dict[str, Any] = {"type": self.type, "description": self.about}
        if self.type == "array":
            schema["items"] = {"type": "string"}
        return schema | ({"enum": list(self.values)} if self.values else {})


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool: the words of the command, and the kind of its document. `needs` is the flag of the server's owner without
    which it does not exist. `sends` is the parameter that the command reads from stdin."""

    name: str
    title: str
    about: str
    kind: str
    words: tuple[str, ...]
    parameters: tuple[ToolParameter, ...] = ()
    needs: str = ""
    destroys: bool = False
    local: bool = False
    sends: str = ""

    def command_line(self, arguments: Arguments) -> tuple[list[str], str]:
        """Return the command line and the text for its stdin. Raise InvalidInput for arguments that the tool does not
        accept."""
        check(self.parameters, arguments)
        return [*self.words, *flags(self.parameters, arguments)], str(arguments.get(self.sends) or "")


def check(parameters: tuple[ToolParameter, ...], arguments: Arguments) -> None:
    """Raise InvalidInput for unknown and missing arguments, and for those of another type."""
    known = {parameter.name: parameter for parameter in parameters}
    for name, value in arguments.items():
        if name not in known:
            raise InvalidInput(f"Unknown argument {name!r}{did_you_mean(name, known, 1)}", subject=name)
        if value is None:  # a client may send every parameter
            continue
        expected = known[name].type
        texts = value if isinstance(value, list) else [value]
        if not isinstance(value, _TYPES[expected]) or (
            expected == "array" and not all(isinstance(t, str) for t in texts)
        ):
            words = "an array of strings" if expected == "array" else f"a {expected}"
            raise InvalidInput(f"Argument {name!r} is not {words}", subject=name)
        if known[name].values and value not in known[name].values:
            raise InvalidInput(f"Argument {name!r} is not one of {', '.join(known[name].values)}", subject=name)
    for parameter in parameters:
        if parameter.required and arguments.get(parameter.name) in (None, "", []):
            raise InvalidInput(f"Argument {parameter.name!r} is required", subject=parameter.name)


def flags(parameters: tuple[ToolParameter, ...], arguments: Arguments) -> list[str]:
    """Return options and arguments as words. A value is part of the word of its option, and names follow `--`: no value
    can become another option."""
    words: list[str] = []
    names: list[str] = []
    for parameter in parameters:
        value = arguments.get(parameter.name)
        values: list[str] = value if isinstance(value, list) else [str(value)]
        if value in (None, False, [], "") or parameter.option == "stdin":
            continue
        if parameter.type == "boolean":
            words.append(parameter.option)
        elif parameter.option:
            words += [f"{parameter.option}={text}" for text in values]
        else:
            names += values
    return [*words, *(["--", *names] if names else [])]


SERVICE_ACCOUNT = ToolParameter("service_account", "Service account, as NAMESPACE/NAME.", required=True)
NAMESPACE = ToolParameter("namespace", "Only this namespace.", option="--namespace")
# omitted if the owner of the server has specified them
PLACE = (
    ToolParameter("cluster", "EKS cluster, by name or ARN.", option="--cluster"),
    ToolParameter("region", "AWS region.", option="--region"),
)

TOOLS: tuple[Tool, ...] = (
    Tool(
        "whoami",
        "Caller and place",
        "Show caller, account, region, cluster and kube context.",
        "WhoAmI",
        ("whoami",),
        PLACE,
    ),
    Tool(
        "list",
        "List associations",
        "List Pod Identity associations with their roles.",
        "AssociationList",
        ("list",),
        (
            ToolParameter("service_accounts", "Only these service accounts, each as NAMESPACE/NAME.", "array"),
            NAMESPACE,
            ToolParameter("role", "Only associations with this role, by name or ARN.", option="--role"),
            *PLACE,
        ),
    ),
    Tool(
        "show",
        "Show a service account",
        "Show everything about one service account: association, role, trust policy, pods and state.",
        "Association",
        ("show",),
        (SERVICE_ACCOUNT, *PLACE),
    ),
    Tool(
        "doctor",
        "Find the cause of a failure",
        "Run the checks and return the findings, the first broken link first: of the cluster, or of a target.",
        "DoctorReport",
        ("doctor",),
        (
            ToolParameter("target", "Service account as NAMESPACE/NAME, pod/NAMESPACE/NAME or deploy/NAMESPACE/NAME."),
            NAMESPACE,
            *PLACE,
        ),
    ),
    Tool(
        "explain",
        "Explain a failure",
        "Explain a failure by the id of a finding, or by the text of an error message. Makes no call.",
        "Explanation",
        ("explain",),
        (ToolParameter("text", "Id of a finding, or the text of an error.", required=True),),
        local=True,
    ),
    Tool(
        "trust_check",
        "Check a trust policy",
        "Evaluate whether a trust policy allows the pods of a service account to assume the role: of an existing role, "
        "or of a policy document.",
        "TrustReport",
        ("trust", "check"),
        (
            ToolParameter("service_account", "Service account, as NAMESPACE/NAME.", option="--for", required=True),
            ToolParameter("role", "Role, by name or ARN.", option="--role"),
            ToolParameter("document", "Trust policy as JSON, instead of a role.", option="stdin"),
            ToolParameter("cluster_arn", "ARN of the cluster of the pods.", option="--cluster-arn"),
            *PLACE,
        ),
        sends="document",
    ),
    Tool(
        "can_i",
        "Check permissions of pods",
        "Check whether the pods of a service account may perform AWS actions, and by which statement.",
        "AccessReport",
        ("can-i",),
        (
            SERVICE_ACCOUNT,
            ToolParameter("actions", "Actions such as s3:GetObject, or patterns such as s3:*.", "array", required=True),
            ToolParameter("resources", "ARNs of the resources.", "array", option="--resource"),
            *PLACE,
        ),
    ),
    Tool(
        "verify",
        "Verify credentials",
        "Redeem a token of a running pod at EKS Auth and return the role that it gets. podid drops the credentials.",
        "IdentityStatus",
        ("verify", "--yes"),
        (SERVICE_ACCOUNT, *PLACE),
        needs="--allow-verify",
    ),
)

_TARGETS = ToolParameter("service_accounts", "Service accounts, each as NAMESPACE/NAME.", "array")
# commands about trust policies have an option for them
_FOR = replace(_TARGETS, option="--for")
_ROLE = ToolParameter("role", "Role, by name or ARN; for role-create the name of the new role.", option="--role")
_PRESETS = ToolParameter("presets", "Permissions of a new role, as NAME[,KEY=VALUE...].", "array", "--preset")
_SCOPE = ToolParameter(
    "scope",
    "Scope of an added trust policy statement; service-account by default.",
    option="--scope",
    values=("service-account", "namespace", "cluster", "account"),
)
_UPDATE_TRUST = ToolParameter("update_trust", "Add missing statements to trust policies.", "boolean", "--update-trust")
# change -> its command line, and its parameters
CHANGES: Mapping[str, tuple[tuple[str, ...], tuple[ToolParameter, ...]]] = {
    "associate": (
        ("associate",),
        (
            _TARGETS,
            _ROLE,
            ToolParameter("create_role", "Create the role.", "boolean", "--create-role"),
            _PRESETS,
            ToolParameter("replace", "Change an association with other settings.", "boolean", "--replace"),
            _UPDATE_TRUST,
            ToolParameter("restart", "Restart the workloads.", "boolean", "--restart"),
        ),
    ),
    "disassociate": (("disassociate",), (_TARGETS,)),
    "restart": (("restart",), (_TARGETS,)),
    "install-agent": (("install-agent",), ()),
    "role-create": (("role", "create"), (replace(_ROLE, option=""), _FOR, _PRESETS, _SCOPE, _UPDATE_TRUST)),
    "trust-add": (("trust", "add"), (_ROLE, _FOR, _SCOPE)),
    "trust-remove": (("trust", "remove"), (_ROLE, _FOR)),
    "trust-tighten": (("trust", "tighten"), (_ROLE,)),
}


def _uses_of(name: str) -> str:
    return ", ".join(change for change, (_, accepted) in CHANGES.items() if name in {item.name for item in accepted})


_CHANGE = ToolParameter("change", "The change to plan.", required=True, values=tuple(CHANGES))
_OF_CHANGES = tuple(
    replace(item, about=f"{item.about} For {_uses_of(item.name)}.")
    for item in {item.name: item for _, accepted in CHANGES.values() for item in accepted}.values()
)


def change_line(arguments: Arguments) -> list[str]:
    """Return the command line of a change, without consent. Raise InvalidInput."""
    check(PLAN.parameters, arguments)
    words, accepted = CHANGES[arguments["change"]]
    further = {item.name for item in (*accepted, *PLACE, _CHANGE)}
    for name, value in arguments.items():
        if value not in (None, False, [], "") and name not in further:
            raise InvalidInput(f"Argument {name!r} does not apply to {arguments['change']}", subject=name)
    return [*words, *flags((*accepted, *PLACE), arguments)]


PLAN = Tool(
    "plan",
    "Plan a change",
    "Return the actions of a change and the predicted state. This tool changes nothing. To make the changes, call "
    "apply with the planId. The server must allow changes.",
    "Plan",
    (),
    (_CHANGE, *_OF_CHANGES, *PLACE),
)
PLAN_FILE = Tool(
    "plan_file",
    "Plan a declaration",
    "Return the changes that a declaration of roles and associations requires. A declaration is a file of podid apply. "
    "This tool changes nothing. To make the changes, call apply with the planId. The server must allow changes.",
    "FilePlan",
    ("apply", "--file=-"),
    (
        ToolParameter("document", "Declaration in YAML: apiVersion podid/v1.", option="stdin", required=True),
        ToolParameter(
            "prune", "Delete resources that the declaration owns and no longer declares.", "boolean", "--prune"
        ),
        ToolParameter("adopt", "Change existing resources that no declaration owns.", "boolean", "--adopt"),
        ToolParameter("update_trust", "Change trust policies of other roles.", "boolean", "--update-trust"),
        ToolParameter("restart", "Restart the workloads.", "boolean", "--restart"),
        *PLACE,
    ),
    sends="document",
)
PLANS = (PLAN, PLAN_FILE)
APPLY = Tool(
    "apply",
    "Apply a plan",
    "Make the changes of a plan, if its actions are still the same. Before the call, show the plan to the user and ask "
    "for confirmation.",
    "Result",
    (),
    (ToolParameter("plan_id", "The planId of a result of plan or plan_file.", required=True),),
    needs="--allow-write",
    destroys=True,
)
EVERY = (*TOOLS, *PLANS, APPLY)


def output_schema(tool: Tool) -> dict[str, Any]:
    """Return the schema of the tool's document: that of its kind, for a plan with its id."""
    schema: dict[str, Any] = json.loads(schema_text(tool.kind))
    if tool not in PLANS:
        return schema
    definitions = schema.pop("$defs", {})
    schema.pop("$schema")
    text_or_null = {"anyOf": [{"type": "string"}, {"type": "null"}]}
    return {
        "type": "object",
        "properties": {
            "planId": {
                **text_or_null,
                "description": "For apply; null if nothing is to be changed or changes are off.",
            },
            "expiresAt": {**text_or_null, "description": "The time until which apply accepts the planId."},
            "plan": schema,
        },
        "required": ["planId", "expiresAt", "plan"],
        "$defs": definitions,
    }
