from dataclasses import replace
from typing import Any

from checks.builder import DENIED, INSTANCE, agent_pod, healthy
from checks.grid import answers
from harness import table
from podid.domain.aws import Instance

ID = "agent-imds-unavailable"
FAILS = healthy(instances={"node-1": replace(INSTANCE, metadata=False)})
UNKNOWN = healthy(instances=DENIED)
FINDINGS = [("fail", "error", "Node node-1")]
UNKNOWNS = [("unknown", "warn", "Cluster prod")]
BARE = Instance(id="i-1")
PROFILED = Instance(id="i-2", profile_arn="arn:aws:iam::111122223333:instance-profile/p")


@table(
    ("sections", "expected"),
    [
        # the answer of EC2 is doubted if it is the same for all instances and the agents work
        ({"instances": {"node-1": BARE}}, ("not-applicable", "error", "Node node-1")),
        ({"instances": {"node-1": BARE}, "agent_pods": (agent_pod(ready=False),)}, ("fail", "error", "Node node-1")),
        ({"instances": {"node-1": BARE, "node-2": PROFILED}}, ("fail", "error", "Node node-1")),
        ({"instances": {"node-1": replace(PROFILED, metadata=False)}}, ("fail", "error", "Node node-1")),
        ({"instances": {}}, ("not-applicable", "error", "Node node-1")),
        ({"instances": DENIED}, ("unknown", "warn", "Cluster prod")),
    ],
)
def test_an_instance_that_gives_the_agent_no_credentials(
    sections: dict[str, Any], expected: tuple[str, str, str]
) -> None:
    assert answers(ID, healthy(**sections)) == [expected]
