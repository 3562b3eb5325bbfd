# shellcheck shell=bash
# This machine's own kernel, in fresh network, mount and process namespaces. Part of with-ipvs.
# shellcheck disable=SC2034,SC2154  # why_not, run, interactive and separate_stderr are with-ipvs's

# Does this kernel have IPVS, and may we use it? Asking for its netlink family loads it.
host_has_ipvs() {
  [[ $(uname -s) == Linux ]] && command -v unshare >/dev/null || return 1
  [[ -e /proc/net/ip_vs ]] || modprobe -q ip_vs 2>/dev/null ||
    { command -v ipvsadm >/dev/null || return 1; }
  unshare --net --mount -- true 2>/dev/null || return 1
  if command -v ipvsadm >/dev/null; then
    unshare --net -- ipvsadm -Ln >/dev/null 2>&1
  else
    [[ -e /proc/net/ip_vs ]]
  fi
}

host_prepare() {
  need_packages "${GUEST_PACKAGES[@]}"
  [[ -n ${WITH_IPVS_NO_PROBE:-} ]] || host_has_ipvs && return
  why_not="this machine's kernel has no IPVS, or does not let us use it"
  return 1
}

host_boots() { :; }

host_start() {
  local -a apart=(--net --mount)
  # On a terminal no process namespace: job control does not work across its border.
  [[ -n $interactive ]] || apart+=(--pid --fork --kill-child=KILL --mount-proc)
  guest_conf "err=$separate_stderr"
  WITH_IPVS_RUN=$run start_guest unshare "${apart[@]}" -- "$run/init"
}
