"""Permissions for well-known workloads and controllers, as data: a file each.

`statements` are those of a policy in IAM's language, in which `{{name}}` stands for a parameter or for the partition,
region, account, cluster or clusterArn at hand; a statement with `when` or `unless` is there only with or without that
parameter. `managedPolicies` are AWS's own, by name. `allows` and a parameter's `words` say the same for a person.
`version` is the line of the workload's releases that it was written for, `checked` the day on which that was.
"""
