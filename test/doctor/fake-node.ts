/** A node that is well, for checks to look at; each test breaks something of it. */
import type { NodeAddress } from '../../src/host/node-address.js';
import { endpoint, type Endpoint } from '../../src/values/endpoint.js';
import type { LockState } from '../../src/values/lock-holder.js';
import type { Answer, Exchange } from '../../src/values/exchange.js';
import type { Said } from '../../src/doctor/finding.js';
import type {
  Address,
  ClientConnection,
  Node,
  NodeRoute,
  ServerAnswer,
  Subject,
} from '../../src/doctor/ports.js';

export const NOW_MS = Date.parse('2026-06-01T12:00:00Z');
export const VS = endpoint('ipv4', '10.103.97.2', 6443);
export const RS = [1, 2].map((host) => endpoint('ipv4', `10.0.0.${host}`, 6443));

export const SUBJECT: Subject = {
  virtualServer: VS,
  realServers: RS,
  scheduler: 'rr',
  mode: 'local',
  iface: 'lvscare',
  masquerade: false,
  setsSysctls: true,
  sysctls: [{ name: 'net.ipv4.vs.expire_nodest_conn', value: '1', without: 'connections hang' }],
  ipvsTcpTimeoutS: null,
  scheme: 'https',
  healthPort: null,
  sourcePorts: 'auto',
};

export interface FakeNode {
  /** Files by path; null for one that cannot be read. */
  files: Record<string, string | null>;
  links: Record<string, string>;
  /** Paths that can be written. */
  writable: string[];
  addresses: Address[];
  routes: NodeRoute[];
  /** The interface towards each address. Default eth0. */
  towards: Record<string, string | null>;
  nodeAddress: NodeAddress | Error;
  lock: LockState;
  uid: number;
  whySilent: string | null;
  isHidden: boolean;
  /** Of the running lvscare. */
  troubles: { what: string; message: string }[];
  records: { virtualServer: Endpoint; isLocked: boolean }[];
  go: { taken: string[]; left: string[]; failures: Error[]; unknown: string | null };
  nft: string | null;
  tcpTimeoutS: number;
  connections: ClientConnection[];
  release: string;
  answers: Record<string, ServerAnswer>;
}

export function wellNode(): FakeNode {
  return {
    files: {
      '/proc/net/ip_vs':
        'IP Virtual Server version 1.2.1 (size=4096)\nProt LocalAddress:Port Scheduler Flags\n',
      '/proc/modules': 'ip_vs_rr 16384 1 - Live 0x0\nip_vs 172032 3 ip_vs_rr, Live 0x0\n',
      '/proc/self/status': 'Name:\tnode\nCapEff:\t0000000000001000\n',
      '/proc/self/uid_map': '         0          0 4294967295\n',
      '/proc/sys/net/ipv4/vs/expire_nodest_conn': '1\n',
      '/proc/sys/net/ipv4/ip_forward': '1\n',
      '/etc/hosts': '127.0.0.1 localhost\n',
    },
    links: { '/proc/self/ns/net': 'net:[1]', '/proc/self/ns/user': 'user:[1]' },
    writable: ['/run/lvscare'],
    addresses: [
      { address: '127.0.0.1', prefixLength: 8, interfaceName: 'lo', onDummy: false },
      { address: '10.0.0.9', prefixLength: 24, interfaceName: 'eth0', onDummy: false },
    ],
    routes: [],
    towards: {},
    nodeAddress: { address: '10.0.0.9', from: 'the route to 10.0.0.1', gone: null },
    lock: { kind: 'free' },
    uid: 0,
    whySilent: null,
    isHidden: false,
    troubles: [],
    records: [],
    go: { taken: [], left: [], failures: [], unknown: null },
    nft: 'nftables v1.0.6',
    tcpTimeoutS: 900,
    connections: [],
    release: '6.1.0-28-amd64',
    answers: {},
  };
}

/** What `/proc/PID/status` has of root with all capabilities, of root in a container without any, and of a user. */
export const STATUS = {
  root: 'Uid:\t0\t0\t0\t0\nCapEff:\t000001ffffffffff\n',
  powerless: 'Uid:\t0\t0\t0\t0\nCapEff:\t0000000000000000\n',
  user: 'Uid:\t1000\t1000\t1000\t1000\nCapEff:\t0000000000000000\n',
} as const;

