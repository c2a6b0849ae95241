"""JSON Schemas of what podid says about a cluster: doctor, verify, the agent, and what explains a failure."""

from podid.domain.findings import FixClass, Outcome, Severity
from podid.render.schema_words import (
    ARGV,
    ARN,
    NAMES,
    SERVICE_ACCOUNTS,
    TIME,
    Schema,
    document,
    flag,
    listing,
    maybe,
    members,
    number,
    one_of,
    text,
)

_SUBJECT = members({"kind": text(), "namespace": maybe(text()), "name": text()})
_LINK = number("The link of the way to credentials, 1 to 10; 0 is podid's own access.")
_BROKEN_LINK = maybe(number("The link of the way to credentials that is broken, 1 to 10."))
_MISSING = maybe(text("The right that is missing to look at it."))
_DOCTOR_VERDICT = {"id": text(), "severity": one_of(Severity), "link": _LINK, "subject": _SUBJECT}
_FIX = one_of(FixClass)
_STATE = one_of(("proven", "failed", "unknown"))

_NODE = members(
    {
        "node": text(),
        "computeType": text(),
        "os": text(),
        "state": text(),
        "agentPod": maybe(text()),
        "reason": maybe(text()),
    }
)
_PAGE = {"id": text(), "severity": one_of(Severity), "link": _BROKEN_LINK, "fix": _FIX}

REPORTS: tuple[Schema, ...] = (
    document(
        "DoctorReport",
        "`podid doctor`. `verdicts`, passes included, only with `--all`.",
        {
            "cluster": text(),
            "clusterArn": maybe(text()),
            "scope": maybe(text("What was looked at; null is the whole cluster.")),
            "takenAt": TIME,
            "summary": members(
                {name: number() for name in ("error", "warn", "info", "unknown", "pass", "masked")},
                about="Findings by severity, those explained by an earlier broken link under masked.",
            ),
            "firstBroken": listing(
                members({"serviceAccount": text("NAMESPACE/NAME, or * for all."), "id": text(), "link": _LINK})
            ),
            "findings": listing(
                members(
                    {
                        **_DOCTOR_VERDICT,
                        "message": text(),
                        "evidence": NAMES,
                        "fix": members({"class": _FIX, "commands": listing(ARGV)}),
                        "serviceAccounts": SERVICE_ACCOUNTS,
                        "maskedBy": maybe(text("The finding that explains this one.")),
                        "docs": text("The command that explains it."),
                    }
                )
            ),
            "unknowns": listing(members({**_DOCTOR_VERDICT, "reason": text(), "permission": _MISSING})),
        },
        {
            "verdicts": listing(
                members({**_DOCTOR_VERDICT, "outcome": one_of(Outcome), "message": text(), "maskedBy": maybe(text())})
            )
        },
    ),
    document(
        "CheckList",
        "`podid doctor --list`, in the order in which credentials reach a pod.",
        {
            "items": listing(
                members(
                    {
                        "id": text(),
                        "severity": one_of(Severity),
                        "link": _LINK,
                        "title": text("The healthy fact."),
                        "fix": _FIX,
                        "needs": NAMES,
                        "wants": NAMES,
                        "permissions": members({"iam": NAMES, "kubernetes": NAMES}),
                    }
                )
            )
        },
    ),
    document(
        "VerifyReport",
        "`podid verify`. No token and no credential is ever in it.",
        {
            "clusterName": text(),
            "namespace": text(),
            "serviceAccount": text(),
            "roleArn": ARN,
            "state": _STATE,
            "reason": text(),
            "link": _BROKEN_LINK,
            "permission": _MISSING,
            "pods": listing(
                members(
                    {
                        "namespace": text(),
                        "name": text(),
                        "node": text(),
                        "injected": flag(),
                        "missingContainers": NAMES,
                        "state": _STATE,
                        "reason": text(),
                        "link": _BROKEN_LINK,
                        "permission": _MISSING,
                        "identity": maybe(
                            members(
                                {"roleArn": ARN, "account": text(), "sessionName": text(), "expiresAt": maybe(TIME)}
                            ),
                            "Whose credentials came back, as AWS says.",
                        ),
                    }
                )
            ),
        },
    ),
    document(
        "AgentStatus",
        "`podid agent status`.",
        {
            "clusterName": text(),
            "verdict": one_of(("healthy", "broken", "not-installed", "unknown")),
            "addon": maybe(
                members(
                    {
                        "addonName": text(),
                        "addonVersion": text(),
                        "status": text("EKS's own word."),
                        "issues": listing(members({"code": text(), "message": text(), "resourceIds": NAMES})),
                    }
                )
            ),
            "daemonSets": maybe(
                listing(
                    members(
                        {
                            "namespace": text(),
                            "name": text(),
                            "desired": number(),
                            "ready": number(),
                            "available": number(),
                            "updated": number(),
                            "images": NAMES,
                        }
                    )
                ),
                "null where the cluster could not be looked at.",
            ),
            "coverage": maybe(
                members({"expected": number(), "ready": number(), "nodes": listing(_NODE)}),
                "null where the cluster could not be looked at.",
            ),
            "findings": listing(
                members({"id": text(), "severity": one_of(Severity), "subject": text(), "message": text()})
            ),
            "unknowns": listing(members({"id": text(), "reason": text(), "permission": _MISSING})),
        },
    ),
    document("NodeList", "`podid agent nodes`.", {"clusterName": text(), "items": listing(_NODE)}),
    document(
        "Explanation",
        "`podid explain`, the best match first.",
        {
            "query": text(),
            "how": text("How the pages were found."),
            "items": listing(
                members({**_PAGE, "title": text(), "texts": NAMES, "body": text("The page, in Markdown.")})
            ),
        },
    ),
    document("PageList", "`podid explain --list`.", {"items": listing(members(_PAGE))}),
)
