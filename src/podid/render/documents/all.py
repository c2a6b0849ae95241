"""The one table of kinds."""

from typing import Any

from podid.render.documents import access, agent, changes, reports, status, tool

# kind -> the type of its documents, which `document` heads with the apiVersion
KINDS: dict[str, Any] = {
    "AddonList": agent.AddonListDocument,
    "AgentLogLines": agent.AgentLogLinesDocument,
    "AgentLogs": agent.AgentLogsDocument,
    "AgentStatus": agent.AgentStatusDocument,
    "AgentVersionList": agent.AgentVersionListDocument,
    "Association": access.AssociationDocument,
    "AssociationForm": access.AssociationFormDocument,
    "AssociationList": access.AssociationListDocument,
    "Bundle": reports.BundleDocument,
    "CheckList": reports.CheckListDocument,
    "Completion": tool.CompletionDocument,
    "DoctorReport": reports.DoctorReportDocument,
    "Explanation": reports.ExplanationDocument,
    "FixList": changes.FixListDocument,
    "History": changes.HistoryDocument,
    "IdentityStatus": status.IdentityStatusDocument,
    "IdentityStatusList": status.IdentityStatusListDocument,
    "NodeList": agent.NodeListDocument,
    "PageList": reports.PageListDocument,
    "Permissions": tool.PermissionsDocument,
    "Plan": changes.PlanDocument,
    "Preset": access.PresetDocument,
    "PresetList": access.PresetListDocument,
    "Result": changes.ResultDocument,
    "ResultList": changes.ResultListDocument,
    "RightsReport": tool.RightsReportDocument,
    "Role": access.RoleDocument,
    "RoleForm": access.RoleFormDocument,
    "RoleList": access.RoleListDocument,
    "Sandbox": tool.SandboxDocument,
    "SandboxEnvironment": tool.SandboxEnvironmentDocument,
    "SandboxFailureList": tool.SandboxFailureListDocument,
    "TrustAccess": access.TrustAccessDocument,
    "TrustAccessList": access.TrustAccessListDocument,
    "TrustEdit": access.TrustEditDocument,
    "TrustEditList": access.TrustEditListDocument,
    "TrustReport": access.TrustReportDocument,
    "TrustReportList": access.TrustReportListDocument,
    "WhoAmI": tool.WhoAmIDocument,
}