/** A process with arguments, of root and in our namespaces unless told otherwise. */
export function addProcess(
  fake: FakeNode,
  pid: number,
  args: readonly string[],
  namespace = 'net:[1]',
  { status = STATUS.root, userNamespace = 'user:[1]' }: { status?: string; userNamespace?: string } = {},
): void {
  fake.files[`/proc/${pid}/status`] = status;
  fake.links[`/proc/${pid}/ns/user`] = userNamespace;
  fake.files[`/proc/${pid}/cmdline`] = args.map((arg) => `${arg}\0`).join('');
  fake.links[`/proc/${pid}/ns/net`] = namespace;
}

export function nodeFrom(fake: FakeNode): Node {
  const missing = (path: string): Error => Object.assign(new Error(`ENOENT: ${path}`), { code: 'ENOENT' });
  const read = (path: string): Promise<string> => {
    const text = fake.files[path];
    if (text === null) return Promise.reject(Object.assign(new Error(`EACCES: ${path}`), { code: 'EACCES' }));
    return text === undefined ? Promise.reject(missing(path)) : Promise.resolve(text);
  };
  return {
    files: {
      read,
      readStored: read,
      list(path) {
        const below = Object.keys(fake.files).filter((file) => file.startsWith(`${path}/`));
        const names = [...new Set(below.map((file) => file.slice(path.length + 1).split('/')[0] ?? ''))];
        return names.length === 0 ? Promise.reject(missing(path)) : Promise.resolve(names);
      },
      readLink(path) {
        const target = fake.links[path];
        return target === undefined ? Promise.reject(missing(path)) : Promise.resolve(target);
      },
      whyNotWritable(path) {
        if (fake.writable.includes(path)) return Promise.resolve(null);
        const there = Object.keys(fake.files).some((file) => file === path || file.startsWith(`${path}/`));
        return Promise.resolve(there ? 'EROFS' : 'ENOENT');
      },
    },
    network: {
      addresses: () => Promise.resolve(fake.addresses),
      routes: () => Promise.resolve(fake.routes),
      interfaceTowards: (address) =>
        Promise.resolve(address in fake.towards ? (fake.towards[address] ?? null) : 'eth0'),
      nodeAddress: () =>
        fake.nodeAddress instanceof Error
          ? Promise.reject(fake.nodeAddress)
          : Promise.resolve(fake.nodeAddress),
    },
    ownership: {
      lock: () => Promise.resolve(fake.lock),
      daemon: () =>
        Promise.resolve({
          whySilent: fake.whySilent,
          isHidden: fake.isHidden,
          troubles: fake.troubles,
        }),
      records: () => Promise.resolve(fake.records),
      goLeftovers: () => Promise.resolve(fake.go),
    },
    nftVersion: () => Promise.resolve(fake.nft),
    ipvs: {
      tcpTimeoutS: () => Promise.resolve(fake.tcpTimeoutS),
      clientConnections: () => Promise.resolve(fake.connections),
    },
    kernelRelease: fake.release,
    pid: 1000,
    uid: fake.uid,
    now: () => NOW_MS,
    ask: (server) => Promise.resolve(fake.answers[server.text] ?? answer()),
  };
}

/** A good answer but for what is told otherwise. */
export function answer(
  outcome: Answer['outcome'] = { kind: 'ok', detail: 'status 200' },
  exchange: Partial<Exchange> = {},
): Answer {
  return {
    outcome,
    exchange: {
      evidence: null,
      fresh: true,
      phases: { connectMs: 1, handshakeMs: 2, firstByteMs: 1, totalMs: 4 },
      status: 200,
      session: null,
      dateMs: Math.floor(NOW_MS / 1000) * 1000,
      ...exchange,
    },
    askedMs: NOW_MS,
    answeredMs: NOW_MS + 4,
  };
}

/** A finding in one line, to compare: `fail ABOUT: EVIDENCE -> REMEDY`. */
export function lineOf({ verdict, about, evidence, remedy }: Said): string {
  const what = about === undefined ? '' : ` ${about}`;
  return `${verdict}${what}: ${evidence}${remedy === null ? '' : ` -> ${remedy}`}`;
}
