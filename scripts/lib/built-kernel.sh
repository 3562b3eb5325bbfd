# shellcheck shell=bash
# Where the project's own test kernel is, once scripts/build-kernel has built it. Needs cache.sh.
# shellcheck disable=SC2154  # here is the directory of scripts

test_kernels=$cache/test-kernel
defconfig=$here/kernel/defconfig

# built_kernel : the directory of the newest one that was built with this defconfig; nothing if there is none.
built_kernel() {
  local -a built
  mapfile -t built < <(find "$test_kernels" -mindepth 1 -maxdepth 1 -name "*-$(defconfig_id)" 2>/dev/null | sort -V)
  ((${#built[@]} == 0)) || printf '%s\n' "${built[-1]}"
}

# Identifies a choice of options; comments do not count.
defconfig_id() { grep -E '^(# )?CONFIG_' "$defconfig" | sort | cksum | cut -d ' ' -f 1; }
