"""The actions of AWS services, as data: a line for each service.

`actions.jsonl` is written by tools/build_actions.py. Its first line has source, version, date and licence. Each further
line has the prefix of the service, its title, the actions by access level, and the types of resources with their ARNs.
`Name=0,2` is an action on the resource types 0 and 2; an action without types applies to no single resource.
"""
