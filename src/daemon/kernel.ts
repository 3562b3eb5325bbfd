/** The kernel's side of `lvscare care`, composed: our virtual server and the way to it. */
import { release } from 'node:os';
import type { Logger } from 'pino';
import { dryConnections, dryTable, dryUpkeep } from '../control-loop/dry-run.js';
import type {
  ClientConnections,
  Leftovers,
  Upkeep,
  VirtualServerTable,
  Work,
} from '../control-loop/ports.js';
import type { CareConfig } from '../config/care-config.js';
import type { Endpoint } from '../values/endpoint.js';
import { ipvsTable } from '../ipvs/ipvs-table.js';
import { clientConnections } from '../ipvs/client-connections.js';
import { isDummy } from '../host/dummy-interface.js';
import { goLeftovers } from '../go-migration/go-leftovers.js';
import { masquerade, noMasquerade } from '../host/masquerade.js';
import { nftProgram } from '../host/nft.js';
import { nodeAddress, type NodeAddress } from '../host/node-address.js';
import { ownServers } from '../host/own-servers.js';
import { OwnershipJournal } from '../state/ownership-journal.js';
import { ownershipStore, type OwnershipRecord, type OwnershipStore } from '../state/ownership-store.js';
import { isNeeded, othersInUse } from '../state/recorded-virtual-servers.js';
import { runDirectory } from '../state/run-directory.js';
import { sysctlValues } from '../state/sysctl-values.js';
import { supersededMode } from '../host/superseded-mode.js';
import { sysctl } from '../host/sysctl.js';
import { EVERY_SYSCTL, sysctlsFor } from '../host/wanted-sysctls.js';
import { resourcesOf, sameMode, type ReachMode } from '../host/reach-mode.js';
import type { Ipvs, Rtnetlink } from '../netlink/index.js';

export interface KernelHandles {
  readonly ipvs: Ipvs;
  readonly rtnetlink: Rtnetlink;
}

/**
 * What is kept so while we take care, in the order in which it is made.
 *
 * @param onNodeAddress Hears NODE_IP, when it is first known and when it changes.
 */
export async function composeUpkeep(
  config: CareConfig,
  log: Logger,
  handles: KernelHandles,
  onNodeAddress: (address: string) => void,
): Promise<{
  readonly table: VirtualServerTable;
  readonly connections: ClientConnections;
  readonly upkeeps: readonly Upkeep[];
}> {
  const { virtualServer, dryRun } = config;
  const { ipvs, rtnetlink } = handles;
  const mode = modeOf(config);
  const directory = runDirectory();
  const onFailure = onFailureOnce(log);
  const store = ownershipStore(directory);
  const record = await recordOf(config, store);
  const journal = new OwnershipJournal(record, store, onFailure);
  const earlierModes = record.modes.filter((other) => !sameMode(mode, other));
  if (!dryRun) await journal.addMode(mode);

  const address = nodeAddressTold(config, log, rtnetlink, onNodeAddress);
  const nft = nftProgram();
  // Without masquerading the node need not have nft.
  const onNoNft = notLooked(log, 'debug');
  const table = ipvsTable(ipvs, virtualServer);
  const isStillNeeded = async (other: ReachMode): Promise<boolean> =>
    isNeeded(other, virtualServer.address, await othersInUse(store, virtualServer, ipvs));
  const going = new Set(earlierModes);
  const goesSoon = async (index: number): Promise<boolean> => {
    for (const other of going)
      if (other.mode === 'link' && (await isDummy(rtnetlink, other.iface, index)))
        return !(await isStillNeeded(other));
    return false;
  };
  const current = resourcesOf(mode, rtnetlink, virtualServer, address, goesSoon);
  const isSetUp = async (): Promise<boolean> => {
    for (const upkeep of current) if ((await upkeep.check()) !== null) return false;
    return (await table.find()) !== null;
  };
  const values = sysctlValues(directory, onFailure);
  const upkeeps = [
    ...(config.sysctl ? sysctlsFor(config, release()) : []).map((spec) => sysctl(spec, values)),
    config.masquerade ? masquerade(nft, virtualServer) : noMasquerade(nft, virtualServer, onNoNft),
    ...current,
    ...earlierModes.map((other) =>
      supersededMode(
        resourcesOf(other, rtnetlink, virtualServer, address),
        async () => (await isSetUp()) && !(await isStillNeeded(other)),
        async () => {
          going.delete(other);
          if (!dryRun) await journal.dropMode(other);
        },
      ),
    ),
  ];
  return dryRun
    ? { table: dryTable(table), connections: dryConnections, upkeeps: upkeeps.map(dryUpkeep) }
    : { table, connections: clientConnections(virtualServer), upkeeps };
}

