"""The one table of kinds."""

from typing import Any

from podid.render.documents import agent, associations, changes, doctor, pages, roles, tool, trust, verify

# kind -> the type of its documents, which `document` heads with the apiVersion
KINDS: dict[str, Any] = {
    "AgentStatus": agent.AgentStatusDocument,
    "Association": associations.AssociationDocument,
    "AssociationList": associations.AssociationListDocument,
    "CheckList": doctor.CheckListDocument,
    "Completion": tool.CompletionDocument,
    "DoctorReport": doctor.DoctorReportDocument,
    "Explanation": pages.ExplanationDocument,
    "History": changes.HistoryDocument,
    "NodeList": agent.NodeListDocument,
    "PageList": pages.PageListDocument,
    "Permissions": tool.PermissionsDocument,
    "Plan": changes.PlanDocument,
    "Result": changes.ResultDocument,
    "Role": roles.RoleDocument,
    "RoleList": roles.RoleListDocument,
    "Sandbox": tool.SandboxDocument,
    "SandboxEnvironment": tool.SandboxEnvironmentDocument,
    "TrustReport": trust.TrustReportDocument,
    "TrustReportList": trust.TrustReportListDocument,
    "VerifyReport": verify.VerifyReportDocument,
}
