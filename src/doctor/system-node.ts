/** The node as `lvscare doctor` sees it, composed. It only looks: nothing is changed, and no module is loaded. */
import { constants } from 'node:fs';
import { access, readdir, readFile, readlink, stat } from 'node:fs/promises';
import { release } from 'node:os';
import type { CareConfig } from '../config/care-config.js';
import { endpointIn } from '../config/endpoint.js';
import { hostLength, type Endpoint } from '../values/endpoint.js';
import type { Answer } from '../values/exchange.js';
import { lookForModule } from './modules.js';
import type { Files, Firewall, Network, Node, Ownership, Subject } from './ports.js';
import { runCommand, type Run } from '../host/command.js';
import { goLeftovers } from '../go-migration/go-leftovers.js';
import { lookAtHold, mayBeHeld } from '../state/instance-lock.js';
import { readIptables } from '../host/iptables.js';
import { nodeAddress } from '../host/node-address.js';
import { records } from '../state/ownership-store.js';
import { NetlinkError, RouteTable, type Rtnetlink } from '../netlink/index.js';
import { composeAsk, type Ask } from '../daemon/probing.js';

/** Of any file that one looks at for what it says. */
const MOST_BYTES = 4 << 20;

export const systemFiles: Files = {
  async read(path) {
    const stats = await stat(path);
    // A pipe would not end.
    if (!stats.isFile()) throw new Error('it is no regular file');
    if (stats.size > MOST_BYTES) throw new Error(`it has more than ${MOST_BYTES} bytes`);
    return readFile(path, 'utf8');
  },
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

/** What this process is. */
export interface Self {
  readonly pid: number;
  /** The effective user id. */
  readonly uid: number;
}

/**
 * @param config What would be taken care of; null when nobody told.
 * @param rtnetlink Or why there is none.
 */
export function nodeOf(
  config: CareConfig | null,
  self: Self,
  rtnetlink: Rtnetlink | Error,
  signal: AbortSignal,
): Node {
  const kernelRelease = release();
  const look = (run: Run): Run => looking(run, systemFiles, kernelRelease);
  return {
    files: systemFiles,
    network: rtnetlink instanceof Error ? noNetwork(rtnetlink) : networkOf(config, rtnetlink),
    ownership: ownershipOf(look),
    firewall: firewallOf(look(runCommand)),
    kernelRelease,
    ...self,
    now: Date.now,
    ask: once(config, signal),
  };
}

/**
 * Runs programs that list rules only where the kernel has what they list: to ask for the rest would have it loaded. Without it
 * there are no rules, which is what a machine without the program has as well.
 */
function looking(run: Run, files: Files, kernelRelease: string): Run {
  const has = async (module: string): Promise<boolean> =>
    (await lookForModule(files, kernelRelease, module)).kind === 'there';
  const isThere = async (file: string): Promise<boolean> =>
    await files.read(file).then(
      () => true,
      () => false,
    );
  const mayRun = async (command: string, args: readonly string[]): Promise<boolean> => {
    switch (command) {
      case 'ipset':
        return await has('ip_set');
      case 'nft':
        return args.includes('--version') || (await has('nf_tables'));
      case 'iptables-legacy-save':
        return await isThere('/proc/net/ip_tables_names');
      case 'ip6tables-legacy-save':
        return await isThere('/proc/net/ip6_tables_names');
      case 'iptables-nft-save':
      case 'ip6tables-nft-save':
        return await has('nf_tables');
      case 'iptables-save':
        // Of either kind.
        return (await isThere('/proc/net/ip_tables_names')) || (await has('nf_tables'));
      case 'ip6tables-save':
        return (await isThere('/proc/net/ip6_tables_names')) || (await has('nf_tables'));
      default:
        return false;
    }
  };
  return async (command, args, options) =>
    (await mayRun(command, args)) ? await run(command, args, options) : null;
}

function noNetwork(error: Error): Network {
  const fails = (): Promise<never> => Promise.reject(error);
  return { addresses: fails, hostRoutes: fails, interfaceTowards: fails, nodeAddress: fails };
}

function networkOf(config: CareConfig | null, rtnetlink: Rtnetlink): Network {
  const names = async (): Promise<ReadonlyMap<number, string>> =>
    new Map((await rtnetlink.listLinks()).map(({ index, name }) => [index, name]));
  return {
    async addresses() {
      const [known, all] = await Promise.all([names(), rtnetlink.listAddresses()]);
      return all.map(({ address, prefixLength, interfaceIndex }) => ({
        address,
        prefixLength,
        interfaceName: known.get(interfaceIndex) ?? `interface ${interfaceIndex}`,
      }));
    },
    async hostRoutes(to) {
      const family = to.includes(':') ? 'ipv6' : 'ipv4';
      const [known, all] = await Promise.all([
        names(),
        rtnetlink.listRoutes({ family, table: RouteTable.main }),
      ]);
      return all
        .filter(({ destination, prefixLength }) => destination === to && prefixLength === hostLength(family))
        .map(({ gateway, interfaceIndex }) => ({
          gateway,
          interfaceName: interfaceIndex === null ? null : (known.get(interfaceIndex) ?? null),
        }));
    },
    async interfaceTowards(address) {
      try {
        const { interfaceIndex } = await rtnetlink.lookupRoute({ destination: address });
        return interfaceIndex === null ? null : ((await names()).get(interfaceIndex) ?? null);
      } catch (error) {
        if (error instanceof NetlinkError) return null;
        throw error;
      }
    },
    nodeAddress: ({ virtualServer, realServers }: Subject) =>
      nodeAddress(rtnetlink, {
        given: config?.nodeAddress ?? null,
        family: virtualServer.family,
        realServers,
      }),
  };
}

function ownershipOf(look: (run: Run) => Run): Ownership {
  return {
    async holder(virtualServer) {
      const look = await lookAtHold(virtualServer);
      switch (look.kind) {
        case 'free':
          return null;
        case 'held':
          return look.by;
        case 'unanswerable':
          throw new Error(`who has ${virtualServer.text} cannot be asked: ${look.why}`);
      }
    },
    async records() {
      const all = await records().list();
      return await Promise.all(
        all.map(async ({ virtualServer, realServers }) => {
          const remembered = endpointIn(virtualServer);
          return { virtualServer, realServers, held: remembered !== null && (await mayBeHeld(remembered)) };
        }),
      );
    },
    async goLeftovers(virtualServer) {
      const notes: string[] = [];
      const missing: string[] = [];
      // Only what the kernel has something for comes as far as this.
      const run: Run = async (command, ...rest) => {
        const finished = await runCommand(command, ...rest);
        if (finished === null) missing.push(command);
        return finished;
      };
      const found = await goLeftovers(virtualServer, (words) => notes.push(words), look(run)).find();
      return { ...found, unknown: missing.length > 0 ? (notes[0] ?? null) : null };
    },
  };
}

function firewallOf(run: Run): Firewall {
  return {
    iptables: (family) =>
      readIptables(
        family === 'ipv4'
          ? run
          : (command, args, options) => run(command.replace(/^iptables/, 'ip6tables'), args, options),
      ),
    async nftRuleset() {
      const listed = await run('nft', ['-j', 'list', 'ruleset']);
      return listed?.status === 0 ? (JSON.parse(listed.stdout) as unknown) : null;
    },
    async nftVersion() {
      const said = await run('nft', ['--version']);
      return said === null ? null : said.stdout.trim();
    },
  };
}

/** Asks each server once, however often it is called. */
function once(config: CareConfig | null, signal: AbortSignal): Node['ask'] {
  const answers = new Map<string, Promise<Answer>>();
  let asking: Promise<Ask> | null = null;
  const ask = async (server: Endpoint): Promise<Answer> => {
    if (config === null) throw new Error('nobody told how to ask');
    asking ??= composeAsk(config.probe, () => undefined);
    return (await asking)(server, signal);
  };
  return (server) => {
    const answer = answers.get(server.text) ?? ask(server);
    answers.set(server.text, answer);
    return answer;
  };
}
