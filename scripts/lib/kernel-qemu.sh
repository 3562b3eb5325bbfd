# shellcheck shell=bash
# QEMU without KVM, with the kernel that Debian's users run: boots in about eleven seconds. Part of with-ipvs.
# shellcheck disable=SC2154  # here, run, memory, interactive and separate_stderr are with-ipvs's

qemu_prepare() {
  [[ $(uname -m) == x86_64 ]] || fail "--kernel qemu boots Debian's amd64 kernel, this is $(uname -m)"
  need_packages qemu-system-x86 busybox-static cpio kmod iproute2 ipvsadm util-linux perl-base xz-utils
  qemu_cache=$(dirname "$here")/.cache/qemu
  mkdir -p "$qemu_cache"
  # Two who prepare at once would be in each other's way.
  exec 4>"$qemu_cache/lock"
  flock --timeout 600 4 || fail "$qemu_cache/lock has been held for ten minutes: by whom?"
  [[ -e $qemu_cache/kernel/vmlinuz ]] || qemu_unpack_kernel
  [[ -e $qemu_cache/initramfs ]] || qemu_make_initramfs
  exec 4>&-
}

# Downloaded and unpacked into the cache, never installed: this machine goes on booting what it boots.
qemu_unpack_kernel() {
  local package work=$qemu_cache/unpack
  rm -rf "$work"
  mkdir "$work"
  package=$(apt-cache depends linux-image-amd64 2>/dev/null | sed -n 's/.*Depends: \(linux-image-[^ ]*\)$/\1/p' | head -n 1)
  if [[ -z $package ]]; then
    try_apt_get update >/dev/null 2>&1
    package=$(apt-cache depends linux-image-amd64 2>/dev/null | sed -n 's/.*Depends: \(linux-image-[^ ]*\)$/\1/p' | head -n 1)
  fi
  [[ -n $package ]] || fail 'apt knows no linux-image-amd64; give this machine its Debian mirror, then: apt-get update'
  say "downloading $package"
  (cd "$work" && apt_get download "$package") || exit
  dpkg-deb -x "$work/$package"_*.deb "$work/root" || fail "cannot unpack $package"
  mkdir "$work/kernel"
  mv "$work/root/boot/vmlinuz-"* "$work/kernel/vmlinuz"
  mkdir "$work/kernel/lib"
  mv "$work"/root/{,usr/}lib/modules "$work/kernel/lib/" 2>/dev/null
  local version
  version=$(ls "$work/kernel/lib/modules")
  depmod -b "$work/kernel" "$version" || fail "depmod cannot read the modules of $package"
  mv "$work/kernel" "$qemu_cache/kernel"
  rm -rf "$work" "$qemu_cache/initramfs"
}

# Just enough to mount this machine's root over 9p and go there.
qemu_make_initramfs() {
  local work=$qemu_cache/initramfs.d modules=$qemu_cache/kernel version module path
  version=$(ls "$modules/lib/modules")
  rm -rf "$work"
  mkdir -p "$work/bin" "$work/modules" "$work/root"
  cp "$(command -v busybox)" "$work/bin/busybox"
  for module in virtio_pci virtio_console 9pnet_virtio 9p; do
    modprobe -d "$modules" -S "$version" --show-depends "$module" | sed -n 's/^insmod \([^ ]*\).*/\1/p'
  done | awk '!seen[$0]++' | while read -r path; do
    module=$(basename "$path")
    case $path in
    *.xz) xz -dc "$path" >"$work/modules/${module%.xz}" ;;
    *) cp "$path" "$work/modules/$module" ;;
    esac
    echo "${module%.xz}"
  done >"$work/modules/order"
  cp "$here/lib/qemu-initramfs-init" "$work/init"
  (cd "$work" && find . | cpio --quiet -o -H newc -R 0:0) >"$work.new" || fail 'cpio cannot make the initramfs'
  mv "$work.new" "$qemu_cache/initramfs"
  rm -rf "$work"
}

# qemu_start : starts the guest; what comes out of it goes into the pipes that with-ipvs reads. Its ports are vport0
# because the serial device is the first of the virtio devices.
qemu_start() {
  local -a consoles
  if [[ -n $interactive ]]; then
    consoles=(-chardev 'stdio,id=tty,signal=off' -device 'virtconsole,chardev=tty'
      -chardev "file,id=err,path=$run/err" -device 'virtserialport,chardev=err,nr=2')
    guest_conf tty=/dev/hvc0 "err=${separate_stderr:+/dev/vport0p2}"
  else
    consoles=(-chardev "file,id=out,path=$run/out" -device 'virtserialport,chardev=out,nr=1'
      -chardev "file,id=err,path=$run/err" -device 'virtserialport,chardev=err,nr=2')
    guest_conf out=/dev/vport0p1 err=/dev/vport0p2
  fi
  guest_conf "modules=$qemu_cache/kernel"
  start_guest qemu-system-x86_64 -accel tcg,thread=multi -smp 2 -m "$memory" -cpu qemu64,+rdrand \
    -nodefaults -no-reboot -display none -nic none \
    -kernel "$qemu_cache/kernel/vmlinuz" -initrd "$qemu_cache/initramfs" \
    -append "console=ttyS0 panic=-1 quiet WITH_IPVS_RUN=$run" \
    -chardev "file,id=log,path=$run/log" -serial chardev:log \
    -device virtio-serial-pci "${consoles[@]}" \
    -virtfs 'local,path=/,mount_tag=root,security_model=none,multidevs=remap'
}
