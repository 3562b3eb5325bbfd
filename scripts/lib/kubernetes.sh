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
  [[ $(printf '%s\n' "$wanted" "$version" | sort -V | head -n 1) == "$wanted" ]] ||
    fail "Go $version is too old; install Go $wanted or newer, from https://go.dev/dl"
}

# need_kubernetes : all of it, as $kubernetes_home: a directory whose bin has every program.
need_kubernetes() {
  local id
  id=$(kubernetes_version)-$(cat "$root"/kubernetes/programs/{go.mod,go.sum,pause/main.go} | cksum | cut -d ' ' -f 1)
  kubernetes_home=$cache/kubernetes/$id
  [[ ! -e $kubernetes_home/bin ]] || return 0
  need_go
  lock_cache kubernetes
  if [[ ! -e $kubernetes_home/bin ]]; then
    local work=$cache/kubernetes/new
    rm -rf "$work"
    mkdir -p "$work/bin" || fail "cannot write to $cache; LVSCARE_CACHE names another directory"
    build_kubernetes "$work"
    unpack_kubernetes_packages "$work"
    mv "$work" "$kubernetes_home" || fail "cannot move $work to $kubernetes_home"
  fi
  unlock_cache
}

# build_kubernetes DIRECTORY : into its bin.
build_kubernetes() {
  local log=$cache/kubernetes/build.log
  say "building Kubernetes $(kubernetes_version), 4 to 8 minutes"
  # In the background, so that a signal ends it at once.
  (cd "$root/kubernetes/programs" && CGO_ENABLED=0 GOFLAGS='' go build -mod=readonly -trimpath -buildvcs=false \
    -ldflags "-s -w -X k8s.io/component-base/version.gitVersion=$(kubernetes_version)" \
    -o "$1/bin" ./pause "${KUBERNETES_COMMANDS[@]/#/k8s.io/kubernetes/cmd/}") >"$log" 2>&1 </dev/null &
  wait $! || fail "Kubernetes cannot be built ($(grep -m 1 -iE 'no space|dial |proxy|timeout|unexpected EOF|checksum|error' "$log" ||
    tail -n 1 "$log")); the full log is $log"
}

# unpack_kubernetes_packages DIRECTORY : Debian's, into its bin.
unpack_kubernetes_packages() {
  open_suite ''
  unpack_from_suite "$1/debian" "${KUBERNETES_UNPACKED[@]}" || fail "$why_not"
  find "$1"/debian/usr/{bin,sbin} -type f -exec mv -t "$1/bin" {} + || fail "cannot write to $1/bin"
  rm -rf "$1/debian"
}

# prepare_kubernetes : programs and images, for a guest that is to hold a cluster; where they are goes into the environment.
prepare_kubernetes() {
  need_kubernetes
  scripts/image rootfs || exit
  export KUBERNETES_HOME=$kubernetes_home KUBERNETES_VERSION KUBERNETES_IMAGES=$root/.cache/image/archives
  KUBERNETES_VERSION=$(kubernetes_version)
  [[ $KUBERNETES_IMAGES/lvscare.tar -nt .cache/image/fingerprint ]] ||
    node dist/kubernetes/write-archives.js "$root/.cache/image/rootfs" "$KUBERNETES_IMAGES" ||
    fail "the images cannot be written to $KUBERNETES_IMAGES"
}
