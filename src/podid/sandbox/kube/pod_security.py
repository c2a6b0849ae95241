"""Pod Security admission: https://kubernetes.io/docs/concepts/security/pod-security-standards/"""

from collections.abc import Iterator

from podid.sandbox.kube.objects import Obj, get, labels

_ENFORCE = "pod-security.kubernetes.io/enforce"
_RESTRICTED_VOLUMES = (
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
)
_BASELINE_CAPABILITIES = frozenset(
    {
        "AUDIT_WRITE",
        "CHOWN",
        "DAC_OVERRIDE",
        "FOWNER",
        "FSETID",
        "KILL",
        "MKNOD",
        "NET_BIND_SERVICE",
        "SETFCAP",
        "SETGID",
        "SETPCAP",
        "SETUID",
        "SYS_CHROOT",
    }
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


def _containers(spec: Obj) -> list[Obj]:
    return [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]


def _named(word: str, names: list[str]) -> str:
    quoted = ", ".join(f'"{name}"' for name in names)
    return f"{word} {quoted}" if len(names) == 1 else f"{word}s {quoted}"


def _context(container: Obj) -> Obj:
    context: Obj = get(container, "securityContext", default={})
    return context


def _baseline(spec: Obj) -> Iterator[str]:
    hosts = [field for field in ("hostNetwork", "hostPID", "hostIPC") if spec.get(field)]
    if hosts:
        yield f"host namespaces ({', '.join(f'{field}=true' for field in hosts)})"
    added = [
        (entry["name"], bad)
        for entry in _containers(spec)
        if (bad := sorted(set(get(_context(entry), "capabilities", "add", default=())) - _BASELINE_CAPABILITIES))
    ]
    if added:
        shown = ", ".join(f'"{capability}"' for capability in sorted({c for _, entry in added for c in entry}))
        yield (
            f"non-default capabilities ({_named('container', [n for n, _ in added])} must not include {shown} in "
            "securityContext.capabilities.add)"
        )
    paths = [volume["name"] for volume in spec.get("volumes") or () if "hostPath" in volume]
    if paths:
        yield f"hostPath volumes ({_named('volume', paths)})"
    ports = [
        (entry["name"], str(port["hostPort"]))
        for entry in _containers(spec)
        for port in entry.get("ports") or ()
        if port.get("hostPort")
    ]
    if ports:
        numbers = ", ".join(number for _, number in ports)
        yield f"hostPort ({_named('container', [n for n, _ in ports])} uses hostPort {numbers})"
    privileged = [entry["name"] for entry in _containers(spec) if _context(entry).get("privileged")]
    if privileged:
        yield f"privileged ({_named('container', privileged)} must not set securityContext.privileged=true)"


def _restricted(spec: Obj) -> Iterator[str]:
    escalating = [
        entry["name"] for entry in _containers(spec) if _context(entry).get("allowPrivilegeEscalation") is not False
    ]
    if escalating:
        yield (
            f"allowPrivilegeEscalation != false ({_named('container', escalating)} must set "
            "securityContext.allowPrivilegeEscalation=false)"
        )
    capable = [
        entry["name"]
        for entry in _containers(spec)
        if "ALL" not in get(_context(entry), "capabilities", "drop", default=())
    ]
    if capable:
        yield (
            f"unrestricted capabilities ({_named('container', capable)} must set "
            'securityContext.capabilities.drop=["ALL"])'
        )
    for volume in spec.get("volumes") or ():
        for kind in volume.keys() - {"name", *_RESTRICTED_VOLUMES}:
            yield f'restricted volume types ({_named("volume", [volume["name"]])} uses restricted volume type "{kind}")'
    of_pod: Obj = get(spec, "securityContext", default={})
    rooted = [
        entry["name"]
        for entry in _containers(spec)
        if not _context(entry).get("runAsNonRoot", of_pod.get("runAsNonRoot"))
    ]
    if rooted:
        yield (
            f"runAsNonRoot != true (pod or {_named('container', rooted)} must set securityContext.runAsNonRoot=true)"
        )
    unconfined = [
        entry["name"]
        for entry in _containers(spec)
        if get(_context(entry), "seccompProfile", "type", default=get(of_pod, "seccompProfile", "type"))
        not in ("RuntimeDefault", "Localhost")
    ]
    if unconfined:
        yield (
            f"seccompProfile (pod or {_named('container', unconfined)} must set "
            'securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")'
        )
