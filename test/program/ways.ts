/** The table of docs/modes.md, and what it takes to live through it. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import {
  endpoint,
  type Lab,
  NODE,
  until,
  urlOf,
  VIP,
  type LabProcess,
  type Master,
} from '../../lab/index.js';
import { cell, decisionTable, titleOf, type TableRow } from '../decisions/decision-tables.js';
import type { Connection } from './clients.js';
import { startCare, untilWeights } from './lvscare.js';

export const FAMILIES = ['ipv4', 'ipv6'] as const;
type Family = (typeof FAMILIES)[number];

export const CLIENTS = ['node', 'pod', 'external'] as const;
type Client = (typeof CLIENTS)[number];

interface Mode {
  /** What `--mode` is, and what is given beside it. Default the mode's name. */
  readonly options?: string;
  /** What shows that the way is there, as independent tools tell it. */
  readonly way: string;
  readonly masqueraded: boolean;
  /** The way that somebody else makes for an address: what `ip` is told after `add`, and after `delete`. */
  readonly byHand?: (family: Family) => { readonly object: string; readonly what: string };
}

export const MODES: Readonly<Record<string, Mode>> = {
  local: { way: 'local route', masqueraded: false },
  'local --masquerade': { way: 'local route', masqueraded: true },
  link: { way: 'address', masqueraded: true },
  'link --masquerade=false': { way: 'address', masqueraded: false },
  route: { way: 'route', masqueraded: false },
  'none with a local route': {
    options: 'none',
    way: 'local route',
    masqueraded: false,
    byHand: (family) => ({ object: 'route', what: `local ${VIP[family]} dev lo src ${NODE[family]}` }),
  },
  'none with an address': {
    options: 'none',
    // The kernel makes the route itself.
    way: 'local route and address',
    masqueraded: false,
    byHand: (family) => ({ object: 'address', what: `${VIP[family]}/${HOST_LENGTH[family]} dev lo` }),
  },
};

const HOST_LENGTH: Readonly<Record<Family, number>> = { ipv4: 32, ipv6: 128 };

/** Verdicts soon, for apiservers in a guest that is slow. */
export const OPTIONS = ['--health-timeout', '2s', '--connect-timeout', '1s'];

/** For an lvscare to start and judge its servers, beside others: a guest may be slow. */
const START_MS = 180_000;
/** For what is to come about: likewise. */
export const PATIENCE_MS = 60_000;
/** For what is not to come about. */
const ENOUGH_MS = 3000;

/** One cell of the cross product. */
interface Combination {
  readonly mode: string;
  readonly family: Family;
  readonly client: Client;
  readonly server: string;
  readonly back: string;
}

/** What a client sees, in the words of the table. */
interface Outcome {
  readonly 'seen as': string;
  readonly killed: string;
  readonly 'cut off': string;
}

export const keyOf = ({ mode, family, client, server, back }: Combination): string =>
  [mode, family, client, server, back].join(', ');

export const ROWS = decisionTable('ways', 'modes.md');
const EXPECTED = new Map(ROWS.flatMap((row) => combinations(row).map((of) => [keyOf(of), outcome(row)])));

/** Those that a row tells of: each of its cells may list more than one. */
export function combinations(row: TableRow): Combination[] {
  const listed = (column: string): string[] =>
    cell(row, column)
      .split(', ')
      .map((item) => item.replaceAll('`', ''));
  return listed('mode').flatMap((mode) =>
    listed('family').flatMap((family) =>
      listed('client').flatMap((client) =>
        listed('real server').flatMap((server) =>
          listed('way back').map((back) => ({
            mode,
            family: family as Family,
            client: client as Client,
            server,
            back,
          })),
        ),
      ),
    ),
  );
}

function outcome(row: TableRow): Outcome {
  return {
    'seen as': cell(row, 'seen as'),
    killed: cell(row, 'killed'),
    'cut off': cell(row, 'cut off'),
  };
}

export function expected(of: Combination): Outcome {
  const found = EXPECTED.get(keyOf(of));
  assert.ok(found !== undefined, `docs/modes.md has no row for ${keyOf(of)}`);
  return found;
}

/** How each error is called in the table. */
const ERRORS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'refused',
  EHOSTUNREACH: 'unreachable',
  TIMEOUT: 'times out',
};

/** A virtual server whose only real server, or servers, are in one place. */
export interface Stage {
  readonly server: 'remote' | 'own address' | 'loopback';
  readonly family: Family;
  readonly port: number;
  readonly realServers: readonly string[];
  /** What `--ip` is to be; null if it finds NODE_IP. */
  readonly ip: string | null;
}

