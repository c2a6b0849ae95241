"""A Lease of Kubernetes, by which one of several processes acts.

The rules are those of client-go's leader election: a candidate takes a Lease that is free, its own, or that it has seen
unchanged for its whole duration. Clocks of different machines are not compared.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Lease:
    """`renewed` is the time of the last renewal as the holder wrote it; `version` is the object's resourceVersion."""

    holder: str
    renewed: str
    seconds: int
    version: str
    transitions: int = 0
