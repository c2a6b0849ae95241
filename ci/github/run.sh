#!/usr/bin/env bash
# Second step of action.yml: run one command of podid; its exit code is that of the step.
set -euo pipefail

# a summary of more than 1 MiB is rejected
most_bytes=900000
results=(ok failure usage attention denied not-found conflict unavailable partial undetermined)

fail() {
  echo "::error title=podid::$1"
  exit 2
}

# sets `words` to the words of a text, of which quotes keep blanks together; nothing in them is executed
split() {
  local lines
  lines=$(printf '%s' "$1" | xargs -n 1 printf '%s\n' 2>/dev/null) || fail "The input $2 has a quote without its end."
  words=()
  while IFS= read -r line; do
    [ -z "$line" ] || words+=("$line")
  done <<< "$lines"
}

summarize() {
  if [ "$SUMMARY" = true ]; then
    head -c "$most_bytes" "$1" >> "$GITHUB_STEP_SUMMARY"
    echo >> "$GITHUB_STEP_SUMMARY"
  fi
}

# shellcheck disable=SC2153  # an input of the action
split "$COMMAND" command
command=("${words[@]}")
[ "${#command[@]}" -gt 0 ] || fail "The input command is empty."
split "$ARGS" args
# bash 3.2 of macOS takes an empty list for a variable that is not set
arguments=("${command[@]}" ${words[@]+"${words[@]}"})

[ -z "$CLUSTER" ] || export PODID_CLUSTER=$CLUSTER
[ -z "$REGION" ] || export AWS_REGION=$REGION AWS_DEFAULT_REGION=$REGION
[ -z "$ACCOUNT" ] || export PODID_EXPECT_ACCOUNT=$ACCOUNT
files=$RUNNER_TEMP/podid
mkdir -p "$files"
rm -f "$files/report.json" "$files/report.md"

code=0
case ${command[0]} in
  doctor | audit)
    arguments+=(--fail-on "$FAIL_ON" --report "$files/report.json" --report "$files/report.md")
    if [ -n "$SARIF" ]; then
      [[ $SARIF = *.sarif ]] || fail "The name of the input sarif must end in .sarif."
      arguments+=(--report "$SARIF")
      rm -f "$SARIF"
    fi
    [ "$ANNOTATIONS" != true ] || arguments+=(--output github)
    podid "${arguments[@]}" || code=$?
    if [ -f "$files/report.md" ]; then
      summarize "$files/report.md"
      echo "report=$files/report.json" >> "$GITHUB_OUTPUT"
      [ -z "$SARIF" ] || echo "sarif=$SARIF" >> "$GITHUB_OUTPUT"
    fi
    ;;
  *)
    podid "${arguments[@]}" 2>&1 | tee "$files/output.txt" || code=${PIPESTATUS[0]}
    # an indented block ends nowhere but at its own end
    { printf '### podid %s\n\n' "${command[*]}" && sed 's/^/    /' "$files/output.txt"; } > "$files/output.md"
    summarize "$files/output.md"
    ;;
esac
{
  echo "exit-code=$code"
  echo "result=${results[code]:-failure}"
} >> "$GITHUB_OUTPUT"
exit "$code"
