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
    """One command of the tour, what to say before it, and the exit codes that are part of the story."""

    say: str
    argv: tuple[str, ...]
    codes: tuple[int, ...] = (0,)


SCENES = (
    Scene(
        "A cluster without the agent: pods of service account shop/orders must read one DynamoDB table and have no "
        "credentials of their own. First the agent, on every node.",
        ("install-agent",),
    ),
    Scene(
        f"A role that only shop/orders of this cluster may assume, with the permissions of {POLICY_FILE}.",
        ("role", "create", "shop-orders", "--for", "shop/orders", "--policy-file", POLICY_FILE),
    ),
    Scene(
        "The association joins the two. Pods that run already never notice one, so podid waits until the cluster knows "
        "it and restarts them.",
        ("associate", "shop/orders", "--role", "shop-orders", "--restart"),
    ),
    Scene("AWS's own list hides the role. This one does not.", ("list",)),
    Scene(
        "A pod that runs may still have no credentials. verify redeems a token of a pod and asks AWS whose they are.",
        ("verify", "shop/orders", "--yes"),
    ),
    Scene(
        "Last the doctor walks the whole chain for every association in the cluster. One of them, for payments, was "
        "made with a typing error before we came; exit code 3 says that something needs attention.",
        ("doctor",),
        (3,),
    ),
)
