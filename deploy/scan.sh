#!/usr/bin/env bash
# Look for known vulnerabilities in an image of this machine's docker (Google's On-Demand Scanning: packages of the system and of
# Python); exit 1 if one is as severe as that or worse, and not accepted in deploy/accepted-vulnerabilities.txt.
#
#   deploy/scan.sh IMAGE LOCATION SEVERITY        LOCATION: us, europe or asia; SEVERITY: CRITICAL, HIGH, MEDIUM, LOW or MINIMAL
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
[ $# -eq 3 ] || {
  sed -n '2,/^set -/p' "$0" | sed '$d; s/^# \{0,1\}//' >&2
  exit 2
}
scan=$(gcloud artifacts docker images scan "$1" --location="$2" --format='value(response.scan)')
[ -n "$scan" ] || {
  echo "$1: the scan gave no answer; nothing is known of its vulnerabilities" >&2
  exit 1
}
gcloud artifacts docker images list-vulnerabilities "$scan" --location="$2" --format=json |
  "${PYTHON:-python3}" "$here/vulnerabilities.py" "$1" "$3" "$here/accepted-vulnerabilities.txt"
