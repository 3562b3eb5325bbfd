import { checkFirewall } from '../../src/doctor/check-firewall.js';
import { table, well } from './check-table.js';
import type { NftRuleset } from '../../src/doctor/ports.js';
import { type FakeNode } from './fake-node.js';

const filter = (...rules: string[]): FakeNode['iptables'] => ({
  variants: [
    {
      command: 'iptables-nft',
      tables: [
        {
          name: 'filter',
          chains: [],
          policies: {},
          rules: rules.map((rule) => {
            const [, chain = '', specification = ''] = /^(\S+) (.*)$/.exec(rule) ?? [];
            return { chain, specification };
          }),
        },
      ],
    },
  ],
  failures: [],
  unknown: [],
});
const DROP = '-m conntrack --ctstate INVALID -j DROP';
const nftablesAt = (hook: string, policy: string, ...expr: unknown[]): NftRuleset => ({
  kind: 'listed',
  ruleset: {
    nftables: [
      { metainfo: { version: '1.0.6' } },
      { chain: { family: 'inet', table: 'fw', name: 'in', type: 'filter', hook, policy } },
      { chain: { family: 'inet', table: 'fw', name: 'more' } },
      { rule: { family: 'inet', table: 'fw', chain: 'in', expr: [{ jump: { target: 'more' } }] } },
      { rule: { family: 'inet', table: 'fw', chain: 'more', expr } },
    ],
  },
});
/** A rule of iptables-nft, as nft shows it: its match by name alone. */
const ofIptables = (): NftRuleset =>
  JSON.parse(
    JSON.stringify(
      nftables({ xt: { type: 'match', name: 'conntrack' } }, { counter: null }, { drop: null }),
    ).replaceAll(/inet|fw/g, (word) => (word === 'fw' ? 'filter' : 'ip')),
  ) as NftRuleset;
