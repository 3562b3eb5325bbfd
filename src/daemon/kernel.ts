/** The kernel's side of `lvscare care`, composed: our virtual server and the way to it. */
import { release } from 'node:os';
import type { Logger } from 'pino';
import { dryConnections, dryTable, dryResource } from '../control-loop/dry-run.js';
import type { Emit } from '../control-loop/events.js';
import type {
  ClientConnections,
  Leftovers,
  HostResource,
  VirtualServerTable,
  Work,
} from '../control-loop/ports.js';
import type { UnitConfig, VirtualServerConfig } from '../config/care-config.js';
import { endpoint, type Endpoint } from '../values/endpoint.js';
import { KernelError } from '../values/errors.js';
import { ipvsTable } from '../ipvs/ipvs-table.js';
import { clientConnections } from '../ipvs/client-connections.js';
import { isDummy } from '../host/dummy-interface.js';
import { changedTcpTimeout, ipvsTcpTimeout } from '../host/ipvs-tcp-timeout.js';
import { goLeftovers } from '../go-migration/go-leftovers.js';
import { masquerade, noMasquerade } from '../host/masquerade.js';
import { rulesetGeneration } from '../host/nft.js';
import type { NftRuleset } from '../host/nft-ruleset.js';
import { nodeAddress, type NodeAddress } from '../host/node-address.js';
import { ownInterface } from '../host/own-address.js';
import { ownServers } from '../host/own-servers.js';
import { lastGoodList } from '../state/last-good-list.js';
import { OwnershipJournal } from '../state/ownership-journal.js';
import { ownershipStore, type OwnershipRecord, type OwnershipStore } from '../state/ownership-store.js';
import { isNeeded, othersInUse } from '../state/recorded-virtual-servers.js';
import { runDirectory } from '../state/run-directory.js';
import { earlierValues } from '../state/earlier-values.js';
import { supersededMode } from '../host/superseded-mode.js';
import { noSegmentSize, segmentSize } from '../host/segment-size.js';
import { noSilence, silence } from '../host/silence.js';
import { sysctl } from '../host/sysctl.js';
import { EVERY_SYSCTL, sysctlsFor } from '../host/wanted-sysctls.js';
import { resourcesOf, sameMode, type ReachMode } from '../host/reach-mode.js';
import { isIpvsMissing, type Ipvs, type Rtnetlink, type Service } from '../netlink/index.js';
import { systemClock } from './clock.js';

export interface KernelHandles {
  readonly ipvs: Ipvs;
  readonly rtnetlink: Rtnetlink;
  /** Of all virtual servers of this process. */
  readonly ruleset: NftRuleset;
}

/** What is known of NODE_IP, so that it is reported once. */
export interface KnownNodeAddress {
  found: NodeAddress | null;
  /** The real servers that are on this node, by their text. */
  readonly ownServers: Set<string>;
}