export const virtualServer = ({ family, port }: Stage): string => endpoint(VIP[family], port);

export const at = (master: Master, family: Family): string =>
  family === 'ipv4' ? master.endpoint : master.endpoint6;

/** A connection to a master. */
export interface Connected {
  readonly of: Combination;
  readonly master: string;
  readonly connection: Connection;
}

/** A lab in which a mode after the other is tried, on every stage at once. */
export class Theatre {
  readonly lab: Lab;
  readonly stages: readonly Stage[];
  readonly outcomes = new Map<string, Outcome>();
  #daemons: LabProcess[] = [];
  readonly #byHand: string[] = [];
  #authority = '';

  constructor(lab: Lab, stages: readonly Stage[]) {
    this.lab = lab;
    this.stages = stages;
  }

  /** Starts lvscare on each stage, and waits until the way of the mode is there, and no other, and who is up is in rotation. */
  async open(mode: string): Promise<void> {
    const of = MODES[mode];
    assert.ok(of !== undefined);
    this.#authority = this.lab.certificates.authority.cert;
    await this.#make(of);
    const options = ['--mode', ...(of.options ?? mode).split(' ')];
    this.#daemons = this.stages.map((stage) => {
      const ip = stage.ip === null ? [] : ['--ip', stage.ip];
      return startCare(
        this.lab,
        [...OPTIONS, ...options, ...ip],
        [
          ...['--vs', virtualServer(stage), '--rs', stage.realServers.join(',')],
          ...['--health-ca', this.lab.caFile],
        ],
      );
    });
    for (const [index, stage] of this.stages.entries()) {
      try {
        await untilWeights(this.lab, Object.fromEntries(stage.realServers.map((server) => [server, 1])), {
          timeoutMs: START_MS,
          virtualServer: virtualServer(stage),
        });
      } catch (error) {
        throw new Error(this.#daemons[index]?.text(), { cause: error });
      }
    }
    const wanted = this.stages.map((stage) => [virtualServer(stage), of.way, of.masqueraded].join(' '));
    await until(async () => JSON.stringify(await this.#kept()) === JSON.stringify(wanted), {
      timeoutMs: PATIENCE_MS * 2,
      everyMs: 150,
      what: `the way is that of ${mode}`,
    });
  }

  /** Ends every lvscare: what it keeps stays until the next mode's takes it away. What was made by hand goes, and a sysctl. */
  async close(): Promise<void> {
    const daemons = this.#daemons.splice(0);
    await Promise.all(daemons.map((daemon) => daemon.stop(PATIENCE_MS)));
    for (const command of this.#byHand.splice(0)) await this.lab.node.ip(command);
    // Masquerading leaves it on, and the next mode is to live with the kernel's default.
    await this.lab.node.sysctl('net.ipv4.vs.conntrack', 0);
  }

  /** The way that is somebody else's to make, once for each address. */
  async #make({ byHand }: Mode): Promise<void> {
    if (byHand === undefined) return;
    for (const family of new Set(this.stages.map((stage) => stage.family))) {
      const { object, what } = byHand(family);
      const ip = family === 'ipv4' ? '-4' : '-6';
      await this.lab.node.ip(`${ip} ${object} add ${what}`);
      this.#byHand.push(`${ip} ${object} delete ${what}`);
    }
  }

  /** Has all clients of which the table tells ask at once. */
  async ask(mode: string, back: string): Promise<void> {
    const ca = this.#authority;
    await Promise.all(
      this.#told(mode, back).map(async ([of, stage]) => {
        const limit =
          expected(of)['seen as'] === 'times out' ? { silenceMs: ENOUGH_MS } : { timeoutMs: PATIENCE_MS };
        const url = urlOf(VIP[stage.family], '/whoami', stage.port);
        const seen = await this.lab.client(of.client).seenAs(url, { ...limit, ca });
        this.outcomes.set(keyOf(of), { 'seen as': this.#word(of, seen), killed: '-', 'cut off': '-' });
      }),
    );
  }

  /** For each client that was answered, a connection to each of these masters. */
  async connect(mode: string, back: string, masters: readonly Master[]): Promise<Connected[]> {
    const answered = this.#told(mode, back).filter(([of]) => this.#answered(of));
    const made = await Promise.all(answered.map(([of, stage]) => this.#connectionsTo(masters, of, stage)));
    return made.flat();
  }

  /** Sees what becomes of those connections whose server died; `use` has each send something first, but those that are ended unasked. */
  async see(
    column: 'killed' | 'cut off',
    connected: readonly Connected[],
    { use }: { readonly use: boolean },
  ): Promise<void> {
    await Promise.all(
      connected.map(async ({ of, connection }) => {
        if (use && expected(of)[column] !== 'ended') await connection.ask('/whoami');
        const patienceMs = expected(of)[column] === 'hangs' ? ENOUGH_MS : PATIENCE_MS;
        // It matches nothing: only an end, or the time, ends the wait.
        const how = await connection.expect(/(?!)/, patienceMs).catch((error: unknown) => error);
        assert.ok(how instanceof Error);
        this.outcomes.set(keyOf(of), { ...this.outcome(of), [column]: ENDINGS[how.message] ?? how.message });
        await connection.close();
      }),
    );
  }

  outcome(of: Combination): Outcome {
    const found = this.outcomes.get(keyOf(of));
    assert.ok(found !== undefined, `${keyOf(of)} was not tried`);
    return found;
  }

  #answered(of: Combination): boolean {
    return ['node', 'client', 'VIP'].includes(this.outcome(of)['seen as']);
  }

  /** The combinations that are on the stages, with them; those with a way back only where there is a row. */
  #told(mode: string, back: string): [Combination, Stage][] {
    return this.stages
      .flatMap((stage) =>
        CLIENTS.map((client): [Combination, Stage] => [
          { mode, family: stage.family, client, server: stage.server, back },
          stage,
        ]),
      )
      .filter(([of]) => back !== 'yes' || EXPECTED.has(keyOf(of)));
  }

  async #connectionsTo(masters: readonly Master[], of: Combination, stage: Stage): Promise<Connected[]> {
    const url = urlOf(VIP[stage.family], '/', stage.port);
    const found = new Map<string, Connection>();
    for (let time = 0; time < 30 && found.size < masters.length; time += 1) {
      const connection = await this.lab.client(of.client).open(url, { timeoutMs: PATIENCE_MS });
      const { name } = await connection.whoami(PATIENCE_MS);
      if (masters.some((master) => master.name === name) && !found.has(name)) found.set(name, connection);
      else await connection.close();
    }
    assert.equal(found.size, masters.length, `${keyOf(of)}: connections reached ${[...found.keys()].join()}`);
    return [...found].map(([master, connection]) => ({ of, master, connection }));
  }

  /** The word for a source address or an error. */
  #word({ family, client }: Combination, seen: string): string {
    if (seen === NODE[family]) return 'node';
    if (seen === VIP[family]) return 'VIP';
    if (seen === this.lab.client(client).addresses[family]) return 'client';
    return ERRORS[seen] ?? seen;
  }

  async #kept(): Promise<string[]> {
    const { node } = this.lab;
    const tables = (await node.must('nft', ['list', 'tables'])).split('\n');
    return Promise.all(
      this.stages.map(async (stage) => {
        const address = VIP[stage.family];
        const [ip, family] = stage.family === 'ipv4' ? ['-4', 'ip'] : ['-6', 'ip6'];
        const ways = [
          (await node.ip(`${ip} route show table local`)).includes(`local ${address} dev lo `)
            ? 'local route'
            : null,
          (await node.ip(`${ip} address show`)).includes(`${address}/${HOST_LENGTH[stage.family]} `)
            ? 'address'
            : null,
          (await node.ip(`${ip} route show ${address}`)).includes('metric 50') ? 'route' : null,
        ];
        const table = `table ${family} lvscare-${address.replaceAll(':', '_')}-${stage.port}`;
        return [
          virtualServer(stage),
          ways.filter((way) => way !== null).join(' and '),
          tables.includes(table),
        ].join(' ');
      }),
    );
  }
}

/** How a connection's end is called in the table. */
const ENDINGS: Readonly<Record<string, string>> = {
  CLOSED: 'closed',
  ECONNABORTED: 'ended',
  ECONNRESET: 'reset',
  TIMEOUT: 'hangs',
};

/** Each row that tells of a mode and a real server in one of these places, as it was lived through. */
export function rowsOf(mode: string, servers: readonly string[], theatre: () => Theatre): void {
  for (const row of ROWS) {
    const here = combinations(row).filter((of) => of.mode === mode && servers.includes(of.server));
    if (here.length === 0) continue;
    it(titleOf(row), () => {
      assert.deepEqual(
        Object.fromEntries(here.map((of) => [keyOf(of), theatre().outcome(of)])),
        Object.fromEntries(here.map((of) => [keyOf(of), outcome(row)])),
      );
    });
  }
}
