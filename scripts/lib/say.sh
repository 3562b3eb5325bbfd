# shellcheck shell=bash
# What the scripts say to the person who runs them: always on stderr, always one line.

# A word about what is going on.
say() { printf '%s\n' "$*" >&2; }

# It cannot go on: what is wrong and what to do about it. Exit status 1 unless FAIL_STATUS says otherwise.
fail() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit "${FAIL_STATUS:-1}"
}
