# shellcheck shell=bash
# Packages of another Debian suite than this machine's, from the same mirror and through the same proxy, verified by the
# Debian keyring. They are only downloaded and unpacked, never installed. Needs say.sh, packages.sh and cache.sh.
# shellcheck disable=SC2034,SC2154  # why_not is read by the scripts that call this; cache is set in cache.sh

# $DEBIAN_KEYRING names the keyring of a mirror that signs its suites itself.
KEYRING=${DEBIAN_KEYRING:-/usr/share/keyrings/debian-archive-keyring.gpg}

# open_suite SUITE [ARCHITECTURE] : has `suite_apt` ask this suite; without SUITE, this machine's own sources. ARCHITECTURE is Debian's
# name of another one than this machine's. Status 1, with the reason in $why_not, if the mirror does not have it.
open_suite() {
  suite=$1
  suite_architecture=${2:-$(dpkg --print-architecture)}
  suite_home=''
  local mirror error
  if [[ -z $suite ]]; then
    suite='(this release)'
    suite_apt apt-get update >/dev/null 2>&1
    return 0
  fi
  [[ -r $KEYRING ]] || {
    why_not="there is no $KEYRING (Debian package debian-archive-keyring)"
    return 1
  }
  mirror=$(debian_mirror)
  if [[ -z $mirror ]]; then
    try_apt_get update >/dev/null 2>&1
    mirror=$(debian_mirror)
  fi
  [[ -n $mirror ]] || {
    why_not='apt has no Debian mirror in its sources'
    return 1
  }
  suite_home=$cache/apt/$suite${2:+-$2}
  mkdir -p "$suite_home"/{lists,archives}/partial
  printf 'deb [signed-by=%s] %s %s main\n' "$KEYRING" "$mirror" "$suite" >"$suite_home/sources.list"
  # The test kernel, User-Mode Linux and QEMU's kernel may all be wanted of one suite at once.
  error=$( (flock 9 && suite_apt apt-get update) 2>&1 >/dev/null 9>"$suite_home/lock") && return
  why_not="suite $suite: $(grep -m 1 '^[EW]:' <<<"$error")"
  return 1
}

# The address from which apt gets this machine's Debian.
debian_mirror() {
  # shellcheck disable=SC2016  # apt's variables
  apt-get indextargets --format '$(ORIGIN) $(LABEL) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
    sed -n 's/^Debian Debian main //p' | head -n 1
}

# suite_apt apt-get|apt-cache ARGUMENT... : with this machine's settings of proxies and certificates, and none of its pins.
suite_apt() {
  local program=$1
  local -a apart=()
  shift
  [[ -z $suite_home ]] || apart=(
    -o Dir::Etc::SourceList="$suite_home/sources.list" -o Dir::Etc::SourceParts=/dev/null
    -o Dir::Etc::Preferences=/dev/null -o Dir::Etc::PreferencesParts=/dev/null -o APT::Default-Release=
    -o Dir::State::Lists="$suite_home/lists" -o Dir::State::Status=/dev/null
    -o APT::Architecture="$suite_architecture" -o APT::Architectures="$suite_architecture"
    -o Dir::Cache="$suite_home" -o Dir::Cache::Archives="$suite_home/archives"
  )
  timeout 900 "$program" -q "${apart[@]}" -o APT::Sandbox::User=root -o Acquire::Retries=3 "$@" </dev/null
}

# unpack_from_suite DIRECTORY PACKAGE... : downloads, verifies and unpacks them. Status 1, with the reason in $why_not.
unpack_from_suite() {
  local directory=$1 package error
  shift
  for package; do
    say "downloading $package of Debian $suite"
    error=$({ mkdir -p "$directory/.debs" && cd "$directory/.debs" && suite_apt apt-get download "$package" >/dev/null &&
      dpkg-deb -x "$package"_*.deb ..; } 2>&1) && continue
    why_not="cannot get $package of Debian $suite: $(grep -m 1 -i 'no space' <<<"$error" || grep . <<<"$error" | tail -n 1)"
    return 1
  done
  rm -rf "$directory/.debs"
}

# suite_version PACKAGE : the version that the suite offers; nothing if it has none.
suite_version() { suite_apt apt-cache policy "$1" 2>/dev/null | sed -n 's/^ *Candidate: \([^(].*\)$/\1/p'; }
