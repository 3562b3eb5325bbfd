# shellcheck shell=bash
# The Debian packages that the scripts need, each list for what its comment says.
# shellcheck disable=SC2034  # the scripts that source this file use them

# To build the addon, and to run the program in the lab.
SETUP_PACKAGES=(g++ make python3 pkg-config libnl-3-dev libnl-genl-3-dev iproute2 ipvsadm nftables kmod curl iputils-ping)
# What a guest runs.
GUEST_PACKAGES=(kmod iproute2 ipvsadm util-linux perl-base)
# To build the test kernel.
KERNEL_PACKAGES=(bc bison flex gcc kmod libelf-dev make xz-utils)
# To run Debian's stock kernel.
QEMU_PACKAGES=(qemu-system-x86 busybox-static cpio kmod xz-utils)
# To build the image's root file system (as in the Dockerfile) and to run it.
IMAGE_PACKAGES=(binutils g++ libnl-3-dev libnl-genl-3-dev make nftables pkg-config python3)
CONTAINER_PACKAGES=(crun golang-github-containers-common)
# To put packages together for this kind of machine, and for arm64 on another one.
PACKAGE_PACKAGES=(binutils gzip)
ARM64_PACKAGES=(g++-aarch64-linux-gnu qemu-user)
# What the tools suite runs: a browser, promtool, script, systemd-analyze, a Debian to install packages in.
TOOLS_PACKAGES=(chromium prometheus bsdutils systemd python3 mmdebstrap "${PACKAGE_PACKAGES[@]}")
# What the kernel suite judges by, beside what the lab has; Prometheus joins lvscare's metrics with those of node_exporter.
JUDGE_PACKAGES=(openssl iptables ipset prometheus prometheus-node-exporter)
# To fuzz the native decoders, beside libclang-rt-VERSION-dev of the same version.
FUZZ_PACKAGES=(clang libnl-3-dev libnl-genl-3-dev pkg-config)
# What kubelet, kube-proxy and kubeadm call, and what runc needs.
KUBERNETES_PACKAGES=(conntrack curl ebtables ethtool ipset iptables libseccomp2 mount socat)