/** What the control loop keeps, in the order in which it is created. Also for new settings of a virtual server that is kept already. */
export async function composeKernel(
  config: UnitConfig,
  emit: Emit,
  handles: KernelHandles,
  known: KnownNodeAddress = { found: null, ownServers: new Set() },
): Promise<{
  readonly table: VirtualServerTable;
  readonly connections: ClientConnections;
  readonly resources: readonly HostResource[];
  readonly ownServers: (servers: readonly Endpoint[]) => Promise<readonly Endpoint[]>;
}> {
  const { virtualServer, dryRun } = config;
  const { ipvs, rtnetlink, ruleset } = handles;
  const mode = modeOf(config);
  const directory = runDirectory();
  const onFailure = (error: Error): void => {
    emit({ kind: 'state-not-saved', what: 'ownership', error });
  };
  const store = ownershipStore(directory);
  const record = await recordOf(config, store);
  const journal = new OwnershipJournal(record, store, onFailure);
  const earlierModes = record.modes.filter((other) => !sameMode(mode, other));
  if (!dryRun) await journal.addMode(mode);

  const address = observedNodeAddress(config, emit, rtnetlink, known);
  const onNoNft = (error: Error): void => {
    emit({ kind: 'nft-missing', error });
  };
  const table = ipvsTable(ipvs, virtualServer);
  const isStillNeeded = async (other: ReachMode): Promise<boolean> =>
    isNeeded(other, virtualServer.address, await othersInUse(store, virtualServer, ipvs));
  const going = new Set(earlierModes);
  const isGoing = async (index: number): Promise<boolean> => {
    for (const other of going)
      if (other.mode === 'link' && (await isDummy(rtnetlink, other.iface, index)))
        return !(await isStillNeeded(other));
    return false;
  };
  const current = resourcesOf(mode, rtnetlink, virtualServer, address, isGoing);
  const isSetUp = async (): Promise<boolean> => {
    for (const resource of current) if ((await resource.verify()) !== null) return false;
    return (await table.find()) !== null;
  };
  const { ipvsTcpTimeoutS } = config;
  const values = earlierValues(directory, 'sysctl', onFailure);
  const resources = [
    ...(config.sysctl ? sysctlsFor(config, release()) : []).map((spec) => sysctl(spec, values)),
    ...(config.masquerade ? [masquerade(ruleset, virtualServer)] : []),
    ...(ipvsTcpTimeoutS === null
      ? []
      : [
          ipvsTcpTimeout(ipvs, ipvsTcpTimeoutS, earlierValues(directory, 'timeout', onFailure), () =>
            systemClock.now(),
          ),
        ]),
    silence(
      ruleset,
      mode,
      virtualServer,
      () => ownInterface(rtnetlink, virtualServer, dummiesOf(config, record)),
      onNoNft,
    ),
    segmentSize(ruleset, virtualServer, config.realServers),
    ...current,
    ...(config.masquerade ? [] : [noMasquerade(ruleset, virtualServer, onNoNft)]),
    ...earlierModes.map((other) =>
      supersededMode(
        other,
        resourcesOf(other, rtnetlink, virtualServer, address),
        async () => (await isSetUp()) && !(await isStillNeeded(other)),
        async () => {
          going.delete(other);
          if (!dryRun) await journal.dropMode(other);
        },
      ),
    ),
  ];
  const own = (servers: readonly Endpoint[]): Promise<readonly Endpoint[]> => ownServers(rtnetlink, servers);
  return dryRun
    ? {
        table: dryTable(table),
        connections: dryConnections,
        resources: resources.map(dryResource),
        ownServers: own,
      }
    : { table, connections: clientConnections(virtualServer), resources, ownServers: own };
}

/** Everything that is ours of a virtual server, whatever made it, and nothing of another one. */
export async function composeClean(
  config: VirtualServerConfig,
  log: Logger,
  { ipvs, rtnetlink, ruleset }: KernelHandles,
): Promise<{
  readonly works: readonly Work[];
  readonly leftovers: readonly Leftovers[];
  readonly forget: () => Promise<void>;
}> {
  const { virtualServer, iface } = config;
  const directory = runDirectory();
  const store = ownershipStore(directory);
  const { modes } = await recordOf(config, store);
  const others = await othersInUse(store, virtualServer, ipvs);
  const possible: readonly ReachMode[] = [{ mode: 'local' }, { mode: 'route' }, { mode: 'link', iface }];
  const all = [...modes, ...possible.filter((one) => !modes.some((other) => sameMode(one, other)))];
  // An lvscare with nft may have run here, in a pod: each change of nftables counts up from 1.
  const mayHaveTables = (await store.find(virtualServer)) !== null && (rulesetGeneration() ?? 0) > 1;
  const onNoNft = ({ message }: Error, table: string): void => {
    if (mayHaveTables)
      throw new KernelError(`${table} was not looked for, and may be left: ${message}`, null);
    log.warn({ event: 'clean' }, `${table} was not looked for: ${message}`);
  };
  const onFailure = ({ message }: Error): void => {
    log.warn({ event: 'clean' }, `cannot save state: ${message}`);
  };
  // They apply to all virtual servers: the last one that goes restores them.
  const values = earlierValues(directory, 'sysctl', onFailure);
  const shared: readonly Work[] = [
    ...EVERY_SYSCTL.map((spec) => sysctl(spec, values)),
    changedTcpTimeout(ipvs, earlierValues(directory, 'timeout', onFailure)),
  ];
  const stranger = await strangersService(ipvs, virtualServer);
  return {
    works: [
      ...(others.length === 0 && stranger === null ? shared : []),
      ipvsTable(ipvs, virtualServer),
      noMasquerade(ruleset, virtualServer, onNoNft),
      noSilence(ruleset, virtualServer, onNoNft),
      noSegmentSize(ruleset, virtualServer, onNoNft),
      lastGoodList(virtualServer.text, Date.now),
      ...all
        .filter((mode) => !isNeeded(mode, virtualServer.address, others))
        .flatMap((mode) => resourcesOf(mode, rtnetlink, virtualServer, () => Promise.resolve(''))),
    ],
    leftovers: [
      ...(others.length === 0 && stranger !== null ? [keeping(shared, stranger)] : []),
      goLeftovers(virtualServer, (words) => {
        log.debug(words);
      }),
    ],
    forget: () => store.forget(virtualServer),
  };
}

