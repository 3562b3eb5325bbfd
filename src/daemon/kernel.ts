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
import type { CareConfig } from '../config/care-config.js';
import { endpointIn } from '../config/endpoint.js';
import type { Endpoint } from '../values/endpoint.js';
import { ipvsTable } from '../ipvs/ipvs-table.js';
import { clientConnections } from '../ipvs/client-connections.js';
import { isDummy } from '../host/dummy-interface.js';
import { goLeftovers } from '../go-migration/go-leftovers.js';
import { leftover } from '../state/leftover.js';
import { masquerade, noMasquerade } from '../host/masquerade.js';
import { nftProgram } from '../host/nft.js';
import { nodeAddress, type NodeAddress } from '../host/node-address.js';
import { ownServers } from '../host/own-servers.js';
import { bequeath, OwnRecord } from '../state/record.js';
import { records, type Records } from '../state/records.js';
import { besides, isNeeded, rememberedOf, stillThere, type Remembered } from '../state/remembered.js';
import { sysctl } from '../host/sysctl.js';
import { EVERY_SYSCTL, sysctlsFor } from '../host/sysctls.js';
import { sameWay, resourcesOf, type Way } from '../host/reach-mode.js';
import type { Ipvs, Rtnetlink } from '../netlink/index.js';

export interface KernelHandles {
  readonly ipvs: Ipvs;
  readonly rtnetlink: Rtnetlink;
}

/** What the control loop keeps, in the order in which it is created. */
export async function composeKernel(
  config: CareConfig,
  emit: Emit,
  handles: KernelHandles,
): Promise<{
  readonly table: VirtualServerTable;
  readonly connections: ClientConnections;
  readonly resources: readonly HostResource[];
}> {
  const { virtualServer, realServers, dryRun } = config;
  const { ipvs, rtnetlink } = handles;
  const way = wayOf(config);
  const kept = records();
  const all = await rememberedIn(kept);
  const own = rememberedOf(virtualServer, realServers, all);
  const othersNow = async (): Promise<readonly Remembered[]> =>
    stillThere(besides(virtualServer, await rememberedIn(kept)), ipvs);
  const record = new OwnRecord({ ...own, virtualServer: virtualServer.text }, kept, (error) => {
    emit({ kind: 'state-not-saved', what: 'ownership', error });
  });
  const earlierWays = record.ways.filter((other) => !sameWay(way, other));
  if (!dryRun) await record.addWay(way);

  const address = observedNodeAddress(config, emit, rtnetlink);
  const nft = nftProgram();
  const onNoNft = (error: Error): void => {
    emit({ kind: 'masquerade-not-checked', error });
  };
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
  const today = resourcesOf(way, rtnetlink, virtualServer, address, goesSoon);
  const todayStands = async (): Promise<boolean> => {
    for (const resource of today) if ((await resource.verify()) !== null) return false;
    return (await table.find()) !== null;
  };
  const resources = [
    ...(config.sysctl ? sysctlsFor(config, release()) : []).map((spec) => sysctl(spec, record)),
    config.masquerade ? masquerade(nft, virtualServer) : noMasquerade(nft, virtualServer, onNoNft),
    ...today,
    ...earlierWays.map((other) =>
      leftover(
        'earlier way',
        resourcesOf(other, rtnetlink, virtualServer, address),
        async () => (await todayStands()) && !(await isStillNeeded(other)),
        async () => {
          going.delete(other);
          if (!dryRun) await record.dropWay(other);
        },
      ),
    ),
  ];
  return dryRun
    ? { table: dryTable(table), connections: dryConnections, resources: resources.map(dryResource) }
    : { table, connections: clientConnections(virtualServer), resources };
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
  const onNoNft = ({ message }: Error): void => {
    log.warn({ event: 'clean' }, `the masquerade table was not checked: ${message}`);
  };
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
        .flatMap((way) => resourcesOf(way, rtnetlink, virtualServer, () => Promise.resolve(''))),
    ],
    leftovers: [
      goLeftovers(virtualServer, (words) => {
        log.debug(words);
      }),
    ],
    async forget() {
      if (heir !== undefined)
        await bequeath(kept, heir.virtualServer.text, own.sysctls).catch((error: unknown) => {
          const { message } = error as Error;
          log.warn({ event: 'clean' }, `cannot save what sysctls were before: ${message}`);
        });
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

const nothing = (): Promise<void> => Promise.resolve();

/** NODE_IP, and where it is from. Rejects when nothing tells. */
export function findNodeAddress(config: CareConfig, rtnetlink: Rtnetlink): Promise<NodeAddress> {
  return nodeAddress(rtnetlink, {
    given: config.nodeAddress,
    family: config.virtualServer.family,
    realServers: config.realServers,
  });
}

/** NODE_IP, looked up each time, with an event when it is first known and when it changes. */
function observedNodeAddress(config: CareConfig, emit: Emit, rtnetlink: Rtnetlink): () => Promise<string> {
  let known: string | null = null;
  const reported = new Set<Endpoint>();
  return async () => {
    const { address, from } = await findNodeAddress(config, rtnetlink);
    if (address !== known) {
      emit({ kind: 'node-address', address, from });
      known = address;
      if (config.mode === 'route') await reportOwnServers();
    }
    return address;
  };

  /** Once the network is there: only then the kernel knows its own addresses. */
  async function reportOwnServers(): Promise<void> {
    const servers = await ownServers(rtnetlink, config.realServers);
    const more = servers.filter((server) => !reported.has(server));
    for (const server of more) reported.add(server);
    if (more.length > 0) emit({ kind: 'own-servers', servers: more });
  }
}
