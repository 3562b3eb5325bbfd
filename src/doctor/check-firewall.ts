/**
 * Rules and policies that drop packets because connection tracking does not know their connection. Unless IPVS registers its
 * connections with it, the answers of real servers are INVALID to it, and what IPVS sends to them is UNTRACKED.
 */
import { fatesInIptables } from './iptables-rules.js';
import { fatesInNft, unknownInNft } from './nft-rules.js';
import type { Fate, Packet } from './packet-filter.js';
import { about, AS_ROOT, ok, skip, warn, type Said } from './finding.js';
import { textOf, type Node, type Subject } from './ports.js';

const CONNTRACK = 'net.ipv4.vs.conntrack';

/** The packets that a firewall must let pass, and the clients that wait for them. */
const WAYS = {
  answers: {
    about: null,
    hooks: ['prerouting', 'input'],
    state: 'invalid',
    packets: 'incoming INVALID packets',
    which: 'the answers of real servers',
    clients: 'clients on this node',
  },
  requests: {
    about: 'of requests',
    hooks: ['output', 'postrouting'],
    state: 'untracked',
    packets: 'outgoing UNTRACKED packets',
    which: 'the requests to real servers',
    clients: 'clients on this node',
  },
  'answers to pods': {
    about: 'of pods',
    hooks: ['forward'],
    state: 'invalid',
    packets: 'forwarded INVALID packets',
    which: 'the answers of real servers',
    clients: 'clients in pods and behind this node',
  },
} as const;
type Way = keyof typeof WAYS;

export async function checkFirewall(node: Node, subject: Subject): Promise<readonly Said[]> {
  const { files, firewall } = node;
  const { family } = subject.virtualServer;
  const [{ variants, failures, unknown }, nft] = await Promise.all([
    firewall.iptables(family),
    firewall.nftRuleset(),
  ]);
  const tracked = (await textOf(files, `/proc/sys/${CONNTRACK.replaceAll('.', '/')}`))?.trim() === '1';
  // nft shows the matches of iptables-nft only by their names.
  const isListed = (of: string, table: string): boolean =>
    of === (family === 'ipv4' ? 'ip' : 'ip6') &&
    variants.some(
      ({ command, tables }) => command !== 'iptables-legacy' && tables.some(({ name }) => name === table),
    );
  const fatesOf = (packet: Packet, way: Way): readonly Fate[] => {
    const { hooks } = WAYS[way];
    const bases = hooks.map((hook) => hook.toUpperCase());
    return [
      ...variants.flatMap((variant) => fatesInIptables(variant, bases, packet)),
      ...(nft.kind === 'listed' ? fatesInNft(nft.ruleset, family, hooks, packet, isListed) : []),
    ];
  };
  const found: Said[] = [];
  for (const way of Object.keys(WAYS) as Way[]) {
    const packet = await packetOf(way, node, subject);
    const known = fatesOf({ ...packet, state: 'established' }, way);
    const [first] = fatesOf(packet, way).flatMap((fate, index) => harmIn(fate, known[index]) ?? []);
    if (first !== undefined) found.push(judge(first, way, tracked, subject));
  }
  const notRead = [...failures.map(({ message }) => warn(message, AS_ROOT)), ...unknown.map(skip)];
  if (nft.kind === 'unknown') notRead.push(skip(nft.why));
  if (nft.kind === 'listed') notRead.push(...unknownInNft(nft.ruleset, family, isListed).map(skip));
  const hasRules = variants.length > 0 || nft.kind === 'listed';
  if (found.length + notRead.length > 0) return [...found, ...notRead];
  return [
    ok(
      hasRules
        ? 'no rule or policy drops INVALID packets for their state'
        : 'the kernel has no firewall rules',
    ),
  ];
}

async function packetOf(way: Way, { network }: Node, subject: Subject): Promise<Packet> {
  const own = new Set((await network.addresses()).map(({ address }) => address));
  const server = subject.realServers.find(({ address }) => !own.has(address)) ?? subject.realServers[0];
  const address = server?.address ?? null;
  const port = server?.port ?? subject.virtualServer.port;
  const node = (await network.nodeAddress(subject).catch(() => null))?.address ?? null;
  const towards = address === null ? null : await network.interfaceTowards(address);
  const nothing = { inInterface: null, outInterface: null };
  const { state } = WAYS[way];
  if (way === 'requests')
    return {
      ...nothing,
      state,
      source: node,
      destination: address,
      sourcePort: null,
      destinationPort: port,
      outInterface: towards,
    };
  return {
    ...nothing,
    state,
    source: address,
    destination: way === 'answers' ? node : null,
    sourcePort: port,
    destinationPort: null,
    inInterface: towards,
  };
}

/** What drops a packet for its state alone, in words, or null. `known` is the fate of the same packet if its connection is tracked. */
function harmIn(fate: Fate, known: Fate | undefined): string | null {
  const [drop] = fate.drops.filter((words) => known?.drops.includes(words) !== true);
  if (drop !== undefined) return `${drop} ${fate.accepted ? 'may drop' : 'drops'}`;
  const [policy] = fate.drops;
  return !fate.accepted && known?.accepted === true && policy !== undefined ? `${policy} drops` : null;
}

function judge(drops: string, way: Way, tracked: boolean, { masquerade }: Subject): Said {
  const { about: of, packets, which, clients } = WAYS[way];
  const evidence = `${drops} ${packets}`;
  const said =
    tracked || masquerade
      ? ok(
          `${evidence}; ${which} are tracked, because ${tracked ? `${CONNTRACK} is 1` : `lvscare sets ${CONNTRACK}=1`}`,
        )
      : warn(
          `${evidence}, and with them ${which}: ${clients} time out although every probe succeeds`,
          `sysctl -w ${CONNTRACK}=1, or give lvscare --masquerade`,
        );
  return of === null ? said : about(of, said);
}