/** Why settings that all virtual servers share may still be in use when our virtual server is gone, or null if they are not. */
async function strangersService(ipvs: Ipvs, own: Endpoint): Promise<string | null> {
  try {
    const services = await ipvs.listServices();
    const other = services.find((service) => serviceText(service) !== own.text);
    return other === undefined ? null : `another program's virtual server ${serviceText(other)} may need it`;
  } catch (error) {
    if (isIpvsMissing(error)) return null;
    return `other virtual servers cannot be listed: ${(error as Error).message}`;
  }
}

/** As `ipvsadm` names it. */
function serviceText({ key }: Service): string {
  if ('fwmark' in key) return `FWM ${key.fwmark}`;
  const { text } = endpoint(key.address.includes(':') ? 'ipv6' : 'ipv4', key.address, key.port);
  if (key.protocol === 'tcp') return text;
  return typeof key.protocol === 'number' ? `protocol ${key.protocol} ${text}` : `${key.protocol} ${text}`;
}

/** Leaves these as they are, and says why. */
function keeping(works: readonly Work[], why: string): Leftovers {
  const find: Leftovers['find'] = async () => {
    const found = await Promise.all(works.map((work) => work.find()));
    return {
      taken: [],
      left: found.flatMap((what) => (what === null ? [] : `${what}: ${why}`)),
      failures: [],
    };
  };
  return { find, remove: find };
}

/** The record of our virtual server, with today's real servers if there are any. */
async function recordOf(
  { virtualServer, realServers }: VirtualServerConfig,
  store: OwnershipStore,
): Promise<OwnershipRecord> {
  const found = await store.find(virtualServer);
  return {
    virtualServer,
    realServers: realServers.length > 0 ? realServers.map(({ text }) => text) : (found?.realServers ?? []),
    modes: found?.modes ?? [],
  };
}

/** {@link ownInterface}, as of now, before anything is changed. */
export async function findOwnInterface(
  config: VirtualServerConfig,
  rtnetlink: Rtnetlink,
): Promise<string | null> {
  const record = await recordOf(config, ownershipStore(runDirectory()));
  return await ownInterface(rtnetlink, config.virtualServer, dummiesOf(config, record));
}

/** The dummies of mode `link`, also those of earlier starts, and of the Go program, which names them as we do. */
function dummiesOf({ iface }: VirtualServerConfig, { modes }: OwnershipRecord): readonly string[] {
  return [iface, ...modes.flatMap((mode) => (mode.mode === 'link' ? mode.iface : []))];
}

function modeOf({ mode, iface }: VirtualServerConfig): ReachMode {
  return mode === 'link' ? { mode, iface } : { mode };
}

/** NODE_IP, and where it is from. Rejects when nothing tells. */
export function findNodeAddress(config: VirtualServerConfig, rtnetlink: Rtnetlink): Promise<NodeAddress> {
  return nodeAddress(rtnetlink, {
    given: config.nodeAddress,
    virtualServer: config.virtualServer,
    realServers: config.realServers,
  });
}

/** NODE_IP, looked up each time, with an event when it is first known and when it changes. */
function observedNodeAddress(
  config: VirtualServerConfig,
  emit: Emit,
  rtnetlink: Rtnetlink,
  known: KnownNodeAddress,
): () => Promise<string> {
  return async () => {
    const found = await findNodeAddress(config, rtnetlink);
    const { address, from, gone } = found;
    const before = known.found;
    if (address !== before?.address || gone?.address !== before.gone?.address) {
      emit({ kind: 'node-address', address, from, gone });
      known.found = found;
      if (config.mode === 'route') await reportOwnServers();
    }
    return address;
  };

  /** Once the network is there: only then the kernel knows its own addresses. */
  async function reportOwnServers(): Promise<void> {
    const servers = await ownServers(rtnetlink, config.realServers);
    const more = servers.filter(({ text }) => !known.ownServers.has(text));
    for (const { text } of more) known.ownServers.add(text);
    if (more.length > 0) emit({ kind: 'own-servers', servers: more });
  }
}
