# shellcheck shell=bash
# User-Mode Linux: a kernel that is a process. Boots in about a second and a half. Part of with-ipvs.
# shellcheck disable=SC2154  # run, memory, interactive and separate_stderr are with-ipvs's

uml_prepare() {
  [[ $(uname -m) == x86_64 ]] || fail "User-Mode Linux exists for x86_64 only, this is $(uname -m)"
  need_packages user-mode-linux kmod iproute2 ipvsadm util-linux perl-base
}

# Its memory is a sparse file that must allow execution: in /dev/shm if there is room (a container's is small and
# noexec), else in /tmp.
uml_memory_directory() {
  local available
  available=$(df --output=avail /dev/shm 2>/dev/null | tail -n 1)
  if ((${available:-0} > 2500000)) && ! findmnt -n -o OPTIONS -T /dev/shm | grep -qw noexec; then
    echo /dev/shm
  else
    echo /tmp
  fi
}

# It is one thread that traces its processes, twice as fast where both sit on one CPU. So each guest gets one to
# itself, as long as there are enough: a lock per CPU tells, held on descriptor 4 for as long as this script lives.
uml_pick_cpu() {
  local -a cpus
  local range cpu
  for range in $(taskset -cp $$ | sed 's/.*: //; s/,/ /g'); do
    for ((cpu = ${range%-*}; cpu <= ${range#*-}; cpu++)); do cpus+=("$cpu"); done
  done
  for cpu in "${cpus[@]}"; do
    exec 4>"/run/lock/with-ipvs.cpu$cpu"
    if flock --nonblock 4; then
      picked_cpu=$cpu
      return
    fi
  done
  picked_cpu=${cpus[RANDOM % ${#cpus[@]}]}
}

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
  # modprobe -d wants a directory that holds lib/modules.
  mkdir -p "$run/modules/lib"
  ln -s /usr/lib/uml/modules "$run/modules/lib/modules"
  guest_conf "modules=$run/modules"

  local picked_cpu
  uml_pick_cpu
  TMPDIR=$(uml_memory_directory) start_guest taskset -c "$picked_cpu" linux.uml mem="$memory" rootfstype=hostfs rw \
    init="$run/init" WITH_IPVS_RUN="$run" uml_dir="$run/" umid=uml \
    con=null ssl=null con0=null,fd:7 "${consoles[@]}"
}
