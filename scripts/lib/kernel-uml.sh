# shellcheck shell=bash
# User-Mode Linux: a kernel that is a process. Boots in about a second and a half. Two of them: Debian's package, which is
# only downloaded (uml), and the project's own build, which has more (test; scripts/build-kernel). Part of with-ipvs.
# shellcheck disable=SC2034,SC2154  # why_not, here, run, memory, interactive and separate_stderr are with-ipvs's

uml_prepare() {
  is_x86_64 || return
  need_packages "${GUEST_PACKAGES[@]}"
  uml_home=$cache/uml
  if [[ ! -e $uml_home/linux ]]; then
    lock_cache uml
    [[ -e $uml_home/linux ]] || unpack_uml || return
    unlock_cache
  fi
}

# unpack_uml : Debian testing's, with the C library that it is linked with: this machine's is older.
unpack_uml() {
  local work=$cache/uml.new library=usr/lib/x86_64-linux-gnu
  try_packages patchelf && open_suite testing || return
  rm -rf "$work"
  unpack_from_suite "$work/debian" user-mode-linux libc6 || return
  mkdir "$work/lib"
  why_not=$( (mv "$work/debian/usr/bin/linux.uml" "$work/linux" && mv "$work/debian/usr/lib/uml/modules" "$work/lib/" &&
    mv "$work/debian/$library" "$work/libc") 2>&1) || return
  rm -rf "$work/debian"
  # It executes itself again, so a loader that is called by hand does not do.
  why_not=$(patchelf --set-interpreter "$uml_home/libc/ld-linux-x86-64.so.2" --set-rpath "$uml_home/libc" \
    "$work/linux" 2>&1) || {
    why_not="patchelf failed: ${why_not:-no reason given}"
    return 1
  }
  rm -rf "$uml_home"
  mv "$work" "$uml_home"
}

test_prepare() {
  is_x86_64 || return
  need_packages "${GUEST_PACKAGES[@]}"
  uml_home=$(built_kernel)
  [[ -n $uml_home ]] && return
  why_not='it is not built; scripts/build-kernel builds it'
  return 1
}

is_x86_64() {
  [[ $(uname -m) == x86_64 ]] && return
  why_not="guests are x86_64, and this machine is $(uname -m)"
  return 1
}

# Whether it starts on this CPU and has IPVS: tried once, and remembered beside it, success as well as a panic. Other failures
# are not: the next try may find more memory, or more time. The reason is in $why_not.
uml_boots() {
  local verdict
  verdict=$uml_home/boots-on-$(grep -m 1 '^flags' /proc/cpuinfo | cksum | cut -d ' ' -f 1)
  if [[ -e $verdict ]]; then
    why_not=$(<"$verdict")
    [[ -z $why_not ]]
    return
  fi
  if why_not=$("$here/with-ipvs" --kernel "$kernel" --memory 2G --timeout 60 ipvsadm -Ln 2>&1 >/dev/null </dev/null); then
    : >"$verdict"
    return
  fi
  why_not=${why_not##*$'\n'}
  why_not=${why_not#with-ipvs: }
  [[ $why_not != *panic* ]] || printf '%s\n' "$why_not" >"$verdict"
  return 1
}

test_boots() { uml_boots; }

# Its memory is a sparse file that must allow execution: in /dev/shm if there is room for it and for some guests beside it (a
# container's is small and noexec), else in /tmp.
uml_memory_directory() {
  local available size=${memory%G}
  [[ $memory == *G ]] && size=$((size * 1024)) || size=${memory%M}
  available=$(df --output=avail -BM /dev/shm 2>/dev/null | tail -n 1)
  if ((${available//[!0-9]/} + 0 > 3 * size)) && ! findmnt -n -o OPTIONS -T /dev/shm | grep -qw noexec; then
    echo /dev/shm
  else
    echo /tmp
  fi
}

# It is one thread that runs its processes one at a time, twice as fast where all of them stay on one CPU. Guests are dealt out
# evenly: a lock for each place on a CPU, held on descriptor 4 for as long as this script lives.
uml_pick_cpu() {
  local -a cpus
  local range cpu place
  for range in $(taskset -cp $$ | sed 's/.*: //; s/,/ /g'); do
    for ((cpu = ${range%-*}; cpu <= ${range#*-}; cpu++)); do cpus+=("$cpu"); done
  done
  mkdir -p /run/lock
  for place in {1..9}; do
    for picked_cpu in "${cpus[@]}"; do
      exec 4>"/run/lock/with-ipvs.cpu$picked_cpu.$place"
      ! flock --nonblock 4 || return 0
    done
  done
}

test_start() { uml_start; }

# Processes are cheaper by seccomp than by ptrace; with AddressSanitizer they hung ($WITH_IPVS_SECCOMP=off).
# uml_start : starts the guest, its consoles on the descriptors 5 (out), 6 (err) and 7 (kernel log).
uml_start() {
  local -a consoles
  if [[ -n $interactive ]]; then
    consoles=('con1=fd:0,fd:1' 'con2=null,fd:6')
    guest_conf tty=/dev/tty1 "err=${separate_stderr:+/dev/tty2}"
  else
    consoles=('con1=null,fd:5' 'con2=null,fd:6')
    guest_conf out=/dev/tty1 err=/dev/tty2
  fi
  guest_conf "modules=$uml_home"

  local picked_cpu
  uml_pick_cpu
  TMPDIR=$(uml_memory_directory) start_guest taskset -c "$picked_cpu" "$uml_home/linux" mem="$memory" rootfstype=hostfs rw \
    seccomp="${WITH_IPVS_SECCOMP:-auto}" init="$run/init" WITH_IPVS_RUN="$run" uml_dir="$run/" umid=uml \
    con=null ssl=null con0=null,fd:7 "${consoles[@]}"
}
