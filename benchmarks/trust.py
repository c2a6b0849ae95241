"""Evaluations a second of a full trust policy (five statements, both actions) on one core.

Run: python benchmarks/trust.py. The aim is 10,000.
"""

import time

from podid.domain.trust import PodIdentity, add, evaluate, new_policy, parse_policy

CLUSTER = "arn:aws:eks:eu-west-1:111122223333:cluster/demo"


def main() -> None:
    identities = [PodIdentity(CLUSTER, "shop", f"app-{number}") for number in range(5)]
    policy = new_policy(identities[0])
    for identity in identities[1:]:
        policy = add(policy, identity).policy
    policy = parse_policy(policy.to_json())
    for name, identity in (("match", identities[-1]), ("no match", PodIdentity(CLUSTER, "shop", "nobody"))):
        rounds = 5_000
        start = time.perf_counter()
        for _ in range(rounds):
            evaluate(policy, identity)
        print(f"{name}: {rounds / (time.perf_counter() - start):,.0f} evaluations a second")


if __name__ == "__main__":
    main()
