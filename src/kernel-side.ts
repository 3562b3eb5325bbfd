/** The kernel's side of `lvscare care`, composed: our virtual server, the way to it, and what is left of others of ours. */
import { release } from 'node:os';
import type { Logger } from 'pino';
import { dryTable, dryUpkeep } from './care/dry-run.js';
import type { Leftovers, Upkeep, VirtualServerTable, Work } from './care/ports.js';
import { systemClock } from './clock.js';
import type { CareConfig } from './config/care-config.js';
import { parseEndpoint } from './config/endpoint.js';
import type { Endpoint } from './core/endpoint.js';
import { ipvsTable } from './kernel/ipvs-table.js';
import { abandoned } from './kernel/abandoned.js';
import { isDummy } from './kernel/dummy-interface.js';
import { goLeftovers } from './kernel/go-leftovers.js';
import { isHeld } from './kernel/hold.js';
import { leftover } from './kernel/leftover.js';
import { masquerade, noMasquerade } from './kernel/masquerade.js';
import { nftProgram } from './kernel/nft.js';
import { nodeAddress, type NodeAddress } from './kernel/node-address.js';
import { ownServers } from './kernel/own-servers.js';
import { bequeath, OwnRecord } from './kernel/record.js';
import { records, type Made, type Records } from './kernel/records.js';
import { sysctl } from './kernel/sysctl.js';
import { EVERY_SYSCTL, sysctlsFor } from './kernel/sysctls.js';
import { sameWay, upkeepsOf, type Way } from './kernel/way.js';
import type { Ipvs, Rtnetlink } from './netlink/index.js';

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
): Promise<{ readonly table: VirtualServerTable; readonly upkeeps: readonly Upkeep[] }> {
  const { virtualServer, realServers, dryRun } = config;
  const { ipvs, rtnetlink } = handles;
  const way = wayOf(config);
  const kept = records();
  const all = (await kept.list()).filter(isPlausible);
  const presentOthers = async (): Promise<readonly Made[]> =>
    present(
      (await kept.list()).filter((made) => isPlausible(made) && made.virtualServer !== virtualServer.text),
      handles,
    );
  const record = new OwnRecord(madeBefore(all, config), kept, onFailureOnce(log));
  const others = all.filter((made) => made.virtualServer !== virtualServer.text);
  const earlier = await Promise.all(
    others
      .filter((made) => tookPlace(made, texts(realServers)))
      .map(async (made) => ({ made, isAbandoned: await abandonment(made, kept) })),
  );
  const earlierWays = record.ways.filter((other) => !sameWay(way, other));
  if (!dryRun) await record.addWay(way);

  const address = nodeAddressTold(config, log, rtnetlink, onNodeAddress);
  const nft = nftProgram();
  // Who never masqueraded need not have nft.
  const onNoNft = notLooked(log, 'debug');
  const table = ipvsTable(ipvs, virtualServer);
  const isNeeded = async (other: Way): Promise<boolean> =>
    needs(await presentOthers(), virtualServer.address, other);
  const going = new Set(earlierWays);
  const goesSoon = async (index: number): Promise<boolean> => {
    for (const other of going)
      if (other.mode === 'link' && (await isDummy(rtnetlink, other.iface, index)))
        return !(await isNeeded(other));
    return false;
  };
  const today = upkeepsOf(way, rtnetlink, virtualServer, address, goesSoon);
  const todayStands = async (): Promise<boolean> => {
    for (const upkeep of today) if ((await upkeep.check()) !== null) return false;
    return (await table.find()) !== null;
  };
  const staying = others.filter((made) => !earlier.some((one) => one.made === made));
  const keepers = [...(await present(staying, handles)), { virtualServer: virtualServer.text, ways: [way] }];
  const upkeeps = [
    ...(config.sysctl ? sysctlsFor(config, release()) : []).map((spec) => sysctl(spec, record)),
    config.masquerade ? masquerade(nft, virtualServer) : noMasquerade(nft, virtualServer, onNoNft),
    ...today,
    ...earlierWays.map((other) =>
      leftover(
        'earlier way',
        upkeepsOf(other, rtnetlink, virtualServer, address),
        both(todayStands, async () => !(await isNeeded(other))),
        async () => {
          going.delete(other);
          if (!dryRun) await record.dropWay(other);
        },
      ),
    ),
    ...earlier.map(({ made, isAbandoned }) =>
      leftover(
        'earlier virtual server',
        worksOf(made, keepers, handles, onNoNft),
        both(isAbandoned, todayStands),
        dryRun
          ? nothing
          : async () => {
              await record.inherit(made.sysctls);
              await kept.forget(made.virtualServer);
            },
      ),
    ),
  ];
  return dryRun ? { table: dryTable(table), upkeeps: upkeeps.map(dryUpkeep) } : { table, upkeeps };
}

