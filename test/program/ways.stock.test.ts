// The tables of docs/ways.md: every way to the virtual server, from everywhere, to a real server anywhere.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import {
  endpoint,
  Lab,
  NODE,
  until,
  urlOf,
  VIP,
  type LabNode,
  type LabProcess,
  type Master,
} from '../../lab/index.js';
import { cell, decisionTable, titleOf, type TableRow } from '../core/decision-tables.js';
import type { Connection } from './clients.js';
import { allOf, serversOf, startCare, untilWeights } from './lvscare.js';

const FAMILIES = ['ipv4', 'ipv6'] as const;
type Family = (typeof FAMILIES)[number];

const CLIENTS = ['node', 'pod', 'external'] as const;
type Client = (typeof CLIENTS)[number];

/** What shows that a mode's way is there, as independent tools tell it. */
interface Kept {
  readonly way: 'local route' | 'dummy' | 'route';
  readonly masqueraded: boolean;
}

const MODES: Readonly<Record<string, Kept>> = {
  local: { way: 'local route', masqueraded: false },
  'local --masquerade': { way: 'local route', masqueraded: true },
  link: { way: 'dummy', masqueraded: true },
  'link --masquerade=false': { way: 'dummy', masqueraded: false },
  route: { way: 'route', masqueraded: false },
};

/** Verdicts soon, for apiservers in a guest that is slow. */
const OPTIONS = ['--health-timeout', '2s', '--connect-timeout', '1s'];

/** For what is to come about: a guest may be slow. */
const PATIENCE_MS = 20_000;
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

const keyOf = ({ mode, family, client, server, back }: Combination): string =>
  [mode, family, client, server, back].join(', ');

const ROWS = decisionTable('ways', 'ways.md');
const EXPECTED = new Map(ROWS.flatMap((row) => combinations(row).map((of) => [keyOf(of), outcome(row)])));

/** Those that a row tells of: each of its cells may list more than one. */
function combinations(row: TableRow): Combination[] {
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

function expected(of: Combination): Outcome {
  const found = EXPECTED.get(keyOf(of));
  assert.ok(found !== undefined, `docs/ways.md has no row for ${keyOf(of)}`);
  return found;
}

/** How each error is called in the table. */
const ERRORS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'refused',
  EHOSTUNREACH: 'unreachable',
  TIMEOUT: 'times out',
};

/** A virtual server whose only real server, or servers, are in one place. */
interface Stage {
  readonly server: 'remote' | 'own address' | 'loopback';
  readonly family: Family;
  readonly port: number;
  readonly realServers: readonly string[];
  /** What `--ip` is to be; null if it finds NODE_IP. */
  readonly ip: string | null;
}

const virtualServer = ({ family, port }: Stage): string => endpoint(VIP[family], port);

const at = (master: Master, family: Family): string =>
  family === 'ipv4' ? master.endpoint : master.endpoint6;

/** A connection to a master. */
interface Connected {
  readonly of: Combination;
  readonly master: string;
  readonly connection: Connection;
}

/** A lab in which a mode after the other is tried, on every stage at once. */
class Theatre {
  readonly lab: Lab;
  readonly stages: readonly Stage[];
  readonly outcomes = new Map<string, Outcome>();
  #daemons: LabProcess[] = [];
  #authority = '';

  constructor(lab: Lab, stages: readonly Stage[]) {
    this.lab = lab;
    this.stages = stages;
  }

