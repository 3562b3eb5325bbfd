// What the tests of the image hand to crun: that it is what the manifest says, and no weaker.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ociConfig, type RuntimeSpec, type Surroundings } from './oci.js';
import { shippedPod, type Pod } from './pod.js';
import { runtimeDefault, type Profile } from './seccomp.js';

const SPEC: RuntimeSpec = {
  mounts: [{ destination: '/proc' }, { destination: '/sys/fs/cgroup' }],
  linux: {
    namespaces: [{ type: 'pid' }, { type: 'network' }],
    maskedPaths: ['/proc/kcore'],
    readonlyPaths: ['/proc/sys'],
  },
};

const PROFILE: Profile = {
  defaultAction: 'SCMP_ACT_ERRNO',
  defaultErrnoRet: 38,
  archMap: [{ architecture: 'SCMP_ARCH_X86_64', subArchitectures: ['SCMP_ARCH_X86'] }],
  syscalls: [
    { names: ['read'], action: 'SCMP_ACT_ALLOW', args: [], includes: {}, excludes: {} },
    { names: ['bpf'], action: 'SCMP_ACT_ALLOW', args: null, includes: { caps: ['CAP_SYS_ADMIN'] } },
    { names: ['bpf'], action: 'SCMP_ACT_ERRNO', errnoRet: 1, excludes: { caps: ['CAP_SYS_ADMIN'] } },
    { names: ['arch_prctl'], action: 'SCMP_ACT_ALLOW', includes: { arches: ['amd64', 'x32'] } },
    { names: ['breakpoint'], action: 'SCMP_ACT_ALLOW', includes: { arches: ['arm', 'arm64'] } },
  ],
};

const AT: Surroundings = {
  rootfs: '/root-of-it',
  networkNamespace: '/run/netns/node',
  imageEnv: ['PATH=/usr/bin'],
  hostPath: (path) => `/lab${path}`,
  extraMounts: [],
  nodeAddress: '10.103.97.100',
  cgroups: true,
  seccomp: (capabilities) => runtimeDefault(capabilities, PROFILE, 'x64'),
};

/** The shipped one with its container changed. */
function changed(change: object): Pod {
  const pod = shippedPod();
  const [container] = pod.spec.containers;
  return { spec: { ...pod.spec, containers: [{ ...container, ...change }] } };
}

describe('a pod as crun is to run it', () => {
  it('has what the shipped manifest says', () => {
    const words = ['/usr/bin/lvscare', 'care', '--at=[$(POD_IP)]:1', '$$(POD_IP)', '$(HOME)'];
    const config = ociConfig(shippedPod(), words, SPEC, AT);
    assert.deepEqual(config.process, {
      user: { uid: 0, gid: 0 },
      args: ['/usr/bin/lvscare', 'care', '--at=[10.103.97.100]:1', '$(POD_IP)', '$(HOME)'],
      env: ['PATH=/usr/bin', 'POD_IP=10.103.97.100'],
      cwd: '/',
      capabilities: {
        bounding: ['CAP_NET_ADMIN'],
        effective: ['CAP_NET_ADMIN'],
        permitted: ['CAP_NET_ADMIN'],
        inheritable: [],
        ambient: [],
      },
      noNewPrivileges: true,
    });
    assert.deepEqual(config.root, { path: '/root-of-it', readonly: true });
    assert.deepEqual(config.linux.namespaces, [
      { type: 'pid' },
      { type: 'network', path: '/run/netns/node' },
    ]);
    assert.deepEqual(config.linux.readonlyPaths, ['/proc/sys']);
    assert.deepEqual(config.linux.resources, { memory: { limit: 256 << 20 } });
    const ca = config.mounts.find(({ destination }) => destination === '/etc/kubernetes/pki/ca.crt');
    assert.deepEqual(ca, {
      type: 'bind',
      source: '/lab/etc/kubernetes/pki/ca.crt',
      destination: '/etc/kubernetes/pki/ca.crt',
      options: ['rbind', 'rprivate', 'ro'],
    });
  });

  it('is refused where it would be run with other rights than it asks for', () => {
    const security = shippedPod().spec.containers[0].securityContext;
    for (const [change, message] of [
      [{ privileged: true }, /^privileged: /],
      [{ capabilities: { add: ['NET_ADMIN'] } }, /^capabilities\.drop: /],
      [{ seccompProfile: { type: 'Unconfined' } }, /^seccompProfile: /],
    ] as const) {
      const pod = changed({ securityContext: { ...security, ...change } });
      assert.throws(() => ociConfig(pod, [], SPEC, AT), { message });
    }
    assert.throws(() => ociConfig(changed({ resources: {} }), [], SPEC, AT), {
      message: /^limits\.memory: /,
    });
  });
});

describe("the engines' seccomp profile", () => {
  const names = (capabilities: readonly string[], architecture: string): string[] =>
    runtimeDefault(capabilities, PROFILE, architecture).syscalls.map(
      (rule) => `${rule.names.join()} ${rule.action}`,
    );

  it('is what is left of it for these capabilities and this architecture', () => {
    assert.deepEqual(names(['CAP_NET_ADMIN'], 'x64'), [
      'read SCMP_ACT_ALLOW',
      'bpf SCMP_ACT_ERRNO',
      'arch_prctl SCMP_ACT_ALLOW',
    ]);
    assert.deepEqual(names(['CAP_SYS_ADMIN'], 'arm64'), [
      'read SCMP_ACT_ALLOW',
      'bpf SCMP_ACT_ALLOW',
      'breakpoint SCMP_ACT_ALLOW',
    ]);
    assert.deepEqual(runtimeDefault([], PROFILE, 'x64').architectures, ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86']);
    assert.throws(() => runtimeDefault([], PROFILE, 'mips'), /no seccomp architecture for mips/);
  });
});