/** Everything that is ours of a virtual server, and of those whose place it took, whatever made it. */
export async function composeClean(
  config: CareConfig,
  log: Logger,
  handles: KernelHandles,
): Promise<{
  readonly works: readonly Work[];
  readonly leftovers: readonly Leftovers[];
  readonly forget: () => Promise<void>;
}> {
  const kept = records();
  const all = (await kept.list()).filter(isPlausible);
  const own = madeBefore(all, config);
  const others = all.filter(({ virtualServer }) => virtualServer !== own.virtualServer);
  const earlier = await unheld(others.filter((made) => tookPlace(made, own.realServers)));
  const staying = await present(
    others.filter((made) => !earlier.includes(made)),
    handles,
  );
  const ways: readonly Way[] = [
    ...own.ways,
    { mode: 'local' },
    { mode: 'route' },
    { mode: 'link', iface: config.iface },
  ];
  const gone = [own, ...earlier];
  const before = Object.assign({}, ...gone.map(({ sysctls }) => sysctls).toReversed()) as Made['sysctls'];
  // Who cleans up is to know what was not looked for.
  const onNoNft = notLooked(log, 'warn');
  // They rule all virtual servers: who stays has them put back when it goes.
  const [heir] = staying;
  const memory = {
    valueBefore: (name: string) => before[name] ?? null,
    rememberValue: () => Promise.resolve(false),
    forgetValue: nothing,
  };
  const sysctls = heir === undefined ? EVERY_SYSCTL.map((spec) => sysctl(spec, memory)) : [];
  return {
    works: [
      ...sysctls,
      ...[...earlier, { ...own, ways }].flatMap((made) => worksOf(made, staying, handles, onNoNft)),
    ],
    leftovers: [
      goLeftovers(config.virtualServer, (words) => {
        log.debug(words);
      }),
    ],
    async forget() {
      if (heir !== undefined) await bequeath(kept, heir.virtualServer, before).catch(onFailureOnce(log));
      for (const { virtualServer } of gone) await kept.forget(virtualServer);
    },
  };
}

/** A virtual server, and every way to it that was made. */
function worksOf(
  made: Made,
  keepers: readonly Pick<Made, 'virtualServer' | 'ways'>[],
  { ipvs, rtnetlink }: KernelHandles,
  onNoNft: (error: Error) => void,
): readonly Work[] {
  const virtualServer = endpointOf(made);
  return [
    ipvsTable(ipvs, virtualServer),
    noMasquerade(nftProgram(), virtualServer, onNoNft),
    ...made.ways
      .filter((way) => !needs(keepers, virtualServer.address, way))
      .flatMap((way) => upkeepsOf(way, rtnetlink, virtualServer, () => Promise.resolve(''))),
  ];
}

/** Whether nobody will be at work on a virtual server any more. */
async function abandonment(made: Made, kept: Records): Promise<() => Promise<boolean>> {
  const stamp = (): Promise<string | null> => kept.stamp(made.virtualServer);
  return abandoned(await stamp(), {
    isHeld: () => isHeld(endpointOf(made)),
    stamp,
    clock: systemClock,
  });
}

function both(one: () => Promise<boolean>, other: () => Promise<boolean>): () => Promise<boolean> {
  return async () => (await one()) && (await other());
}

/** Whether one of them is reached by the same address, in the same way, as of today. */
function needs(keepers: readonly Pick<Made, 'virtualServer' | 'ways'>[], address: string, way: Way): boolean {
  return keepers.some((made) => {
    const today = made.ways.at(-1);
    return endpointOf(made).address === address && today !== undefined && sameWay(way, today);
  });
}

/** Our virtual server's record, a new one if there is none. */
function madeBefore(all: readonly Made[], { virtualServer, realServers }: CareConfig): Made {
  const found = all.find((made) => made.virtualServer === virtualServer.text);
  return {
    virtualServer: virtualServer.text,
    realServers: realServers.length > 0 ? texts(realServers) : (found?.realServers ?? []),
    ways: found?.ways ?? [],
    sysctls: found?.sysctls ?? {},
  };
}

/** Whether it had any of these real servers: then `--vs` was changed since. */
function tookPlace(made: Made, realServers: readonly string[]): boolean {
  return made.realServers.some((text) => realServers.includes(text));
}

/** Those that the kernel has, or that an lvscare is at work on: a record may have outlived what it tells of. */
async function present(all: readonly Made[], { ipvs }: KernelHandles): Promise<readonly Made[]> {
  const found = await Promise.all(
    all.map(async (made) => {
      const virtualServer = endpointOf(made);
      if (await isHeld(virtualServer)) return true;
      const inKernel = ipvsTable(ipvs, virtualServer).find();
      // Without a look nothing is taken from anybody.
      return inKernel.then(
        (what) => what !== null,
        () => true,
      );
    }),
  );
  return all.filter((_, index) => found[index] === true);
}

/** Those that no lvscare is at work on. */
async function unheld(all: readonly Made[]): Promise<readonly Made[]> {
  const held = await Promise.all(all.map((made) => isHeld(endpointOf(made))));
  return all.filter((_, index) => held[index] === false);
}

/** Somebody may have edited it, and nobody is to be kept from taking care by that. */
function isPlausible({ virtualServer }: Made): boolean {
  try {
    return parseEndpoint(virtualServer, 'record').text === virtualServer;
  } catch {
    return false;
  }
}

function endpointOf({ virtualServer }: Pick<Made, 'virtualServer'>): Endpoint {
  return parseEndpoint(virtualServer, 'record');
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
