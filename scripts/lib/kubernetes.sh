# shellcheck shell=bash
# Kubernetes' programs, for the tests: built from kubernetes/programs, which pins the version, and kept in the cache with Debian's
# etcd, containerd and runc. Needs say.sh, packages.sh, package-lists.sh, cache.sh and debian-suite.sh.
# shellcheck disable=SC2034,SC2154  # KUBERNETES_MEMORY is for others; root is the checkout; cache is set in cache.sh, why_not in debian-suite.sh

KUBERNETES_COMMANDS=(kube-apiserver kube-controller-manager kube-proxy kubeadm kubectl kubelet)
# Of a guest; 0.8 GB of it is used.
KUBERNETES_MEMORY=10G
# Only unpacked: as installed services they would get in the way of a Docker that is there.
KUBERNETES_UNPACKED=(etcd-server containerd runc)

# kubernetes_version : as go.mod has it, such as v1.34.2.
kubernetes_version() { sed -n 's|^require k8s.io/kubernetes ||p' "$root/kubernetes/programs/go.mod"; }

# need_go : is it there, and new enough?
need_go() {
  local wanted version
  wanted=$(sed -n 's/^go \([0-9]*\.[0-9]*\).*/\1/p' "$root/kubernetes/programs/go.mod")
  command -v go >/dev/null || fail "there is no go; install Go $wanted or newer, from https://go.dev/dl"
  version=$(go env GOVERSION 2>/dev/null)
  version=${version#go}
  [[ -n $version ]] || fail "go does not run; install Go $wanted or newer, from https://go.dev/dl"
  [[ $(printf '%s\n' "$wanted" "$version" | sort -V | head -n 1) == "$wanted" ]] ||
    fail "Go $version is too old; install Go $wanted or newer, from https://go.dev/dl"
}

# need_kubernetes : all of it, as $kubernetes_home: a directory whose bin has every program.
need_kubernetes() {
  local id work=$cache/kubernetes/new
  id=$(kubernetes_version)-$(cat "$root"/kubernetes/programs/{go.mod,go.sum,pause/main.go} | cksum | cut -d ' ' -f 1)
  kubernetes_home=$cache/kubernetes/$id
  [[ ! -e $kubernetes_home/bin ]] || return 0
  need_go
  lock_cache kubernetes
  if [[ ! -e $kubernetes_home/bin ]]; then
    rm -rf "$work" 2>/dev/null
    { mkdir -p "$work"/{bin,tmp} && : >"$cache/kubernetes/build.log"; } 2>/dev/null ||
      fail "cannot write to $cache/kubernetes; LVSCARE_CACHE names another directory"
    build_kubernetes "$work"
    unpack_kubernetes_packages "$work"
    rm -rf "$work/tmp"
    mv "$work" "$kubernetes_home" 2>/dev/null || give_up "cannot move $work to $kubernetes_home"
  fi
  unlock_cache
}

# give_up TEXT : it cannot be built; what is half built leaves the disk again.
give_up() {
  rm -rf "$work"
  fail "$*"
}

# build_kubernetes DIRECTORY : into its bin.
build_kubernetes() {
  local log=$cache/kubernetes/build.log why
  say "building Kubernetes $(kubernetes_version), 4 to 8 minutes"
  # In the background, so that a signal ends it at once.
  compile_kubernetes "$1" >"$log" 2>&1 </dev/null &
  wait $! && return
  why=$(grep -m 1 -iE 'no space|dial |proxy|timeout|unexpected EOF|checksum|error' "$log" || tail -n 1 "$log")
  # On a full disk there is no room for the log either.
  [[ -n $why ]] || why="no reason given; $cache has $(df -h --output=avail "$cache" | tail -n 1 | tr -d ' ') left"
  give_up "Kubernetes cannot be built ($why); the full log is $log"
}

# compile_kubernetes DIRECTORY : into its bin. Temporary files are in DIRECTORY, too, and go away with it.
compile_kubernetes() {
  cd "$root/kubernetes/programs" || exit
  export CGO_ENABLED=0 GOFLAGS='' GOTMPDIR=$1/tmp
  as_group go build -mod=readonly -trimpath -buildvcs=false \
    -ldflags "-s -w -X k8s.io/component-base/version.gitVersion=$(kubernetes_version)" \
    -o "$1/bin" ./pause "${KUBERNETES_COMMANDS[@]/#/k8s.io/kubernetes/cmd/}"
}

# as_group COMMAND... : for the background: in a process group of its own, which SIGTERM ends as a whole. By itself go leaves
# compilers and linkers behind when it is ended, and a script its programs.
as_group() {
  local leader=''
  trap 'kill -TERM -- "-$leader"; exit 143' TERM
  setsid "$@" &
  leader=$!
  wait "$leader"
}

# unpack_kubernetes_packages DIRECTORY : Debian's, into its bin.
unpack_kubernetes_packages() {
  open_suite ''
  unpack_from_suite "$1/debian" "${KUBERNETES_UNPACKED[@]}" || give_up "$why_not"
  find "$1/debian" -regex '.*/debian/usr/s?bin/[^/]*' -type f -exec mv -t "$1/bin" {} + 2>/dev/null ||
    give_up "cannot write to $1/bin"
  rm -rf "$1/debian"
}

# prepare_kubernetes : programs and images, for a guest that is to hold a cluster; where they are goes into the environment.
prepare_kubernetes() {
  need_kubernetes
  as_group scripts/image rootfs </dev/null &
  wait $! || exit
  export KUBERNETES_HOME=$kubernetes_home KUBERNETES_VERSION KUBERNETES_IMAGES=$root/.cache/image/archives
  KUBERNETES_VERSION=$(kubernetes_version)
  # Two who write them at once would be in each other's way.
  exec 4>.cache/image/lock
  flock --timeout 900 4 || fail '.cache/image/lock has been held by another process for 15 minutes'
  write_archives
  exec 4>&-
}

# write_archives : unless they are newer than what is in them.
write_archives() {
  local archive=$KUBERNETES_IMAGES/lvscare.tar log=.cache/log/archives.log
  [[ $archive -nt .cache/image/fingerprint && $archive -nt $kubernetes_home/bin ]] && return
  mkdir -p .cache/log
  node dist/kubernetes/write-archives.js "$root/.cache/image/rootfs" "$KUBERNETES_IMAGES" >"$log" 2>&1 </dev/null ||
    fail "the images cannot be written to $KUBERNETES_IMAGES ($(grep -m 1 -i 'error' "$log" || tail -n 1 "$log")); the full log is $log"
}
