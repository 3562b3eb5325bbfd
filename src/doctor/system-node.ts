/** The node as `lvscare doctor` sees it, composed. It only reads: it changes nothing, and loads no kernel module. */
import { constants } from 'node:fs';
import { access, readdir, readlink } from 'node:fs/promises';
import { release } from 'node:os';
import type { CareConfig } from '../config/care-config.js';
import type { Endpoint } from '../values/endpoint.js';
import { findModule } from './modules.js';
import {
  textOf,
  type Files,
  type IpvsState,
  type Network,
  type Node,
  type Ownership,
  type ServerAnswer,
  type Subject,
} from './ports.js';
import { tcpSocketsTo } from './tcp-sockets.js';
import { readRegularFile, readStoredFile } from '../files/regular-file.js';
import { runCommand, type Run } from '../host/command.js';
import { goLeftovers } from '../go-migration/go-leftovers.js';
import { readLock, mayBeLocked } from '../state/instance-lock.js';
import { isOfModeRoute } from '../host/gateway-route.js';
import { madeByKernel } from '../host/route-protocol.js';
import { nodeAddress } from '../host/node-address.js';
import { portsFor } from '../probe/source-port.js';
import { isStatus } from '../status/shape.js';
import { ipVsConnections } from '../ipvs/ip-vs-connections.js';
import { ownershipStore } from '../state/ownership-store.js';
import { runDirectory } from '../state/run-directory.js';
import { Ipvs, NetlinkError, RouteTable, type Link, type Rtnetlink } from '../netlink/index.js';
import { composeAsk, type Ask } from '../daemon/probing.js';
import { runningInstances } from '../daemon/running-instances.js';

export const systemFiles: Files = {
  read: readRegularFile,
  readStored: readStoredFile,
  list: (path) => readdir(path),
  readLink: (path) => readlink(path),
  async whyNotWritable(path) {
    try {
      await access(path, constants.W_OK);
      return null;
    } catch (error) {
      return (error as NodeJS.ErrnoException).code ?? String(error);
    }
  },
};

/** This process. */
export interface Self {
  readonly pid: number;
  /** The effective user id. */
  readonly uid: number;
}

/**
 * @param config The configuration to examine, or null if there is none.
 * @param rtnetlink Or the error if it cannot be opened.
 */
export function nodeOf(
  config: CareConfig | null,
  self: Self,
  rtnetlink: Rtnetlink | Error,
  signal: AbortSignal,
): Node {
  const kernelRelease = release();
  return {
    files: systemFiles,
    network: rtnetlink instanceof Error ? noNetwork(rtnetlink) : networkOf(config, rtnetlink),
    ownership: ownershipOf(kernelRelease),
    ipvs: ipvsState,
    kernelRelease,
    ...self,
    now: Date.now,
    nftVersion: async () => (await runCommand('nft', ['--version']))?.stdout.trim() ?? null,
    ask: once(config, signal),
  };
}

/**
 * Runs programs that list rules only if the kernel has their module loaded: otherwise they would load it. Without the module there
 * are no rules, so the result is that of a machine without the program.
 */
function runWithoutLoading(run: Run, kernelRelease: string): Run {
  const has = async (module: string): Promise<boolean> =>
    (await findModule(systemFiles, kernelRelease, module)).kind === 'loaded';
  const mayRun = async (command: string): Promise<boolean> => {
    if (command === 'ipset') return await has('ip_set');
    const legacy = command !== 'iptables-nft-save' && (await textOf(systemFiles, TABLES)) !== null;
    return legacy || (command !== 'iptables-legacy-save' && (await has('nf_tables')));
  };
  return async (command, args, options) =>
    (await mayRun(command)) ? await run(command, args, options) : null;
}

/** The kernel has it while iptables-legacy is loaded. */
const TABLES = '/proc/net/ip_tables_names';

const ipvsState: IpvsState = {
  async tcpTimeoutS() {
    await using ipvs = Ipvs.open();
    const { tcpSeconds } = await ipvs.getTimeouts();
    if (tcpSeconds === null) throw new Error('the IPVS of this kernel has no TCP');
    return tcpSeconds;
  },
  async clientConnections(virtualServer) {
    // Sockets first: a connection that is opened meanwhile would look as if IPVS had dropped it.
    const files = virtualServer.family === 'ipv4' ? ['tcp', 'tcp6'] : ['tcp6'];
    const texts = await Promise.all(files.map((file) => textOf(systemFiles, `/proc/net/${file}`)));
    const sockets = texts.flatMap((text) => tcpSocketsTo(virtualServer, text ?? ''));
    const expires = new Map<string, number>();
    if (sockets.length > 0)
      for await (const { client, expiresInS } of ipVsConnections(virtualServer))
        expires.set(client.text, expiresInS);
    return sockets.map(({ local, timerInS }) => ({
      client: local,
      expiresInS: expires.get(local.text) ?? null,
      timerInS,
    }));
  },
};

function noNetwork(error: Error): Network {
  const fails = (): Promise<never> => Promise.reject(error);
  return { addresses: fails, routes: fails, interfaceTowards: fails, nodeAddress: fails };
}

