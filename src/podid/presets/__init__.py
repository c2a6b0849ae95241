"""Permissions for well-known workloads and controllers, as data: one file for each.

`statements` are those of an IAM policy. `{{name}}` is a placeholder for a parameter, or for partition, region, account,
cluster or clusterArn. `when` and `unless` include a statement depending on a parameter. `managedPolicies` are names of
AWS managed policies. `allows` and the `words` of a parameter describe them in plain words. `version` is the release of
the workload that the preset was written for, `checked` the date of the last check.
"""
