"""Arguments and options that several commands take, each written once. What Typer fills in for them is parsed by
`podid.cli.typed`."""

from typing import Annotated

import typer

ServiceAccounts = Annotated[
    list[str], typer.Argument(metavar="NS/SA...", help="Service accounts, each as NAMESPACE/NAME.")
]
AnyServiceAccounts = Annotated[
    list[str] | None, typer.Argument(metavar="[NS/SA...]", help="Service accounts, each as NAMESPACE/NAME.")
]
OneServiceAccount = Annotated[str, typer.Argument(metavar="NS/SA", help="The service account, as NAMESPACE/NAME.")]
UpdateTrust = Annotated[
    bool,
    typer.Option(
        "--update-trust", help="Add a statement to the role's trust policy if it needs one, and to its target role's."
    ),
]
RoleName = Annotated[str, typer.Argument(metavar="ROLE", help="Role, by name or ARN.")]
PolicyFiles = Annotated[
    list[str] | None,
    typer.Option(
        "--policy-file",
        metavar="FILE",
        help="Permissions as a JSON policy ('-' is stdin), kept inline under the file's name. Repeatable.",
    ),
]
ManagedPolicies = Annotated[
    list[str] | None,
    typer.Option(
        "--managed-policy", metavar="NAME|ARN", help="Managed policy to attach; a bare name is AWS's own. Repeatable."
    ),
]
Force = Annotated[
    bool, typer.Option("--force", help="Restart even if new pods would not get the credentials that running pods have.")
]
Adopt = Annotated[bool, typer.Option("--adopt", help="Change a role that exists and that podid did not make here.")]
TrustFiles = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[FILE|-...]", help="Trust policies as JSON, or what aws iam get-role prints; '-' is stdin."
    ),
]
TrustRole = Annotated[
    str | None, typer.Option("--role", metavar="ROLE", help="In place of FILE: the role with this name or ARN.")
]
TrustFor = Annotated[list[str] | None, typer.Option("--for", metavar="NS/SA", help="Whose pods are meant. Repeatable.")]
ClusterArn = Annotated[
    str | None,
    typer.Option(
        "--cluster-arn", metavar="ARN", help="The cluster that they run in; with FILE no AWS access is needed then."
    ),
]
TrustScope = Annotated[
    str,
    typer.Option(
        "--scope",
        metavar="SCOPE",
        help="service-account, namespace, cluster or account: how far the statement reaches.",
    ),
]
SessionTags = Annotated[
    bool, typer.Option("--session-tags/--no-session-tags", help="Whether the association sends session tags.")
]
InPlace = Annotated[bool, typer.Option("--in-place", help="Write the new policy into FILE.")]
RolePath = Annotated[str | None, typer.Option("--path", metavar="PATH", help="IAM path of the role. [default: /]")]
RoleDescription = Annotated[str | None, typer.Option("--description", metavar="TEXT", help="Description of the role.")]
Boundary = Annotated[
    str | None,
    typer.Option(
        "--boundary",
        "--permissions-boundary",
        metavar="NAME|ARN",
        help="Managed policy that bounds the role; a bare name is AWS's own.",
    ),
]
MaxSessionDuration = Annotated[
    str | None,
    typer.Option(
        "--max-session-duration",
        metavar="TIME",
        help="Longest session that others may ask for, 1h to 12h; pods get theirs from EKS. [default: 1h]",
    ),
]
Scope = Annotated[
    str,
    typer.Option(
        "--scope", metavar="SCOPE", help="With --update-trust: service-account, namespace, cluster or account."
    ),
]
Replace = Annotated[bool, typer.Option("--replace", help="Change an association that is there with other settings.")]
CreateServiceAccount = Annotated[
    bool, typer.Option("--create-service-account", help="Create the service account if it does not exist.")
]
Strict = Annotated[
    bool, typer.Option("--strict", help="Refuse a service account that does not exist, or cannot be looked at.")
]
Presets = Annotated[
    list[str] | None,
    typer.Option(
        "--preset",
        metavar="NAME[,KEY=VALUE...]",
        help="Permissions of a well-known workload, see podid preset list. Repeatable.",
    ),
]
TargetProfile = Annotated[
    str | None,
    typer.Option(
        "--target-profile",
        metavar="PROFILE",
        help="AWS profile of the target role's account: its trust is looked at, and changed with --update-trust.",
    ),
]
CloudTrailToo = Annotated[
    bool, typer.Option("--cloudtrail", help="Look into CloudTrail's event history too: two calls a second at most.")
]
AssociationForm = Annotated[
    str | None,
    typer.Option(
        "--print",
        metavar="FORM",
        help="terraform: print associations, and a role that is made, in that form; nothing is changed.",
    ),
]
ClusterTags = Annotated[
    list[str] | None,
    typer.Option(
        "--cluster-tag",
        metavar="KEY=VALUE",
        help="In place of --cluster: every cluster of the region with this tag. Repeatable: with all of them.",
    ),
]