function networkOf(config: CareConfig | null, rtnetlink: Rtnetlink): Network {
  const links = async (): Promise<ReadonlyMap<number, Link>> =>
    new Map((await rtnetlink.listLinks()).map((link) => [link.index, link]));
  return {
    async addresses() {
      const [known, all] = await Promise.all([links(), rtnetlink.listAddresses()]);
      return all.map(({ address, prefixLength, interfaceIndex }) => ({
        address,
        prefixLength,
        interfaceName: known.get(interfaceIndex)?.name ?? `interface ${interfaceIndex}`,
        onDummy: known.get(interfaceIndex)?.kind === 'dummy',
      }));
    },
    async routes(family) {
      const [known, all] = await Promise.all([links(), rtnetlink.listRoutes({ family })]);
      return all
        .filter(({ table }) => table !== RouteTable.local)
        .map((route) => ({
          to: `${route.destination}/${route.prefixLength}`,
          gateway: route.gateway,
          interfaceName:
            route.interfaceIndex === null ? null : (known.get(route.interfaceIndex)?.name ?? null),
          metric: route.metric,
          ofModeRoute: isOfModeRoute(route),
          inMainTable: route.table === RouteTable.main,
          byKernel: madeByKernel(route.protocol),
        }));
    },
    async interfaceTowards(address) {
      try {
        const { interfaceIndex } = await rtnetlink.lookupRoute({ destination: address });
        return interfaceIndex === null ? null : ((await links()).get(interfaceIndex)?.name ?? null);
      } catch (error) {
        if (error instanceof NetlinkError) return null;
        throw error;
      }
    },
    nodeAddress: ({ virtualServer, realServers }: Subject) =>
      nodeAddress(rtnetlink, {
        given: config?.nodeAddress ?? null,
        virtualServer,
        realServers,
      }),
  };
}

/** For a running lvscare to answer. */
const ANSWER_MS = 3000;

function ownershipOf(kernelRelease: string): Ownership {
  return {
    async lock(virtualServer) {
      const state = await readLock(virtualServer);
      if (state.kind === 'unknown')
        throw new Error(`the instance lock of ${virtualServer.text} cannot be read: ${state.why}`);
      return state;
    },
    async daemon(virtualServer) {
      const call = { method: 'GET', path: '/status', timeoutMs: ANSWER_MS } as const;
      const answer = await runningInstances().call(virtualServer, call);
      const silent = (whySilent: string): Awaited<ReturnType<Ownership['daemon']>> => ({
        whySilent,
        isHidden: answer.kind === 'hidden',
        troubles: [],
      });
      if (answer.kind === 'none') return silent('it has ended');
      if (answer.kind !== 'answered') return silent(answer.why);
      if (answer.status !== 200) return silent(`it answers with status ${answer.status}`);
      const all = isStatus(answer.body) ? answer.body.virtualServers : [];
      return { whySilent: null, isHidden: false, troubles: all.flatMap(({ care }) => care?.troubles ?? []) };
    },
    async records() {
      const all = await ownershipStore(runDirectory()).list();
      return await Promise.all(
        all.map(async ({ virtualServer }) => ({
          virtualServer,
          isLocked: await mayBeLocked(virtualServer),
        })),
      );
    },
    async goLeftovers(virtualServer) {
      const notes: string[] = [];
      const missing: string[] = [];
      // It is called only for a module that is loaded.
      const run: Run = async (command, ...rest) => {
        const finished = await runCommand(command, ...rest);
        if (finished === null) missing.push(command);
        return finished;
      };
      const found = await goLeftovers(
        virtualServer,
        (words) => notes.push(words),
        runWithoutLoading(run, kernelRelease),
      ).find();
      return { ...found, unknown: missing.length > 0 ? (notes[0] ?? null) : null };
    },
  };
}

/** Probes each server once, however often it is called. */
function once(config: CareConfig | null, signal: AbortSignal): Node['ask'] {
  const answers = new Map<string, Promise<ServerAnswer>>();
  let asks: Promise<readonly [asProbe: Ask, asClient: Ask]> | null = null;
  const ask = async (server: Endpoint): Promise<ServerAnswer> => {
    if (config === null) throw new Error('there is no configuration for probes');
    const { probe, virtualServer } = config;
    asks ??= Promise.all([
      composeAsk(probe, () => undefined),
      composeAsk({ ...probe, sourcePorts: 'kernel' }, () => undefined),
    ]);
    const [asProbe, asClient] = await asks;
    if (server.text === virtualServer.text) return await asClient(server, signal);
    const first = await asProbe(server, signal);
    const silentTo = portsFor(probe.sourcePorts);
    if (first.outcome.kind !== 'silent' || silentTo === null) return first;
    const other = await asClient(server, signal);
    if (other.outcome.kind === 'silent') return first;
    // It may just be back, or a packet was lost.
    const again = await asProbe(server, signal);
    return again.outcome.kind === 'silent' ? { ...other, silentTo } : again;
  };
  return (server) => {
    const answer = answers.get(server.text) ?? ask(server);
    answers.set(server.text, answer);
    return answer;
  };
}
