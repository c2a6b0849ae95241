"""Broken declarations: each file with the line, column and key of its mistake, and a part of the message."""

from typing import NamedTuple


class Broken(NamedTuple):
    """`text` is the whole file, or the part after HEAD if it begins with a key of the document."""

    text: str
    line: int
    column: int
    key: str
    message: str


HEAD = "apiVersion: podid/v1\nkind: PodIdentity\nmetadata: {name: shop}\n"
ROLE = HEAD + "roles:\n- name: orders\n"
TRUST = ROLE + "  trust:\n    Version: '2012-10-17'\n    Statement:\n    - Effect: Allow\n      Principal: '*'\n"
PLAIN = "associations:\n- serviceAccount: shop/orders\n  role: orders\n"
LINK = HEAD + PLAIN
TARGET = "arn:aws:iam::111122223333:role/a"

BROKEN: dict[str, Broken] = {
    # --- syntax ---
    "not YAML": Broken(HEAD + "roles: [", 5, 1, "", "neither JSON nor YAML"),
    "a tab": Broken(HEAD + "roles:\n\t- name: x\n", 5, 1, "", "neither JSON nor YAML"),
    "an alias": Broken(HEAD + "roles:\n- name: a\n  tags: &t {a: b}\n- name: b\n  tags: *t\n", 8, 9, "", "aliases"),
    "a pattern without quotes": Broken(HEAD + "associations:\n- serviceAccount: */web\n", 5, 19, "", "quote"),
    "a tag": Broken(HEAD + "roles: !!set {a}\n", 4, 8, "", "tag"),
    "a key twice": Broken(ROLE + "  path: /\n  path: /a/\n", 7, 3, "path", "twice, first in line 6"),
    "too deep": Broken(HEAD + "agent:\n  configuration: " + "[" * 70 + "]" * 70, 5, 80, "", "more than 64 deep"),
    "a list as document": Broken("- a\n", 1, 1, "", "must be an object with apiVersion"),
    "an array as document": Broken("[1]", 1, 1, "", "must be an object with apiVersion"),
    "a scalar as document": Broken("hello\n", 1, 1, "", "must be an object with apiVersion"),
    # --- head ---
    "no apiVersion": Broken("kind: PodIdentity\n", 1, 1, "apiVersion", "write apiVersion: podid/v1"),
    "another apiVersion": Broken("apiVersion: podid/v2\nkind: PodIdentity\n", 1, 13, "apiVersion", "podid/v1"),
    "another kind": Broken("apiVersion: podid/v1\nkind: PodIdentify\n", 2, 7, "kind", "write kind: PodIdentity"),
    "a kind that is a list": Broken("apiVersion: podid/v1\nkind: [a]\n", 2, 7, "kind", "is not text"),
    "no metadata": Broken("apiVersion: podid/v1\nkind: PodIdentity\n", 1, 1, "metadata", "is required"),
    "no name": Broken("apiVersion: podid/v1\nkind: PodIdentity\nmetadata: {}\n", 3, 11, "metadata.name", "is required"),
    "a wrong name": Broken(
        "apiVersion: podid/v1\nkind: PodIdentity\nmetadata: {name: a b}\n", 3, 18, "metadata.name", "is not a name"
    ),
    "a name that is a flag": Broken(
        "apiVersion: podid/v1\nkind: PodIdentity\nmetadata: {name: no}\n", 3, 18, "metadata.name", 'quote it, "no"'
    ),
    "an unknown key": Broken(HEAD + "rolls: []\n", 4, 1, "rolls", "did you mean roles?"),
    "an unknown key that is near to none": Broken(HEAD + "spec: {}\n", 4, 1, "spec", "known are"),
    "a key that is a number": Broken(HEAD + "1: a\n", 4, 1, "", "a key must be text"),
    "an owner without a key": Broken(HEAD + "owner: {}\n", 4, 8, "owner.key", "is required"),
    "too many tags": Broken(
        f"{LINK}  tags: {dict.fromkeys(map(str, range(50)), 'x')}\n".replace("'", '"'),
        7,
        9,
        "associations[0].tags",
        "has 50 tags: at most 49 are possible besides podid:owner",
    ),
    "an owner key of AWS": Broken(HEAD + "owner: {key: 'aws:x'}\n", 4, 14, "owner.key", "no aws: prefix"),
    "a cluster that is none": Broken(HEAD + "clusters: [a b]\n", 4, 12, "clusters[0]", "not an EKS cluster name"),
    "a cluster as ARN of a role": Broken(
        HEAD + "clusters:\n- arn:aws:iam::1:role/a\n", 5, 3, "clusters[0]", "not the ARN of an EKS cluster"
    ),
    "a cluster without tags": Broken(HEAD + "clusters:\n- {}\n", 5, 3, "clusters[0].tags", "is required"),
    "clusters as text": Broken(
        HEAD + "clusters: blue\n", 4, 11, "clusters", "must be a list, not 'blue': write [blue]"
    ),
    "a configuration that is text": Broken(
        HEAD + "agent: {configuration: a}\n", 4, 24, "agent.configuration", "must be an object"
    ),
    # --- values of two versions of YAML ---
    "no": Broken(ROLE + "  description: no\n", 6, 16, "roles[0].description", "YAML 1.1 and YAML 1.2"),
    "on": Broken(ROLE + "  tags: {a: on}\n", 6, 13, "roles[0].tags.a", 'quote it, "on"'),
    "0123": Broken(ROLE + "  tags: {a: 0123}\n", 6, 13, "roles[0].tags.a", 'quote it, "0123"'),
    "a number as tag": Broken(ROLE + "  tags: {a: 12}\n", 6, 13, "roles[0].tags.a", "YAML reads it as a number"),
    "a date": Broken(ROLE + "  tags: {a: 2026-01-01}\n", 6, 13, "roles[0].tags.a", "quote it"),
    "a time": Broken(ROLE + "  tags: {a: 12:30}\n", 6, 13, "roles[0].tags.a", "quote it"),
    "the version of a policy": Broken(
        ROLE + "  trust:\n    Version: 2012-10-17\n", 7, 14, "roles[0].trust", 'quote it, "2012-10-17"'
    ),
    "yes as a flag": Broken(LINK + "  sessionTags: yes\n", 7, 16, "associations[0].sessionTags", "true or false"),
    "text as a flag": Broken(LINK + "  sessionTags: 'true'\n", 7, 16, "associations[0].sessionTags", "true or false"),
    # --- roles ---
    "a role without a name": Broken(HEAD + "roles:\n- path: /\n", 5, 3, "roles[0].name", "is required"),
    "a role with a wrong name": Broken(HEAD + "roles:\n- name: a b\n", 5, 9, "roles[0].name", "not an IAM role name"),
    "a role that is text": Broken(HEAD + "roles:\n- orders\n", 5, 3, "roles[0]", "must be an object"),
    "a wrong path": Broken(ROLE + "  path: shop\n", 6, 9, "roles[0].path", "must start and end with '/'"),
    "a path of AWS": Broken(ROLE + "  path: /aws-reserved/x/\n", 6, 9, "roles[0].path", "reserved for AWS"),
    "a wrong scope": Broken(ROLE + "  scope: pod\n", 6, 10, "roles[0].scope", "is not one of service-account"),
    "a wrong subject": Broken(ROLE + "  subjects: [orders]\n", 6, 14, "roles[0].subjects[0]", "specify NAMESPACE/NAME"),
    "a wrong condition": Broken(
        ROLE + "  conditions: ['aws:SourceArn']\n", 6, 16, "roles[0].conditions[0]", "[OPERATOR:]KEY=VALUE"
    ),
    "a misspelled key of a condition": Broken(
        ROLE + "  conditions: ['aws:SourceAcount=111122223333']\n",
        *(6, 16, "roles[0].conditions[0]", "aws:SourceAccount is probably meant"),
    ),
    "a pattern that a condition compares literally": Broken(
        ROLE + "  conditions: ['aws:SourceOrgID=o-*']\n",
        *(6, 16, "roles[0].conditions[0]", "specify StringLike:aws:SourceOrgID=o-*"),
    ),
    "a scope beside trust": Broken(
        ROLE + "  scope: cluster\n  trust: {Statement: []}\n", 6, 10, "roles[0].scope", "together with trust"
    ),
    "a trust policy without an effect": Broken(
        ROLE
        + "  trust:\n    Version: '2012-10-17'\n    Statement:\n    - Action: sts:AssumeRole\n      Principal: '*'\n",
        *(9, 7, "roles[0].trust", "Statement[0]"),
    ),
    "a trust policy without a statement": Broken(
        ROLE + "  trust: {Statement: []}\n", 6, 22, "roles[0].trust", "Statement is empty"
    ),
    "a trust policy with a resource": Broken(
        TRUST + "      Action: sts:AssumeRole\n      Resource: '*'\n",
        12,
        17,
        "roles[0].trust",
        "Resource is not a member",
    ),
    "a trust policy with another service's action": Broken(
        TRUST + "      Action: [sts:AssumeRole, s3:GetObject]\n", 11, 15, "roles[0].trust", "has 's3:GetObject'"
    ),
    "a trust policy with a wrong Sid": Broken(
        TRUST + "      Action: sts:AssumeRole\n      Sid: a-b\n", 12, 12, "roles[0].trust", "letters and digits"
    ),
    "a trust policy with a Sid twice": Broken(
        TRUST
        + "      Action: sts:AssumeRole\n      Sid: a\n"
        + "    - {Effect: Allow, Principal: '*', Action: sts:AssumeRole, Sid: a}\n",
        *(13, 68, "roles[0].trust", "Statement[1].Sid is not unique"),
    ),
    "a trust policy with an unknown operator": Broken(
        TRUST + "      Action: sts:AssumeRole\n      Condition: {StringEqual: {a: b}}\n",
        *(12, 32, "roles[0].trust", "StringEqual is not a known condition operator"),
    ),
    "a managed policy that is a role": Broken(
        ROLE + "  policies: [{managed: 'arn:aws:iam::1:role/x'}]\n",
        *(6, 24, "roles[0].policies[0].managed", "is not the name or ARN of a managed policy"),
    ),
    "a boundary that is no policy": Broken(
        ROLE + "  boundary: a b\n", 6, 13, "roles[0].boundary", "is not the name or ARN of a managed policy"
    ),
    "a policy without a source": Broken(ROLE + "  policies: [{name: a}]\n", 6, 14, "roles[0].policies[0]", "one of"),
    "a policy with two sources": Broken(
        ROLE + "  policies:\n  - {managed: A, preset: s3-read}\n", 7, 5, "roles[0].policies[0]", "only one of"
    ),
    "an inline policy without a name": Broken(
        ROLE + "  policies:\n  - document: {}\n", 7, 5, "roles[0].policies[0].name", "is required"
    ),
    "a wrong action": Broken(
        ROLE + "  policies:\n  - name: a\n    document:\n      Version: '2012-10-17'\n      Statement:\n"
        "      - Effect: Allow\n        Action: s3\n        Resource: '*'\n",
        *(12, 17, "roles[0].policies[0].document", "not of the form service:Action"),
    ),
    "a misspelled preset": Broken(
        ROLE + "  policies:\n  - preset: s3-raed\n", 7, 13, "roles[0].policies[0].preset", "did you mean s3-read"
    ),
    "a preset without a parameter": Broken(
        ROLE + "  policies:\n  - preset: s3-read\n", 7, 13, "roles[0].policies[0].preset", "requires bucket"
    ),
    "a preset with a wrong parameter": Broken(
        ROLE + "  policies:\n  - preset: s3-read\n    parameters: {bucket: A B}\n",
        *(8, 26, "roles[0].policies[0].parameters.bucket", "is not a bucket's name"),
    ),
    "a name of a managed policy": Broken(
        ROLE + "  policies:\n  - {managed: A, name: b}\n",
        *(7, 24, "roles[0].policies[0].name", "together with managed, which determines the name"),
    ),
    "parameters of a managed policy": Broken(
        ROLE + "  policies:\n  - {managed: A, parameters: {}}\n",
        *(7, 30, "roles[0].policies[0].parameters", "only a preset has parameters"),
    ),
    "a wrong name of an inline policy": Broken(
        ROLE + "  policies:\n  - {file: a.json, name: a b}\n",
        *(7, 26, "roles[0].policies[0].name", "is not the name of an inline policy"),
    ),
    "a policy twice": Broken(
        ROLE + "  policies:\n  - managed: A\n  - managed: A\n", 8, 5, "roles[0].policies[1]", "first in line 7"
    ),
    "a long description": Broken(
        ROLE + f"  description: {'a' * 1001}\n", 6, 16, "roles[0].description", "IAM allows 1,000"
    ),
    "a short session": Broken(
        ROLE + "  maxSessionDuration: 15m\n", 6, 23, "roles[0].maxSessionDuration", "between 1h and 12h"
    ),
    "a tag of AWS": Broken(ROLE + "  tags: {'aws:a': b}\n", 6, 19, "roles[0].tags.aws:a", "no aws: prefix"),
    "the tag of the owner": Broken(
        ROLE + "  tags: {'podid:owner': b}\n", 6, 10, "roles[0].tags.podid:owner", "podid sets the tag"
    ),
    "the tag of the owner in other case": Broken(
        ROLE + "  tags: {'Podid:Owner': b}\n", 6, 10, "roles[0].tags.Podid:Owner", "podid sets the tag"
    ),
    "tag keys that differ by case": Broken(
        ROLE + "  tags: {Team: a, team: b}\n", 6, 19, "roles[0].tags.team", "is the same key as Team"
    ),
    "a line break in a tag": Broken(ROLE + "  tags:\n    team: |\n      a\n", 7, 11, "roles[0].tags.team", "'\\n'"),
    "an owner key with a character that IAM refuses": Broken(
        HEAD + "owner: {key: 'a#b'}\n", 4, 14, "owner.key", "has the character '#'"
    ),
    "AWS's name of a key": Broken(
        ROLE + "  permissionsBoundary: A\n", 6, 3, "roles[0].permissionsBoundary", "did you mean boundary?"
    ),
    "a role twice": Broken(ROLE + "- name: ORDERS\n", 6, 9, "roles[1].name", "already declared at"),
    # --- associations ---
    "no service account": Broken(
        HEAD + "associations:\n- role: orders\n", 5, 3, "associations[0].serviceAccount", "is required"
    ),
    "a service account without a namespace": Broken(
        HEAD + "associations:\n- serviceAccount: orders\n  role: orders\n",
        *(5, 19, "associations[0].serviceAccount", "specify NAMESPACE/NAME"),
    ),
    "a service account in capitals": Broken(
        HEAD + "associations:\n- serviceAccount: shop/Orders\n  role: orders\n",
        *(5, 19, "associations[0].serviceAccount", "not a service account name"),
    ),
    "a pattern of another form": Broken(
        HEAD + "associations:\n- serviceAccount: shop/[ab]\n  role: orders\n",
        *(5, 19, "associations[0].serviceAccount", "patterns may contain * and ?"),
    ),
    "no role": Broken(
        HEAD + "associations:\n- serviceAccount: shop/orders\n", 5, 3, "associations[0].role", "is required"
    ),
    "the ARN of a user": Broken(
        HEAD + "associations:\n- serviceAccount: a/b\n  role: arn:aws:iam::111122223333:user/a\n",
        *(6, 9, "associations[0].role", "not the ARN of an IAM role"),
    ),
    "a target role by name": Broken(
        LINK + "  targetRole: other\n", 7, 15, "associations[0].targetRole", "is not an ARN"
    ),
    "a target role that is the role": Broken(
        LINK.replace(" orders", f" {TARGET}") + f"  targetRole: {TARGET}\n",
        *(7, 15, "associations[0].targetRole", "is the role of the association itself"),
    ),
    "a pattern in a namespace that cannot exist": Broken(
        HEAD + "associations:\n- serviceAccount: -shop/*\n  role: orders\n",
        *(5, 19, "associations[0].serviceAccount", "not a namespace"),
    ),
    "a misspelled member": Broken(
        LINK + "  sessionTag: true\n", 7, 3, "associations[0].sessionTag", "mean sessionTags"
    ),
    "a session policy with session tags": Broken(
        LINK + "  sessionPolicy: {Statement: {Effect: Allow, Action: 's3:*', Resource: '*'}}\n",
        *(7, 18, "associations[0].sessionPolicy", "requires sessionTags: false"),
    ),
    "a session policy that is no JSON": Broken(
        LINK + "  sessionTags: false\n  sessionPolicy: '{'\n", 8, 18, "associations[0].sessionPolicy", "JSON"
    ),
    "a service account to create from a pattern": Broken(
        HEAD + "associations:\n- serviceAccount: 'shop/*'\n  role: orders\n  createServiceAccount: true\n",
        *(7, 25, "associations[0].createServiceAccount", "together with a pattern"),
    ),
    "an association twice": Broken(
        LINK + PLAIN.partition("\n")[2], 7, 3, "associations[1].serviceAccount", "twice, first in line 5"
    ),
    # --- variables ---
    "an unknown variable": Broken(ROLE + "  description: ${TEEM}\n", 6, 16, "", "did you mean TEAM?"),
    "a variable without a value": Broken(ROLE + "  description: ${X}\n", 6, 16, "", "pass --var X=VALUE"),
    "a variable of another form": Broken(ROLE + "  description: ${a-b}\n", 6, 16, "", "is not a variable"),
    # --- guard ---
    "a guard with a wrong scope": Broken(
        HEAD + "guard: {allowedScopes: [pods]}\n", 4, 25, "guard.allowedScopes[0]", "is not one of"
    ),
    "a misspelled rule": Broken(HEAD + "guard:\n  allowedRole: []\n", 5, 3, "guard.allowedRole", "mean allowedRoles?"),
}
