# shellcheck shell=bash
# The Debian packages that the scripts need, each list for what its comment says.
# shellcheck disable=SC2034  # those who read this file use them

# To build the addon and to run the lab.
SETUP_PACKAGES=(g++ make python3 pkg-config libnl-3-dev libnl-genl-3-dev openssl iproute2 ipvsadm nftables iptables ipset kmod
  curl iputils-ping systemd)
# What a guest runs.
GUEST_PACKAGES=(kmod iproute2 ipvsadm util-linux perl-base)
# To build the test kernel.
KERNEL_PACKAGES=(bc bison flex gcc kmod libelf-dev make xz-utils)
# To run Debian's stock kernel.
QEMU_PACKAGES=(qemu-system-x86 busybox-static cpio kmod xz-utils)
# To build the image's root file system (as in the Dockerfile) and to run it.
IMAGE_PACKAGES=(binutils g++ libnl-3-dev libnl-genl-3-dev make nftables pkg-config python3)
CONTAINER_PACKAGES=(crun golang-github-containers-common)
# A browser for the status page.
BROWSER_PACKAGES=(chromium)
# Prometheus scrapes lvscare, and joins its metrics with those of node_exporter.
PROMETHEUS_PACKAGES=(prometheus prometheus-node-exporter)
