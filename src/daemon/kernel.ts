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
import { endpointIn } from '../config/endpoint.js';
import type { Endpoint } from '../values/endpoint.js';
import { ipvsTable } from '../ipvs/ipvs-table.js';
import { clientConnections } from '../ipvs/client-connections.js';
import { isDummy } from '../host/dummy-interface.js';
import { goLeftovers } from '../go-migration/go-leftovers.js';
import { leftover } from '../host/superseded-mode.js';
import { masquerade, noMasquerade } from '../host/masquerade.js';
import { nftProgram } from '../host/nft.js';
import { nodeAddress, type NodeAddress } from '../host/node-address.js';
import { ownServers } from '../host/own-servers.js';
import { bequeath, OwnRecord } from '../state/ownership-journal.js';
import { records, type Records } from '../state/ownership-store.js';
import { besides, isNeeded, rememberedOf, stillThere, type Remembered } from '../state/recorded-virtual-servers.js';
import { sysctl } from '../host/sysctl.js';
import { EVERY_SYSCTL, sysctlsFor } from '../host/wanted-sysctls.js';
import { sameWay, upkeepsOf, type Way } from '../host/reach-mode.js';
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
  const { virtualServer, realServers, dryRun } = config;
  const { ipvs, rtnetlink } = handles;
  const way = wayOf(config);
  const kept = records();
  const all = await rememberedIn(kept);
  const own = rememberedOf(virtualServer, realServers, all);
  const othersNow = async (): Promise<readonly Remembered[]> =>
    stillThere(besides(virtualServer, await rememberedIn(kept)), ipvs);
  const record = new OwnRecord({ ...own, virtualServer: virtualServer.text }, kept, onFailureOnce(log));
  const earlierWays = record.ways.filter((other) => !sameWay(way, other));
  if (!dryRun) await record.addWay(way);

  const address = nodeAddressTold(config, log, rtnetlink, onNodeAddress);
  const nft = nftProgram();
  // Who never masqueraded need not have nft.
  const onNoNft = notLooked(log, 'debug');
  const table = ipvsTable(ipvs, virtualServer);
  const isStillNeeded = async (other: Way): Promise<boolean> =>
    isNeeded(other, virtualServer.address, await othersNow());
  const going = new Set(earlierWays);
  const goesSoon = async (index: number): Promise<boolean> => {
    for (const other of going)
      if (other.mode === 'link' && (await isDummy(rtnetlink, other.iface, index)))
        return !(await isStillNeeded(other));
    return false;
  };
  const today = upkeepsOf(way, rtnetlink, virtualServer, address, goesSoon);
  const todayStands = async (): Promise<boolean> => {
    for (const upkeep of today) if ((await upkeep.check()) !== null) return false;
    return (await table.find()) !== null;
  };
  const upkeeps = [
    ...(config.sysctl ? sysctlsFor(config, release()) : []).map((spec) => sysctl(spec, record)),
    config.masquerade ? masquerade(nft, virtualServer) : noMasquerade(nft, virtualServer, onNoNft),
    ...today,
    ...earlierWays.map((other) =>
      leftover(
        'earlier way',
        upkeepsOf(other, rtnetlink, virtualServer, address),
        async () => (await todayStands()) && !(await isStillNeeded(other)),
        async () => {
          going.delete(other);
          if (!dryRun) await record.dropWay(other);
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
  { virtualServer, realServers, iface }: CareConfig,
  log: Logger,
  { ipvs, rtnetlink }: KernelHandles,
): Promise<{
  readonly works: readonly Work[];
  readonly leftovers: readonly Leftovers[];
  readonly forget: () => Promise<void>;
}> {
  const kept = records();
  const all = await rememberedIn(kept);
  const own = rememberedOf(virtualServer, realServers, all);
  const staying = await stillThere(besides(virtualServer, all), ipvs);
  const ways: readonly Way[] = [...own.ways, { mode: 'local' }, { mode: 'route' }, { mode: 'link', iface }];
  // Who cleans up is to know what was not looked for.
  const onNoNft = notLooked(log, 'warn');
  // They rule all virtual servers: who stays has them put back when it goes.
  const [heir] = staying;
  const memory = {
    valueBefore: (name: string) => own.sysctls[name] ?? null,
    rememberValue: () => Promise.resolve(false),
    forgetValue: nothing,
  };
  const sysctls = heir === undefined ? EVERY_SYSCTL.map((spec) => sysctl(spec, memory)) : [];
  return {
    works: [
      ...sysctls,
      ipvsTable(ipvs, virtualServer),
      noMasquerade(nftProgram(), virtualServer, onNoNft),
      ...ways
        .filter((way) => !isNeeded(way, virtualServer.address, staying))
        .flatMap((way) => upkeepsOf(way, rtnetlink, virtualServer, () => Promise.resolve(''))),
    ],
    leftovers: [
      goLeftovers(virtualServer, (words) => {
        log.debug(words);
      }),
    ],
    async forget() {
      if (heir !== undefined)
        await bequeath(kept, heir.virtualServer.text, own.sysctls).catch(onFailureOnce(log));
      await kept.forget(virtualServer.text);
    },
  };
}

/** Somebody may have edited a record, and nobody is to be kept from taking care by that. */
async function rememberedIn(kept: Records): Promise<readonly Remembered[]> {
  return (await kept.list()).flatMap((made) => {
    const virtualServer = endpointIn(made.virtualServer);
    return virtualServer === null ? [] : [{ ...made, virtualServer }];
  });
}

function wayOf({ mode, iface }: CareConfig): Way {
  return mode === 'link' ? { mode, iface } : { mode };
}

function texts(servers: readonly Endpoint[]): readonly string[] {
  return servers.map(({ text }) => text);
}

const nothing = (): Promise<void> => Promise.resolve();

function notLooked(log: Logger, level: 'debug' | 'warn'): (error: Error) => void {
  return ({ message }) => {
    log[level]({ event: 'not-looked' }, `no masquerade table was looked for: ${message}`);
  };
}

/** Says once that what we make is not remembered. */
function onFailureOnce(log: Logger): (error: Error) => void {
  let told = false;
  return (error) => {
    if (!told)
      log.warn(
        { event: 'forgetful', err: error },
        `cannot remember what is made here: ${error.message}; --clean will remove what its own options name`,
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
        `mode route does not lead to ${own.join(', ')}, on this node itself: its own clients that are given to it fail; use --mode local or link`,
      );
  }
}
