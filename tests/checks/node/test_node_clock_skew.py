from checks.builder import DENIED, healthy

FAILS = healthy(clocks={"node-1": 700})
UNKNOWN = healthy(clocks=DENIED)
FINDINGS = [("fail", "warn", "Node node-1")]
UNKNOWNS = [("unknown", "warn", "Cluster prod")]
MESSAGES = [
    "the clock of node node-1 is 700 seconds ahead of the API server's: tokens and signatures made "
    "elsewhere are refused as expired or not yet valid"
]
