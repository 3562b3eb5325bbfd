# shellcheck shell=bash
# Where downloaded and built kernels are kept: once for all clones of this user.
# shellcheck disable=SC2034  # the scripts that source this file use it

cache=${LVSCARE_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/lvscare}
[[ $cache == /* ]] || cache=$PWD/$cache

# lock_cache NAME : waits until no other script prepares the same thing. The lock is held on descriptor 4.
lock_cache() {
  { mkdir -p "$cache" && exec 4>"$cache/$1.lock"; } 2>/dev/null ||
    fail "cannot write to $cache; LVSCARE_CACHE names another directory"
  flock --nonblock 4 && return
  say "waiting for another process, which holds $cache/$1.lock"
  flock --timeout 1800 4 || fail "another process has held $cache/$1.lock for 30 minutes"
}

unlock_cache() { exec 4>&-; }