const nftables = (...expr: unknown[]): NftRuleset => nftablesAt('input', 'accept', ...expr);
/** The same tables, as if a chain had the policy DROP. */
const policyOf = (
  chain: string,
  { variants: [variant], ...rest }: FakeNode['iptables'],
): FakeNode['iptables'] => ({
  ...rest,
  variants:
    variant === undefined
      ? []
      : [{ ...variant, tables: variant.tables.map((one) => ({ ...one, policies: { [chain]: 'DROP' } })) }],
});
const ESTABLISHED = '-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT';
const established = {
  match: { op: 'in', left: { ct: { key: 'state' } }, right: ['established', 'related'] },
};
const invalid = { match: { op: 'in', left: { ct: { key: 'state' } }, right: 'invalid' } };
const TRACKED = '/proc/sys/net/ipv4/vs/conntrack';
table('firewall', checkFirewall, [
  ['nothing to see', well, 'ok: the kernel has no firewall rules'],
  [
    'harmless rules',
    (fake) => void (fake.iptables = filter('INPUT -j ACCEPT', `OUTPUT ${DROP}`)),
    /^ok: no rule or policy drops/,
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
    /^ok of pods: .*the answers of real servers are tracked, because net\.ipv4\.vs\.conntrack is 1/,
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
    (fake) => void (fake.nftRuleset = nftablesAt('forward', 'accept', invalid, { drop: null })),
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
    (fake) => void (fake.nftRuleset = nftables(invalid, { drop: null })),
    /^warn: nft table inet fw chain more drops/,
  ],
  [
    'nftables, a set',
    (fake) =>
      void (fake.nftRuleset = nftables(
        { match: { op: '==', left: { ct: { key: 'state' } }, right: { set: ['new', 'invalid'] } } },
        { drop: null },
      )),
    /^warn/,
  ],
  [
    'nftables, a map',
    (fake) =>
      void (fake.nftRuleset = nftables({
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
  ['nftables, counted only', (fake) => void (fake.nftRuleset = nftables(invalid, { counter: null })), /^ok/],
  [
    'nftables of the other family',
    (fake) => {
      fake.nftRuleset = JSON.parse(
        JSON.stringify(nftables(invalid, { drop: null })).replaceAll('inet', 'ip6'),
      ) as FakeNode['nftRuleset'];
    },
    /^ok/,
  ],
  [
    'nonsense',
    (fake) => void (fake.nftRuleset = { kind: 'listed', ruleset: { nftables: 'x' } }),
    /^skip: rules of nftables cannot be listed: the output of nft/,
  ],
  // As nft 1.0.6 lists `ct state & (established | related) == 0`.
  [
    'nftables, none of several states',
    (fake) =>
      void (fake.nftRuleset = nftables(
        { match: { op: '!', left: { ct: { key: 'state' } }, right: ['established', 'related'] } },
        { drop: null },
      )),
    /^warn: nft table inet fw chain more drops incoming INVALID/,
  ],
  [
    'rules of iptables-nft, where only nft is installed, which shows their matches by name alone',
    (fake) => void (fake.nftRuleset = ofIptables()),
    'skip: rules of iptables in nft table ip filter cannot be listed: iptables-nft-save is not installed',
  ],
  [
    'rules of iptables-nft that iptables-nft-save has listed',
    (fake) => {
      fake.iptables = filter('INPUT -j ACCEPT');
      fake.nftRuleset = ofIptables();
    },
    /^ok/,
  ],
  [
    'tracked',
    (fake) => {
      fake.iptables = filter(`INPUT ${DROP}`);
      fake.files[TRACKED] = '1\n';
    },
    /^ok: .*the answers of real servers are tracked, because net\.ipv4\.vs\.conntrack is 1/,
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
    'in PREROUTING',
    (fake) => void (fake.iptables = filter(`PREROUTING ${DROP}`)),
    /^warn: iptables-nft -t filter chain PREROUTING drops incoming INVALID/,
  ],
  [
    'nftables, in prerouting',
    (fake) => void (fake.nftRuleset = nftablesAt('prerouting', 'accept', invalid, { drop: null })),
    /^warn: nft table inet fw chain more drops incoming INVALID/,
  ],
  [
    'a policy, where only ESTABLISHED is accepted',
    (fake) =>
      void (fake.iptables = policyOf('INPUT', filter('INPUT -i lo -j ACCEPT', `INPUT ${ESTABLISHED}`))),
    /^warn: the policy of iptables-nft -t filter chain INPUT drops incoming INVALID/,
  ],
  [
    'a last rule, where only ESTABLISHED is accepted',
    (fake) => void (fake.iptables = filter(`INPUT ${ESTABLISHED}`, 'INPUT -j REJECT --reject-with icmp-x')),
    /^warn: iptables-nft -t filter chain INPUT drops incoming INVALID/,
  ],
  [
    'a policy, where the network of the real servers is accepted',
    (fake) =>
      void (fake.iptables = policyOf(
        'INPUT',
        filter(`INPUT ${ESTABLISHED}`, 'INPUT -s 10.0.0.0/8 -j ACCEPT'),
      )),
    /^ok/,
  ],
  [
    'a policy, where the ports of clients are accepted',
    (fake) =>
      void (fake.iptables = policyOf(
        'INPUT',
        filter(`INPUT ${ESTABLISHED}`, 'INPUT -p tcp -m tcp --sport 6443 --dport 1024:65535 -j ACCEPT'),
      )),
    /^ok/,
  ],
  [
    'a policy, where a set that is not known may be accepted',
    (fake) =>
      void (fake.iptables = policyOf(
        'INPUT',
        filter(`INPUT ${ESTABLISHED}`, 'INPUT -m set --match-set friends src -j ACCEPT'),
      )),
    /^warn: the policy of \S+ -t filter chain INPUT may drop incoming INVALID/,
  ],
  [
    'a policy that drops all: no matter of states',
    (fake) => void (fake.iptables = policyOf('INPUT', filter('INPUT -p udp -j ACCEPT'))),
    /^ok/,
  ],
  [
    'a policy of OUTPUT',
    (fake) =>
      void (fake.iptables = policyOf('OUTPUT', filter('OUTPUT -m state --state NEW,ESTABLISHED -j ACCEPT'))),
    /^warn of requests: the policy of iptables-nft -t filter chain OUTPUT drops outgoing UNTRACKED packets, and with them the requests/,
  ],
  [
    'a policy of FORWARD',
    (fake) => void (fake.iptables = policyOf('FORWARD', filter(`FORWARD ${ESTABLISHED}`))),
    /^warn of pods: the policy of iptables-nft -t filter chain FORWARD drops forwarded INVALID/,
  ],
  [
    'nftables, a policy',
    (fake) => void (fake.nftRuleset = nftablesAt('input', 'drop', established, { accept: null })),
    /^warn: the policy of nft table inet fw chain in drops incoming INVALID/,
  ],
  [
    'nftables, a policy, where the servers are accepted',
    (fake) =>
      void (fake.nftRuleset = nftablesAt(
        'input',
        'drop',
        {
          match: {
            op: '==',
            left: { payload: { protocol: 'ip', field: 'saddr' } },
            right: { prefix: { addr: '10.0.0.0', len: 24 } },
          },
        },
        {
          match: {
            op: '==',
            left: { payload: { protocol: 'tcp', field: 'sport' } },
            right: { set: [22, 6443] },
          },
        },
        { accept: null },
      )),
    /^ok/,
  ],
  [
    'a policy, tracked',
    (fake) => {
      fake.iptables = policyOf('INPUT', filter(`INPUT ${ESTABLISHED}`));
      fake.files[TRACKED] = '1\n';
    },
    /^ok: .*are tracked, because net\.ipv4\.vs\.conntrack is 1/,
  ],
  [
    'no nft to list them',
    (fake) => {
      fake.iptables = filter('INPUT -j ACCEPT');
      fake.nftRuleset = { kind: 'unknown', why: 'rules of nftables cannot be listed: nft is not installed' };
    },
    'skip: rules of nftables cannot be listed: nft is not installed',
  ],
  [
    'no iptables to list them',
    (fake) => void (fake.iptables.unknown = ['iptables-legacy-save is not installed']),
    'skip: iptables-legacy-save is not installed',
  ],
  [
    'not to be read',
    (fake) => void (fake.iptables.failures = [new Error('iptables-save: status 4')]),
    /^warn: iptables-save: status 4/,
  ],
]);
