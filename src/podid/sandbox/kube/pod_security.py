"""Pod Security admission: https://kubernetes.io/docs/concepts/security/pod-security-standards/"""

from collections.abc import Callable, Iterator

from podid.sandbox.kube.objects import Obj, get, labels

_ENFORCE = "pod-security.kubernetes.io/enforce"
_RESTRICTED_VOLUMES = frozenset(
    ["configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"]
)
_BASELINE_CAPABILITIES = frozenset(
    (
        *("AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "SETFCAP"),
        *("SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"),
    )
)


def violation(namespace: Obj, pod: Obj) -> str:
    """The reason for a refusal by the namespace's `enforce` label, or nothing."""
    level = labels(namespace).get(_ENFORCE, "privileged")
    if level not in ("baseline", "restricted"):
        return ""
    version = labels(namespace).get(f"{_ENFORCE}-version", "latest")
    found = list(_baseline(pod["spec"]))
    if level == "restricted":
        found += _restricted(pod["spec"])
    return f'violates PodSecurity "{level}:{version}": {", ".join(found)}' if found else ""


def _named(word: str, names: list[str]) -> str:
    return f"{word}{'s' * (len(names) != 1)} " + ", ".join(f'"{name}"' for name in names)


def _containers(spec: Obj) -> dict[str, Obj]:
    """Each container by name, with the fields of its security context as its own."""
    containers = (*(spec.get("initContainers") or ()), *(spec.get("containers") or ()))
    return {entry["name"]: {**entry, **get(entry, "securityContext", default={})} for entry in containers}


def _failing(spec: Obj, test: Callable[[Obj], object]) -> list[str]:
    return [name for name, container in _containers(spec).items() if test(container)]


def _added(container: Obj) -> set[str]:
    return set(get(container, "capabilities", "add", default=())) - _BASELINE_CAPABILITIES


def _host_ports(container: Obj) -> list[str]:
    return [str(port["hostPort"]) for port in container.get("ports") or () if port.get("hostPort")]


def _baseline(spec: Obj) -> Iterator[str]:
    hosts = [field for field in ("hostNetwork", "hostPID", "hostIPC") if spec.get(field)]
    if hosts:
        yield f"host namespaces ({', '.join(f'{field}=true' for field in hosts)})"
    if added := {name: extra for name, container in _containers(spec).items() if (extra := _added(container))}:
        shown = ", ".join(f'"{capability}"' for capability in sorted(set().union(*added.values())))
        yield (
            f"non-default capabilities ({_named('container', list(added))} must not include {shown} in "
            "securityContext.capabilities.add)"
        )
    if paths := [volume["name"] for volume in spec.get("volumes") or () if "hostPath" in volume]:
        yield f"hostPath volumes ({_named('volume', paths)})"
    if ports := {name: found for name, container in _containers(spec).items() if (found := _host_ports(container))}:
        numbers = ", ".join(port for found in ports.values() for port in found)
        yield f"hostPort ({_named('container', list(ports))} uses hostPort {numbers})"
    if names := _failing(spec, lambda c: c.get("privileged")):
        yield f"privileged ({_named('container', names)} must not set securityContext.privileged=true)"


def _restricted(spec: Obj) -> Iterator[str]:
    if names := _failing(spec, lambda c: c.get("allowPrivilegeEscalation") is not False):
        yield (
            f"allowPrivilegeEscalation != false ({_named('container', names)} must set "
            "securityContext.allowPrivilegeEscalation=false)"
        )
    if names := _failing(spec, lambda c: "ALL" not in get(c, "capabilities", "drop", default=())):
        yield (
            f"unrestricted capabilities ({_named('container', names)} must set "
            'securityContext.capabilities.drop=["ALL"])'
        )
    for volume in spec.get("volumes") or ():
        for kind in volume.keys() - {"name", *_RESTRICTED_VOLUMES}:
            yield f'restricted volume types ({_named("volume", [volume["name"]])} uses restricted volume type "{kind}")'
    of_pod: Obj = get(spec, "securityContext", default={})
    if names := _failing(spec, lambda c: not c.get("runAsNonRoot", of_pod.get("runAsNonRoot"))):
        yield f"runAsNonRoot != true (pod or {_named('container', names)} must set securityContext.runAsNonRoot=true)"
    profile, allowed = get(of_pod, "seccompProfile", "type"), ("RuntimeDefault", "Localhost")
    if names := _failing(spec, lambda c: get(c, "seccompProfile", "type", default=profile) not in allowed):
        yield (
            f"seccompProfile (pod or {_named('container', names)} must set "
            'securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")'
        )
