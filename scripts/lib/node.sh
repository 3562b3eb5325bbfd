# shellcheck shell=bash
# Node.js, which nobody but the user installs. Needs say.sh.

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
