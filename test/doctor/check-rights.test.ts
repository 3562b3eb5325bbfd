import {
  checkCapabilities,
  checkNft,
  checkRunDirectory,
  checkSysctls,
} from '../../src/doctor/check-rights.js';
import { table, well, without } from './check-table.js';

table('capabilities', checkCapabilities, [
  ['root', well, 'ok: uid 0 has NET_ADMIN'],
  [
    'all but NET_ADMIN',
    (fake) => void (fake.files['/proc/self/status'] = 'CapEff:\t000001ffffffefff\n'),
    /^fail: uid 0 has no NET_ADMIN \(CapEff 1ffffffefff\) -> run it as root/,
  ],
  [
    'rootless',
    (fake) => void (fake.files['/proc/self/uid_map'] = '0 1000 1\n'),
    /^warn: NET_ADMIN, but in a user namespace \(0 1000 1\)/,
  ],
]);

table('run-directory', checkRunDirectory, [
  ['writable', well, 'ok: /run/lvscare can be written'],
  ['yet to be made', (fake) => void (fake.writable = ['/run']), 'ok: /run/lvscare can be created'],
  [
    'read-only',
    (fake) => {
      fake.writable = [];
      fake.files['/run/lvscare/1/x.json'] = '{}';
    },
    /^warn: \/run\/lvscare cannot be written \(EROFS\): .* -> mkdir -p/,
  ],
]);

const SYSCTL = '/proc/sys/net/ipv4/vs/expire_nodest_conn';
table('sysctl', checkSysctls, [
  ['as wanted', well, 'ok net.ipv4.vs.expire_nodest_conn: 1'],
  [
    'to be set by lvscare',
    (fake) => {
      fake.files[SYSCTL] = '0\n';
      fake.writable = [SYSCTL];
    },
    'ok net.ipv4.vs.expire_nodest_conn: 0, not 1; lvscare sets it',
  ],
  [
    'to be set by lvscare at its mount',
    (fake) => {
      fake.files[SYSCTL] = '0\n';
      fake.writable = [`/host${SYSCTL}`];
    },
    /^ok .*lvscare sets it$/,
  ],
  [
    'read-only',
    (fake) => void (fake.files[SYSCTL] = '0\n'),
    /^warn net\S+: 0, not 1, and it cannot be written here \(EROFS\): connections hang -> sysctl -w net\.ipv4\.vs\.expire_nodest_conn=1/,
  ],
  [
    'not to be set',
    (fake) => {
      fake.files[SYSCTL] = '0\n';
      fake.writable = [SYSCTL];
      return { setsSysctls: false };
    },
    'warn net.ipv4.vs.expire_nodest_conn: 0, not 1, and --sysctl=false: connections hang -> sysctl -w net.ipv4.vs.expire_nodest_conn=1',
  ],
  [
    'without IPVS',
    (fake) => {
      fake.files = without(fake, SYSCTL);
    },
    /^skip net\S+: the kernel has it only while ip_vs is loaded$/,
  ],
]);

table('nft', checkNft, [
  ['there', well, 'ok: nftables v1.0.6'],
  [
    'missing, without --masquerade',
    (fake) => void (fake.nft = null),
    /^warn: nft is not installed: neighbours .* -> apt-get install nftables/,
  ],
  [
    'missing',
    (fake) => {
      fake.nft = null;
      return { masquerade: true };
    },
    /^fail: nft is not installed, .* -> apt-get install nftables/,
  ],
]);