  /** Starts lvscare on each stage, and waits until the way of the mode is there, and no other, and who is up is in rotation. */
  async open(mode: string): Promise<void> {
    this.#authority = await this.lab.certificates.authorityPem();
    this.#daemons = this.stages.map((stage) => {
      const ip = stage.ip === null ? [] : ['--ip', stage.ip];
      return startCare(
        this.lab,
        [...OPTIONS, '--mode', ...mode.split(' '), ...ip],
        [
          ...['--vs', virtualServer(stage), '--rs', stage.realServers.join(',')],
          ...['--health-ca', this.lab.caFile],
        ],
      );
    });
    for (const stage of this.stages) {
      await untilWeights(this.lab, Object.fromEntries(stage.realServers.map((server) => [server, 1])), {
        virtualServer: virtualServer(stage),
      });
    }
    const kept = MODES[mode];
    assert.ok(kept !== undefined);
    const wanted = this.stages.map((stage) => [virtualServer(stage), kept.way, kept.masqueraded].join(' '));
    await until(async () => JSON.stringify(await this.#kept()) === JSON.stringify(wanted), {
      timeoutMs: PATIENCE_MS * 2,
      everyMs: 150,
      what: `the way is that of ${mode}`,
    });
  }

  /** Ends every lvscare: what it keeps stays until the next mode's takes it away. */
  async close(): Promise<void> {
    const daemons = this.#daemons.splice(0);
    await Promise.all(daemons.map((daemon) => daemon.stop(PATIENCE_MS)));
  }

  /** Has all clients of which the table tells ask at once. */
  async ask(mode: string, back: string): Promise<void> {
    const ca = this.#authority;
    await Promise.all(
      this.#told(mode, back).map(async ([of, stage]) => {
        const timeoutMs = expected(of)['seen as'] === 'times out' ? ENOUGH_MS : PATIENCE_MS;
        const url = urlOf(VIP[stage.family], '/whoami', stage.port);
        const seen = await this.lab.client(of.client).seenAs(url, { timeoutMs, ca });
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

  /** Sees what becomes of those connections whose server died; `use` has each send something first. */
  async see(
    column: 'killed' | 'cut off',
    connected: readonly Connected[],
    { use }: { readonly use: boolean },
  ): Promise<void> {
    await Promise.all(
      connected.map(async ({ of, connection }) => {
        if (use) await connection.ask('/whoami');
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
        const [ip, family, bits] = stage.family === 'ipv4' ? ['-4', 'ip', 32] : ['-6', 'ip6', 128];
        const ways = [
          (await node.ip(`${ip} route show table local`)).includes(`local ${address} dev lo `)
            ? 'local route'
            : null,
          (await node.ip(`${ip} address show`)).includes(`${address}/${bits} `) ? 'dummy' : null,
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
const ENDINGS: Readonly<Record<string, string>> = { CLOSED: 'closed', ECONNRESET: 'reset', TIMEOUT: 'hangs' };

it('docs/ways.md has one row for every mode, family, client and place of the real server', () => {
  const told = ROWS.flatMap(combinations).map(keyOf);
  const all = Object.keys(MODES).flatMap((mode) =>
    FAMILIES.flatMap((family) =>
      CLIENTS.flatMap((client) => {
        const of = { mode, family, client };
        const remote = { ...of, server: 'remote', back: 'no' };
        return [
          remote,
          // With a way back is asked who is not served without.
          ...(expected(remote)['seen as'] === 'times out' ? [{ ...remote, back: 'yes' }] : []),
          { ...of, server: 'own address', back: '-' },
          ...(family === 'ipv4' ? [{ ...of, server: 'loopback', back: '-' }] : []),
        ].map(keyOf);
      }),
    ),
  );
  assert.deepEqual(told.toSorted(), all.toSorted());
});

/** Each row that tells of a mode and a real server in one of these places, as it was lived through. */
function rowsOf(mode: string, servers: readonly string[], theatre: () => Theatre): void {
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

describe('a node whose real servers are elsewhere', () => {
  let theatre: Theatre;
  before(async () => {
    const lab = await Lab.create({ masters: 3, clients: ['pod', 'external'] });
    const stages = FAMILIES.map((family) => ({
      server: 'remote' as const,
      family,
      port: 6443,
      realServers: lab.masters.map((master) => at(master, family)),
      ip: null,
    }));
    theatre = new Theatre(lab, stages);
    // The node tells them of a shorter way, past it; see docs/ways.md.
    const files = ['ipv4', 'ipv6'].flatMap((family) =>
      ['all', 'eth0'].map((name) => `/proc/sys/net/${family}/conf/${name}/accept_redirects`),
    );
    await onMasters('tee', files, '0');
  });
  after(() => theatre.lab.close());

  /** Gives every master a way through the node to the clients elsewhere and to the VIP, or takes it away. */
  async function waysBack(verb: 'add' | 'delete'): Promise<void> {
    const { lab } = theatre;
    const hosts = [VIP, lab.client('pod').addresses, lab.client('external').addresses];
    const commands = hosts.flatMap(({ ipv4, ipv6 }) => [
      `route ${verb} ${ipv4}/32 via ${NODE.ipv4}`,
      `route ${verb} ${ipv6}/128 via ${NODE.ipv6}`,
    ]);
    await onMasters('ip', ['-batch', '-'], commands.join('\n'));
  }

  async function onMasters(command: string, args: readonly string[], input: string): Promise<void> {
    for (const master of theatre.lab.masters) {
      const { status, stderr } = await master.exec(command, args, { input: `${input}\n` });
      assert.equal(status, 0, stderr);
    }
  }

  for (const mode of Object.keys(MODES)) {
    describe(mode, () => {
      const undo: (() => Promise<unknown>)[] = [];
      before(async () => {
        const { lab, stages } = theatre;
        const [stays, killed, cut] = [lab.master(0), lab.master(1), lab.master(2)];
        undo.push(() => theatre.close());
        await theatre.open(mode);
        await theatre.ask(mode, 'no');
        const connected = await theatre.connect(mode, 'no', [killed, cut]);
        await waysBack('add');
        undo.push(() => waysBack('delete'));
        await theatre.ask(mode, 'yes');
        connected.push(...(await theatre.connect(mode, 'yes', [killed, cut])));

        await killed.kill();
        undo.push(() => killed.start());
        const to = (master: Master): Connected[] => connected.filter((one) => one.master === master.name);
        await theatre.see('killed', to(killed), { use: false });
        await cut.cut();
        undo.push(() => cut.mend());
        for (const stage of stages) {
          const row = { [at(stays, stage.family)]: 1 };
          await untilWeights(lab, row, { virtualServer: virtualServer(stage) });
        }
        await theatre.see('cut off', to(cut), { use: true });
      });
      after(() => Promise.all(undo.map((step) => step())));
      rowsOf(mode, ['remote'], () => theatre);
    });
  }
});

describe('a control-plane node, whose real server is its own', () => {
  let lab: Lab;
  let theatre: Theatre;
  before(async () => {
    lab = await Lab.create({ masters: 3, clients: ['pod', 'external'], nodeServes: true });
    const own = lab.master(0);
    const stages: Stage[] = FAMILIES.map((family) => ({
      server: 'own address',
      family,
      port: 6443,
      realServers: [at(own, family)],
      ip: null,
    }));
    // The loopback address tells nothing of which address the node has among others.
    const loopback = [endpoint('127.0.0.1')];
    stages.push({ server: 'loopback', family: 'ipv4', port: 6444, realServers: loopback, ip: NODE.ipv4 });
    theatre = new Theatre(lab, stages);
  });
  after(() => lab.close());

  for (const mode of Object.keys(MODES)) {
    describe(mode, () => {
      const undo: (() => Promise<unknown>)[] = [];
      before(async () => {
        const own = lab.master(0);
        undo.push(() => theatre.close());
        await theatre.open(mode);
        await theatre.ask(mode, '-');
        const connected = await theatre.connect(mode, '-', [own]);
        await own.kill();
        undo.push(() => own.start());
        await theatre.see('killed', connected, { use: false });
      });
      after(() => Promise.all(undo.map((step) => step())));
      rowsOf(mode, ['own address', 'loopback'], () => theatre);
    });
  }

  for (const [mode, made] of [
    ['local', /local route put right/],
    ['link', /address put right/],
  ] as const) {
    it(`${mode}: on all masters at once, each is served by all, and by those that are left`, async () => {
      const nodes = await Promise.all([0, 1, 2].map((index) => masterNode(index)));
      const daemons = nodes.map((node) =>
        startCare(lab, [...OPTIONS, '--mode', mode], serversOf(lab), { on: node }),
      );
      try {
        for (const [index, node] of nodes.entries()) {
          await daemons[index]?.waitForLine(made, { timeoutMs: 60_000 });
          await untilWeights(lab, allOf(lab), { node });
        }
        const all = lab.masters.map(({ name }) => name);
        await servedBy(all);
        await lab.master(1).kill();
        const { [lab.master(1).endpoint]: _, ...left } = allOf(lab);
        for (const node of nodes) await untilWeights(lab, left, { node });
        await servedBy(all.filter((name) => name !== lab.master(1).name));
        await lab.master(1).start();
      } finally {
        await Promise.all(daemons.map((daemon) => daemon.stop(PATIENCE_MS)));
      }

      /** Each master's requests are answered by these, in turn, and come from its own address. */
      async function servedBy(names: readonly string[]): Promise<void> {
        await Promise.all(
          nodes.map(async (node) => {
            const requests = names.map(() => node.request(undefined, { timeoutMs: PATIENCE_MS }));
            const answers = (await Promise.all(requests)).map((result) =>
              result.ok ? [result.by, result.whoami?.remoteAddress] : [result.code],
            );
            assert.deepEqual(
              answers.toSorted(),
              names.map((name) => [name, node.addresses.ipv4]),
              node.name,
            );
          }),
        );
      }
    });
  }

  const masterNodes = new Map<number, Promise<LabNode>>();
  /** A master as a node, made when it is first asked for. */
  function masterNode(index: number): Promise<LabNode> {
    const node = masterNodes.get(index) ?? lab.nodeAt(index);
    masterNodes.set(index, node);
    return node;
  }
});
