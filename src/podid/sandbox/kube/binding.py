"""Which addresses an agent's pod listens on, by its arguments."""

from podid.sandbox.kube.objects import Obj


def bind_addresses(pod: Obj) -> list[str]:
    arguments = pod["spec"]["containers"][0].get("args") or []
    if "-b" in arguments:
        return [f"{arguments[arguments.index('-b') + 1]}:80"]
    return ["169.254.170.23:80", "[fd00:ec2::23]:80"]


def binds_ipv6(pod: Obj) -> bool:
    return any("::" in address for address in bind_addresses(pod))