/** Everything that is ours of a virtual server, whatever made it, and nothing of another one. */
export async function composeClean(
  config: CareConfig,
  log: Logger,
  { ipvs, rtnetlink }: KernelHandles,
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
  const all: readonly ReachMode[] = [...modes, { mode: 'local' }, { mode: 'route' }, { mode: 'link', iface }];
  // The user must know what was not checked.
  const onNoNft = notLooked(log, 'warn');
  // Sysctls apply to all virtual servers: the last one that goes restores them.
  const values = sysctlValues(directory, onFailureOnce(log));
  const sysctls = others.length === 0 ? EVERY_SYSCTL.map((spec) => sysctl(spec, values)) : [];
  return {
    works: [
      ...sysctls,
      ipvsTable(ipvs, virtualServer),
      noMasquerade(nftProgram(), virtualServer, onNoNft),
      ...all
        .filter((mode) => !isNeeded(mode, virtualServer.address, others))
        .flatMap((mode) => resourcesOf(mode, rtnetlink, virtualServer, () => Promise.resolve(''))),
    ],
    leftovers: [
      goLeftovers(virtualServer, (words) => {
        log.debug(words);
      }),
    ],
    forget: () => store.forget(virtualServer),
  };
}

/** The record of our virtual server, with today's real servers if there are any. */
async function recordOf(
  { virtualServer, realServers }: CareConfig,
  store: OwnershipStore,
): Promise<OwnershipRecord> {
  const found = await store.find(virtualServer);
  return {
    virtualServer,
    realServers: realServers.length > 0 ? texts(realServers) : (found?.realServers ?? []),
    modes: found?.modes ?? [],
  };
}

function modeOf({ mode, iface }: CareConfig): ReachMode {
  return mode === 'link' ? { mode, iface } : { mode };
}

function texts(servers: readonly Endpoint[]): readonly string[] {
  return servers.map(({ text }) => text);
}

function notLooked(log: Logger, level: 'debug' | 'warn'): (error: Error) => void {
  return ({ message }) => {
    log[level]({ event: 'not-looked' }, `the masquerade table was not checked: ${message}`);
  };
}

/** Logs once that state cannot be saved. */
function onFailureOnce(log: Logger): (error: Error) => void {
  let told = false;
  return (error) => {
    if (!told)
      log.warn(
        { event: 'forgetful', err: error },
        `cannot save state: ${error.message}; --clean will only find what matches its own options`,
      );
    told = true;
  };
}

/** NODE_IP, and where it is from. Rejects when nothing tells. */
export function findNodeAddress(config: CareConfig, rtnetlink: Rtnetlink): Promise<NodeAddress> {
  return nodeAddress(rtnetlink, {
    given: config.nodeAddress,
    family: config.virtualServer.family,
    realServers: config.realServers,
  });
}

/** NODE_IP, looked up each time, with a line in the log when it is first known and when it changes, and what follows. */
function nodeAddressTold(
  config: CareConfig,
  log: Logger,
  rtnetlink: Rtnetlink,
  onChange: (address: string) => void,
): () => Promise<string> {
  let told: NodeAddress | null = null;
  const warned = new Set<string>();
  return async () => {
    const found = await findNodeAddress(config, rtnetlink);
    if (found.address !== told?.address) {
      log.info(
        { event: 'node-address', nodeAddress: found.address, from: found.from },
        `this node is ${found.address} (${found.from})`,
      );
      told = found;
      onChange(found.address);
      if (config.mode === 'route') await warnOfOwnServers();
    }
    return found.address;
  };

  /** Once the network is there: only then the kernel knows its own addresses. */
  async function warnOfOwnServers(): Promise<void> {
    const own = texts(await ownServers(rtnetlink, config.realServers)).filter((text) => !warned.has(text));
    for (const text of own) warned.add(text);
    if (own.length > 0)
      log.warn(
        { event: 'own-servers', rs: own },
        `mode "route" cannot reach ${own.join(', ')}, because ${own.length === 1 ? 'it runs' : 'they run'} on this node: local clients sent there will fail; use --mode local or link`,
      );
  }
}
