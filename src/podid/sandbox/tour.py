"""The scenes of `podid demo`."""

from dataclasses import dataclass

POLICY_FILE = "dynamodb-read.json"
POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": ["dynamodb:GetItem", "dynamodb:Query", "dynamodb:BatchGetItem"],
            "Resource": "arn:aws:dynamodb:us-west-2:111122223333:table/orders",
        }
    ],
}


@dataclass(frozen=True, slots=True)
class Scene:
    """One command of the tour, the text before it, and the expected exit codes."""

    say: str
    argv: tuple[str, ...]
    codes: tuple[int, ...] = (0,)


SCENES = (
    Scene(
        "The cluster has no agent. Pods of service account shop/orders must read a DynamoDB table, and have no "
        "credentials. First, install the agent on every node.",
        ("install-agent",),
    ),
    Scene(
        f"Create a role that only shop/orders of this cluster can assume, with the permissions in {POLICY_FILE}.",
        ("role", "create", "shop-orders", "--for", "shop/orders", "--policy-file", POLICY_FILE),
    ),
    Scene(
        "Associate the role with the service account. Running pods do not receive credentials, so podid waits until "
        "the association is in effect, and then restarts them.",
        ("associate", "shop/orders", "--role", "shop-orders", "--restart"),
    ),
    Scene("List the associations. The list of the AWS CLI omits the roles; this one has them.", ("list",)),
    Scene(
        "A running pod may still have no credentials. verify exchanges a pod's token for credentials and asks AWS STS "
        "for their identity.",
        ("verify", "shop/orders", "--yes"),
    ),
    Scene(
        "Finally, the doctor checks every association in the cluster. One of them, in namespace payments, was created "
        "earlier with a misspelled service account. Exit code 3 means that something needs attention.",
        ("doctor",),
        (3,),
    ),
)
