from podid.checks.shared.logs import only_in_logs

eks_auth_throttled = only_in_logs("eks-auth-throttled")
