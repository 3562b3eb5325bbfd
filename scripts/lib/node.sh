# shellcheck shell=bash
# The user installs Node.js. Needs say.sh and cache.sh.
# shellcheck disable=SC2154  # cache is set in cache.sh

# need_node : is it there, and new enough? Also tells node-gyp where its headers are, if they came with it.
need_node() {
  command -v node >/dev/null || fail 'there is no node; install Node.js 20.19 or newer, from https://nodejs.org'
  local version major minor
  version=$(node --version)
  IFS=. read -r major minor _ <<<"${version#v}"
  ((major > 20 || (major == 20 && minor >= 19))) ||
    fail "Node.js $version is too old; install 20.19 or newer, from https://nodejs.org"
  command -v npm >/dev/null || fail 'there is no npm; install the one that comes with Node.js'
  local prefix
  prefix=$(dirname "$(dirname "$(readlink -f "$(command -v node)")")")
  # Unless somebody decided already, it would download them.
  if [[ -z ${npm_config_nodedir:-} && -e $prefix/include/node/node_api.h ]]; then
    export npm_config_nodedir=$prefix
  fi
}

# image_node_release : the release of Node.js that the image has: the newest LTS.
image_node_release() { sed -n 's/^ARG NODE_IMAGE=.*node:\([0-9.]*\).*/\1/p' Dockerfile; }

# get_node RELEASE [ARCHITECTURE] : this release with its headers from npm, as $node_home. Its authors publish a package for each
# architecture. Default: this machine's.
get_node() {
  local release=$1 architecture=${2-} work
  [[ -n $architecture ]] || architecture=$(node -p process.arch) || exit
  node_home=$cache/node-$release-$architecture
  [[ ! -e $node_home/bin/node ]] || return 0
  lock_cache node
  if [[ -e $node_home/bin/node ]]; then
    unlock_cache
    return
  fi
  say "downloading Node.js $release"
  work=$cache/node.new
  rm -rf "$work"
  mkdir -p "$work"
  (cd "$work" && npm pack --silent "node-linux-$architecture@$release" >/dev/null && tar -xzf node-linux-*.tgz) ||
    fail "npm has no node-linux-$architecture@$release for us; give this machine its npm registry and try again"
  rm -rf "$node_home"
  mv "$work/package" "$node_home"
  rm -rf "$work"
  unlock_cache
}
