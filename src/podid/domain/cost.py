"""What reading a snapshot may cost: whom is asked, and what is done for it."""

from enum import Flag, auto


class Cost(Flag):
    """AWS and KUBERNETES are lists and descriptions. DRY_RUN posts pods with dryRun=All, of which none is made. TOKEN
    redeems tokens of pods and PROBE runs pods of podid's own, both with consent. TRAIL is CloudTrail, two calls a
    second; LOGS are those of the agents."""

    AWS = auto()
    KUBERNETES = auto()
    DRY_RUN = auto()
    TOKEN = auto()
    PROBE = auto()
    TRAIL = auto()
    LOGS = auto()


FREE = Cost(0)
LOOK = Cost.AWS | Cost.KUBERNETES
# read only where it is asked for by name
EVIDENCE = ~LOOK
# made of one service account after another
TRIALS = Cost.DRY_RUN | Cost.TOKEN | Cost.PROBE
