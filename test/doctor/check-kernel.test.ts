import { checkIpvs, checkScheduler } from '../../src/doctor/check-kernel.js';
import { table, well } from './check-table.js';
import { type FakeNode } from './fake-node.js';

const DEP = '/lib/modules/6.1.0-28-amd64/modules.dep';

const unloaded = (fake: FakeNode, dep: string | null): void => {
  delete fake.files['/proc/net/ip_vs'];
  fake.files['/proc/modules'] = 'ip_vs_other 1 0 - Live 0x0\n';
  if (dep !== null) fake.files[DEP] = dep;
};
const IPVS_FILES = 'kernel/net/netfilter/ipvs/ip_vs.ko: x\nkernel/net/netfilter/ipvs/ip_vs_rr.ko.xz: y\n';

table('ipvs', checkIpvs, [
  ['loaded', well, 'ok: Linux 6.1.0-28-amd64 has it'],
  [
    'not for us to read: it is there',
    (fake) => void (fake.files['/proc/net/ip_vs'] = null),
    'ok: Linux 6.1.0-28-amd64 has it',
  ],
  [
    'loadable',
    (fake) => {
      unloaded(fake, IPVS_FILES);
    },
    /^ok: ip_vs is not loaded yet; .*\/ip_vs\.ko\)$/,
  ],
  [
    'built in',
    (fake) => {
      unloaded(fake, '');
      fake.files['/lib/modules/6.1.0-28-amd64/modules.builtin'] = 'kernel/net/netfilter/ipvs/ip_vs.ko\n';
    },
    'ok: the kernel has ip_vs',
  ],
  [
    'no module',
    (fake) => {
      unloaded(fake, 'kernel/x_ip_vs.ko: \n');
    },
    /^fail: kernel 6\.1\.0-28-amd64 has no module ip_vs -> install/,
  ],
  [
    'not to be seen',
    (fake) => {
      unloaded(fake, null);
    },
    /^warn: .* without \/lib\/modules\/6\.1\S+ this check cannot say .* -> modprobe ip_vs$/,
  ],
  [
    'no loader',
    (fake) => {
      unloaded(fake, IPVS_FILES);
      fake.files['/proc/sys/kernel/modprobe'] = '/bin/false\n';
    },
    'fail: ip_vs is not loaded, and kernel.modprobe is /bin/false: the kernel loads no module by itself -> modprobe ip_vs',
  ],
  [
    'a module that the kernel does not load by itself',
    (fake) => {
      unloaded(fake, IPVS_FILES);
      fake.files['/lib/modules/6.1.0-28-amd64/modules.alias'] = 'alias ipt_ipvs xt_ipvs\n';
    },
    'fail: ip_vs is not loaded, and Linux 6.1.0-28-amd64 does not load it by itself -> modprobe ip_vs',
  ],
  [
    'a module that the kernel loads by itself',
    (fake) => {
      unloaded(fake, IPVS_FILES);
      fake.files['/lib/modules/6.1.0-28-amd64/modules.alias'] =
        'alias net-pf-16-proto-16-family-IPVS ip_vs\n';
    },
    /^ok: .* the kernel loads it when lvscare needs it/,
  ],
  [
    'hardened',
    (fake) => {
      unloaded(fake, IPVS_FILES);
      fake.files['/etc/modprobe.d/cis.conf'] = '# x\ninstall ip_vs /bin/true\n';
    },
    /^fail: .*\/etc\/modprobe\.d\/cis\.conf prevents loading ip_vs/,
  ],
  [
    'sealed',
    (fake) => {
      unloaded(fake, IPVS_FILES);
      fake.files['/proc/sys/kernel/modules_disabled'] = '1\n';
    },
    /^fail: .*kernel\.modules_disabled is 1/,
  ],
]);

table('scheduler', checkScheduler, [
  ['loaded', well, 'ok: the kernel has ip_vs_rr'],
  [
    'compressed file',
    (fake) => {
      unloaded(fake, IPVS_FILES);
    },
    /^ok: ip_vs_rr is not loaded yet.*ip_vs_rr\.ko\.xz\)$/,
  ],
  [
    'in use',
    (fake) => {
      fake.files['/proc/net/ip_vs'] = 'TCP  0A676102:192B sh\n';
      return { scheduler: 'sh' };
    },
    'ok: sh is in use',
  ],
  [
    'no such one',
    (fake) => {
      fake.files[DEP] = IPVS_FILES;
      return { scheduler: 'bogus' };
    },
    /^fail: .* has no module ip_vs_bogus/,
  ],
]);
