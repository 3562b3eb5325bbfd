import { checkFirewall } from '../../src/doctor/check-firewall.js';
import { table, well } from './check-table.js';
import { type FakeNode } from './fake-node.js';

const filter = (...rules: string[]): FakeNode['iptables'] => ({
  variants: [
    {
      command: 'iptables-nft',
      tables: [
        {
          name: 'filter',
          chains: [],
          rules: rules.map((rule) => {
            const [, chain = '', specification = ''] = /^(\S+) (.*)$/.exec(rule) ?? [];
            return { chain, specification };
          }),
        },
      ],
    },
  ],
  failures: [],
});
const DROP = '-m conntrack --ctstate INVALID -j DROP';
const nftablesAt = (hook: string, ...expr: unknown[]): unknown => ({
  nftables: [
    { metainfo: { version: '1.0.6' } },
    { chain: { family: 'inet', table: 'fw', name: 'in', type: 'filter', hook } },
    { chain: { family: 'inet', table: 'fw', name: 'more' } },
    { rule: { family: 'inet', table: 'fw', chain: 'in', expr: [{ jump: { target: 'more' } }] } },
    { rule: { family: 'inet', table: 'fw', chain: 'more', expr } },
  ],
});
const nftables = (...expr: unknown[]): unknown => nftablesAt('input', ...expr);
const invalid = { match: { op: 'in', left: { ct: { key: 'state' } }, right: 'invalid' } };
const TRACKED = '/proc/sys/net/ipv4/vs/conntrack';
table('firewall', checkFirewall, [
  ['nothing to see', well, /^skip/],
  [
    'harmless rules',
    (fake) => void (fake.iptables = filter('INPUT -j ACCEPT', `OUTPUT ${DROP}`)),
    /^ok: no rule drops/,
  ],
  [
    'in INPUT',
    (fake) => void (fake.iptables = filter(`INPUT ${DROP}`)),
    /^warn: iptables-nft -t filter chain INPUT drops incoming INVALID .* -> sysctl -w net\.ipv4\.vs\.conntrack=1/,
  ],
  [
    'as ufw does',
    (fake) => void (fake.iptables = filter('INPUT -j ufw-before-input', `ufw-before-input ${DROP}`)),
    /^warn: iptables-nft -t filter chain ufw-before-input/,
  ],
  [
    'as kube-proxy does',
    (fake) =>
      void (fake.iptables = filter(
        'FORWARD -j KUBE-FORWARD',
        'INPUT -j KUBE-FIREWALL',
        `KUBE-FORWARD ${DROP}`,
      )),
    /^warn of pods: iptables-nft -t filter chain KUBE-FORWARD drops forwarded INVALID packets, .* clients in pods .* -> .*conntrack=1, or give lvscare --masquerade$/,
  ],
  [
    'as kube-proxy does, tracked',
    (fake) => {
      fake.iptables = filter('FORWARD -j KUBE-FORWARD', `KUBE-FORWARD ${DROP}`);
      fake.files[TRACKED] = '1\n';
    },
    /^ok of pods: .*with net\.ipv4\.vs\.conntrack=1: answers/,
  ],
  [
    'as kube-proxy does, masqueraded',
    (fake) => {
      fake.iptables = filter('FORWARD -j KUBE-FORWARD', `KUBE-FORWARD ${DROP}`);
      return { masquerade: true };
    },
    /^ok of pods: .*lvscare sets/,
  ],
  [
    'in INPUT and FORWARD',
    (fake) => void (fake.iptables = filter(`INPUT ${DROP}`, `FORWARD ${DROP}`)),
    /^warn: .*chain INPUT drops/,
    /^warn of pods: .*chain FORWARD drops/,
  ],
  [
    'nftables, of what is forwarded',
    (fake) => void (fake.ruleset = nftablesAt('forward', invalid, { drop: null })),
    /^warn of pods: nft table inet fw chain more drops/,
  ],
  [
    'only in a comment',
    (fake) =>
      void (fake.iptables = filter('INPUT -m comment --comment "x --ctstate INVALID -j DROP" -j ACCEPT')),
    /^ok/,
  ],
  [
    'all but INVALID',
    (fake) => void (fake.iptables = filter('INPUT -m conntrack ! --ctstate INVALID -j DROP')),
    /^ok/,
  ],
  ['in a circle', (fake) => void (fake.iptables = filter('INPUT -j a', 'a -j b', 'b -j a')), /^ok/],
  [
    'nftables',
    (fake) => void (fake.ruleset = nftables(invalid, { drop: null })),
    /^warn: nft table inet fw chain more drops/,
  ],
  [
    'nftables, a set',
    (fake) =>
      void (fake.ruleset = nftables(
        { match: { op: '==', left: { ct: { key: 'state' } }, right: { set: ['new', 'invalid'] } } },
        { drop: null },
      )),
    /^warn/,
  ],
  [
    'nftables, a map',
    (fake) =>
      void (fake.ruleset = nftables({
        vmap: {
          key: { ct: { key: 'state' } },
          data: {
            set: [
              ['established', { accept: null }],
              ['invalid', { drop: null }],
            ],
          },
        },
      })),
    /^warn/,
  ],
  ['nftables, counted only', (fake) => void (fake.ruleset = nftables(invalid, { counter: null })), /^ok/],
  [
    'nftables of the other family',
    (fake) => {
      fake.ruleset = JSON.parse(
        JSON.stringify(nftables(invalid, { drop: null })).replaceAll('inet', 'ip6'),
      ) as unknown;
    },
    /^ok/,
  ],
  ['nonsense', (fake) => void (fake.ruleset = { nftables: 'x' }), /^ok/],
  [
    'tracked',
    (fake) => {
      fake.iptables = filter(`INPUT ${DROP}`);
      fake.files[TRACKED] = '1\n';
    },
    /^ok: .*with net\.ipv4\.vs\.conntrack=1: answers/,
  ],
  [
    'masqueraded',
    (fake) => {
      fake.iptables = filter(`INPUT ${DROP}`);
      return { masquerade: true };
    },
    /^ok: .*lvscare sets/,
  ],
  [
    'not to be read',
    (fake) => void (fake.iptables.failures = [new Error('iptables-save: status 4')]),
    /^warn: iptables-save: status 4/,
  ],
]);
