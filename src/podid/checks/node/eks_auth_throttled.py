from podid.checks.shared import logs

eks_auth_throttled = logs.check("eks-auth-throttled")
