# shellcheck shell=bash
# QEMU without KVM, with a kernel that Debian's users run: boots in about eleven seconds. Part of with-ipvs.
# shellcheck disable=SC2034,SC2154  # why_not, here, run, memory, interactive and separate_stderr are with-ipvs's

qemu_prepare() {
  is_x86_64 || return
  need_packages "${GUEST_PACKAGES[@]}" "${QEMU_PACKAGES[@]}"
  qemu_home=$cache/qemu/${qemu_suite:-this-release}
  lock_cache qemu
  [[ -e $qemu_home/vmlinuz ]] || unpack_stock_kernel || return
  cmp -s "$here/lib/qemu-initramfs-init" "$qemu_home/init" || make_initramfs || return
  unlock_cache
}

qemu_boots() { :; }

# unpack_stock_kernel : Debian's kernel of this machine's release, or of $qemu_suite.
unpack_stock_kernel() {
  local work=$qemu_home.new package version
  local -a packages
  rm -rf "$work"
  open_suite "$qemu_suite" || return
  package=$(suite_apt apt-cache depends linux-image-amd64 | sed -n 's/.*Depends: \(linux-image-[^ ]*\)$/\1/p' | head -n 1)
  [[ -n $package ]] || {
    why_not="apt knows no linux-image-amd64 of Debian $suite"
    return 1
  }
  # Later releases have the kernel and its modules in packages that this one depends on.
  mapfile -t packages < <(suite_apt apt-cache depends "$package" | sed -nE 's/^ *Depends: (linux-(base|binary|modules)-.*)$/\1/p')
  unpack_from_suite "$work/debian" "$package" "${packages[@]}" || return
  mkdir "$work/lib"
  mv "$work"/debian/{,usr/}lib/modules "$work/lib/" 2>/dev/null
  mv "$work"/debian/boot/vmlinuz-* "$work/vmlinuz" 2>/dev/null || mv "$work"/lib/modules/*/vmlinuz "$work/vmlinuz"
  rm -rf "$work/debian"
  version=$(ls "$work/lib/modules")
  why_not=$(depmod -b "$work" "$version" 2>&1) || return
  rm -rf "$qemu_home"
  mv "$work" "$qemu_home"
}

# make_initramfs : just enough to mount this machine's root over 9p and go there.
make_initramfs() {
  local work=$qemu_home/initramfs.new version module path
  version=$(ls "$qemu_home/lib/modules")
  rm -rf "$work"
  mkdir -p "$work/bin" "$work/modules" "$work/root"
  cp "$(command -v busybox)" "$work/bin/busybox"
  for module in virtio_pci virtio_console 9pnet_virtio 9p; do
    modprobe -d "$qemu_home" -S "$version" --show-depends "$module" | sed -n 's/^insmod \(.*[^ ]\) *$/\1/p'
  done | awk '!seen[$0]++' | while read -r path; do
    module=$(basename "$path" .xz)
    case $path in
    *.xz) xz -dc "$path" >"$work/modules/$module" || exit ;;
    *) cp "$path" "$work/modules/$module" || exit ;;
    esac
    echo "$module"
  done >"$work/modules/order" || {
    why_not="cannot copy the modules of its initramfs to $work"
    return 1
  }
  cp "$here/lib/qemu-initramfs-init" "$work/init"
  why_not=$( (cd "$work" && find . | cpio --quiet -o -H newc -R 0:0) 2>&1 >"$qemu_home/initramfs") || return
  cp "$work/init" "$qemu_home/init"
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
  guest_conf "modules=$qemu_home"
  start_guest qemu-system-x86_64 -accel tcg,thread=multi -smp 2 -m "$memory" -cpu qemu64,+rdrand \
    -nodefaults -no-reboot -display none -nic none \
    -kernel "$qemu_home/vmlinuz" -initrd "$qemu_home/initramfs" \
    -append "console=ttyS0 panic=-1 quiet WITH_IPVS_RUN=$run" \
    -chardev "file,id=log,path=$run/log" -serial chardev:log \
    -device virtio-serial-pci "${consoles[@]}" \
    -virtfs 'local,path=/,mount_tag=root,security_model=none,multidevs=remap'
}
