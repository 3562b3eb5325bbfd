# shellcheck shell=bash
# Debian packages, installed only when they are missing. Needs say.sh.

# missing_packages PACKAGE... : those of them that are not installed, one on a line.
missing_packages() {
  local package installed
  installed=" $(dpkg-query -W -f '${db:Status-Status}=${Package} ' "$@" 2>/dev/null) "
  for package; do
    [[ $installed == *" installed=$package "* ]] || printf '%s\n' "$package"
  done
}

# need_packages PACKAGE... : installs what is missing; says in one line what to do when it cannot.
need_packages() {
  local -a missing
  command -v dpkg-query >/dev/null ||
    fail "this machine is not a Debian; install what these packages hold yourself: $*"
  mapfile -t missing < <(missing_packages "$@")
  ((${#missing[@]})) || return 0
  ((EUID == 0)) || fail "missing packages; as root: apt-get install -y ${missing[*]}"
  say "installing ${missing[*]}"
  apt_get install "${missing[@]}"
}

# try_packages PACKAGE... : the same; but status 1, with the reason in $why_not, when it cannot.
try_packages() {
  why_not=$( (need_packages "$@") 2>&1) && return
  why_not=${why_not##*$'\n'}
  return 1
}

# need_idle_packages PACKAGE... : the same, of packages that Debian would start as services, and does not start here.
need_idle_packages() (
  policy=/usr/sbin/policy-rc.d
  if ((EUID == 0)) && [[ ! -e $policy && -n $(missing_packages "$@") ]]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
  fi
  need_packages "$@"
)

# apt_get VERB PACKAGE... : with the package lists as they are, and if that fails with fresh ones.
apt_get() {
  local log update_log
  log=$(mktemp) update_log=$(mktemp)
  if try_apt_get "$@" >"$log" 2>&1 ||
    { try_apt_get update >"$update_log" 2>&1 && try_apt_get "$@" >"$log" 2>&1; }; then
    rm -f "$log" "$update_log"
    return 0
  fi
  local why
  why=$(cat "$update_log" "$log" | grep -m 1 '^[EW]:' || true)
  rm -f "$log" "$update_log"
  fail "apt-get failed (${why:-no reason given}); give this machine its Debian mirror, then: apt-get update && apt-get $*"
}

try_apt_get() {
  DEBIAN_FRONTEND=noninteractive timeout 600 apt-get -q -y --no-install-recommends \
    -o DPkg::Lock::Timeout=180 -o Acquire::Retries=3 "$@" </dev/null
}
