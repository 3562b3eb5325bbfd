// Beside kube-proxy in nftables mode: its own rules, and the table of docs/modes.md that tells what they do to a virtual server.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { endpoint, Lab, NODE, until, urlOf, VIP, type Master } from '../../lab/index.js';
import { cell, decisionTable, titleOf, type TableRow } from '../decisions/decision-tables.js';
import { kubeProxyRules, kubeProxyTable } from './kube-proxy.js';
import { lvscare } from './lvscare.js';
import { at, FAMILIES, OPTIONS, PATIENCE_MS } from './ways.js';

type Family = (typeof FAMILIES)[number];

const CLUSTER = {
  ipv4: { serviceCidr: '10.96.0.0/16', podCidr: '10.244.0.0/16' },
  ipv6: { serviceCidr: 'fd00:10:96::/112', podCidr: 'fd00:10:244::/64' },
} as const;

/** Addresses of services. */
const inRange = {
  ipv4: { kubernetes: '10.96.0.1', dns: '10.96.0.10', refused: '10.96.0.20', nobody: '10.96.0.99' },
  ipv6: {
    kubernetes: 'fd00:10:96::1',
    dns: 'fd00:10:96::10',
    refused: 'fd00:10:96::20',
    nobody: 'fd00:10:96::99',
  },
} as const;

/** Where a virtual server may be, as the table calls it. */
const PLACES: Readonly<Record<string, (family: Family) => { address: string; port: number }>> = {
  elsewhere: (family) => ({ address: VIP[family], port: 6443 }),
  'no service': (family) => ({ address: family === 'ipv4' ? '10.96.0.2' : 'fd00:10:96::2', port: 6443 }),
  'a service at another port': (family) => ({ address: inRange[family].dns, port: 6443 }),
  'a service': (family) => ({ address: inRange[family].kubernetes, port: 443 }),
};

/** For what happens in a second, or not at all. */
const ENOUGH_MS = 3000;

const ROWS = decisionTable('kube-proxy', 'modes.md');
const listed = (row: TableRow, column: string): string[] =>
  cell(row, column)
    .split(', ')
    .map((item) => item.replaceAll('`', ''));

/** What a client sees. */
interface Outcome {
  readonly 'seen as': string;
  readonly by: string;
  readonly 'cut off': string;
}

/** How each error is called in the table. */
const WORDS: Readonly<Record<string, string>> = {
  ECONNRESET: 'reset',
  ECONNREFUSED: 'refused',
  EHOSTUNREACH: 'unreachable',
};

const keyOf = (mode: string, place: string, family: string, client: string): string =>
  [mode, place, family, client].join('; ');

describe('beside kube-proxy in nftables mode', () => {
  let lab: Lab;
  let rules = '';
  const outcomes = new Map<string, Outcome>();
  const nft = (...args: string[]): Promise<string> => lab.node.must('nft', args);
  const theirs = async (): Promise<string> =>
    (
      await Promise.all(FAMILIES.map((family) => nft('-a', 'list', ...kubeProxyTable(family).split(' '))))
    ).join('');

  before(async () => {
    lab = await Lab.create({ masters: 2, clients: ['pod', 'external'] });
    for (const family of FAMILIES) {
      const servers = lab.masters.map(({ addresses }) => ({ address: addresses[family], port: 6443 }));
      const { kubernetes, dns, refused } = inRange[family];
      const text = kubeProxyRules({
        ...CLUSTER[family],
        family,
        nodeIp: NODE[family],
        services: [
          {
            name: 'default/kubernetes',
            portName: 'https',
            clusterIp: kubernetes,
            port: 443,
            endpoints: servers,
          },
          {
            name: 'kube-system/kube-dns',
            portName: 'dns-tcp',
            clusterIp: dns,
            port: 53,
            endpoints: [{ address: lab.client('pod').addresses[family], port: 53 }],
          },
          {
            name: 'default/web',
            portName: 'http',
            clusterIp: refused,
            port: 80,
            nodePort: 30080,
            endpoints: [],
          },
        ],
      });
      // The kernel loads a dozen modules for it, one after the other.
      await lab.node.must('nft', ['-f', '-'], { input: text, timeoutMs: 300_000 });
      await lab
        .client('external')
        .must('ip', ['route', 'add', CLUSTER[family].serviceCidr, 'via', NODE[family]]);
    }
    // The node has to have some way to services, or nobody is asked.
    await lab.node.ip('route add default dev eth0');
    await lab.node.ip('-6 route add default dev eth0');
    rules = await theirs();
  });
  after(() => lab.close());

  it('its rules do what they do, before lvscare comes', async () => {
    const seen = async (client: 'node' | 'pod', address: string, port: number): Promise<string> =>
      lab.client(client).seenAs(urlOf(address, '/whoami', port), { silenceMs: ENOUGH_MS });
    for (const family of FAMILIES) {
      const { kubernetes, dns, refused, nobody } = inRange[family];
      assert.deepEqual(
        {
          kubernetes: await seen('node', kubernetes, 443),
          anotherPort: await seen('node', dns, 6443),
          refused: await seen('node', refused, 80),
          nodePort: await seen('pod', NODE[family], 30080),
          nobody: await seen('node', nobody, 6443),
        },
        {
          kubernetes: NODE[family],
          anotherPort: 'ECONNREFUSED',
          refused: 'ECONNREFUSED',
          nodePort: 'ECONNREFUSED',
          nobody: 'TIMEOUT',
        },
        family,
      );
    }
  });

  for (const mode of ['local', 'link']) {
    describe(mode, () => {
      before(async () => {
        for (const [place, of] of Object.entries(PLACES)) {
          await Promise.all(FAMILIES.map((family) => setUp(mode, family, of(family))));
          for (const family of FAMILIES)
            for (const client of ['node', 'pod', 'external'] as const) await ask(mode, place, family, client);
        }
        for (const family of FAMILIES) await cutOff(mode, family);
      });
      for (const row of ROWS.filter((candidate) => listed(candidate, 'mode').includes(mode)))
        it(titleOf(row), () => {
          const wanted = expectedBy(row, mode);
          assert.deepEqual(
            Object.fromEntries([...wanted.keys()].map((key) => [key, outcomes.get(key)])),
            Object.fromEntries(wanted),
          );
        });
      it('leaves its rules as they are, and --clean takes away no more than lvscare made', async () => {
        assert.equal(await theirs(), rules);
        for (const { address, port } of Object.values(PLACES).flatMap((of) => FAMILIES.map(of))) {
          const vs = endpoint(address, port);
          const { status, stdout } = await lvscare(lab.node, ['care', '--vs', vs, '--clean']);
          assert.equal(status, 0, stdout);
        }
        assert.equal(await theirs(), rules);
        assert.deepEqual(
          (await nft('list', 'tables')).trim().split('\n').toSorted(),
          FAMILIES.map(kubeProxyTable),
        );
        assert.deepEqual(await lab.node.table(), []);
      });
    });
  }

  it('docs/modes.md has one row for each', () => {
    const told = ROWS.flatMap((row) => listed(row, 'mode').flatMap((mode) => [...expectedBy(row, mode)]));
    assert.equal(told.length, outcomes.size);
    assert.deepEqual(Object.fromEntries(outcomes), Object.fromEntries(told));
  });

  function expectedBy(row: TableRow, mode: string): Map<string, Outcome> {
    const outcome = { 'seen as': cell(row, 'seen as'), by: cell(row, 'by'), 'cut off': cell(row, 'cut off') };
    return new Map(
      listed(row, 'virtual server').flatMap((place) =>
        FAMILIES.flatMap((family) =>
          listed(row, 'client').map((client): [string, Outcome] => [
            keyOf(mode, place, family, client),
            outcome,
          ]),
        ),
      ),
    );
  }

  async function setUp(
    mode: string,
    family: Family,
    { address, port }: { readonly address: string; readonly port: number },
  ): Promise<void> {
    const rs = lab.masters.map((master) => at(master, family)).join(',');
    const servers = ['--vs', endpoint(address, port), '--rs', rs, '--health-ca', lab.caFile];
    const once = await lvscare(lab.node, ['care', ...servers, ...OPTIONS, '--mode', mode, '--run-once']);
    assert.equal(once.status, 0, once.stdout + once.stderr);
  }

  async function ask(
    mode: string,
    place: string,
    family: Family,
    client: 'node' | 'pod' | 'external',
  ): Promise<void> {
    const { address, port } = of(place, family);
    const earlier = await forwarded(address, port);
    const seen = await lab.client(client).seenAs(urlOf(address, '/whoami', port), { silenceMs: ENOUGH_MS });
    const word = seen === 'TIMEOUT' ? 'times out' : (WORDS[seen] ?? (seen === NODE[family] ? 'node' : seen));
    const by = (await forwarded(address, port)).some((one) => !earlier.includes(one))
      ? 'lvscare'
      : 'kube-proxy';
    outcomes.set(keyOf(mode, place, family, client), { 'seen as': word, by, 'cut off': '-' });
  }

  /** What becomes of connections to a master that is cut off and whose row is removed. */
  async function cutOff(mode: string, family: Family): Promise<void> {
    const master = lab.master(1);
    const answered = [...outcomes].filter(
      ([key, { 'seen as': seen, by }]) =>
        key.startsWith(`${mode}; `) && key.includes(`; ${family}; `) && seen === 'node' && by === 'lvscare',
    );
    const open = await Promise.all(
      answered.map(async ([key]) => {
        const [, place = '', , client = ''] = key.split('; ');
        const { address, port } = of(place, family);
        return { key, connection: await connectionTo(master, client as 'node', urlOf(address, '/', port)) };
      }),
    );
    await master.cut();
    for (const place of Object.keys(PLACES)) {
      const { address, port } = of(place, family);
      await lab.node.ipvsadm(`-d -t ${endpoint(address, port)} -r ${at(master, family)}`);
    }
    await Promise.all(
      open.map(async ({ key, connection }) => {
        await connection.ask('/whoami');
        const how = await connection.expect(/(?!)/, ENOUGH_MS).catch((error: unknown) => error);
        assert.ok(how instanceof Error);
        const word = how.message === 'TIMEOUT' ? 'hangs' : (WORDS[how.message] ?? how.message);
        const outcome = outcomes.get(key);
        assert.ok(outcome !== undefined);
        outcomes.set(key, { ...outcome, 'cut off': word });
        await connection.close();
      }),
    );
    await master.mend();
    await until(async () => (await lab.node.request(urlOf(master.addresses[family], '/whoami'))).ok, {
      timeoutMs: PATIENCE_MS,
    });
  }

  function of(place: string, family: Family): { address: string; port: number } {
    const found = PLACES[place]?.(family);
    assert.ok(found !== undefined, `no place ${place}`);
    return found;
  }

  /** The clients, with their ports, whose connections to a virtual server IPVS knows: its counters are seconds late. */
  async function forwarded(address: string, port: number): Promise<string[]> {
    const rows = (await lab.node.ipvsadm('-Lnc')).split('\n').map((line) => line.trim().split(/\s+/));
    return rows.flatMap(([, , , client = '', virtual]) =>
      virtual === endpoint(address, port) ? [client] : [],
    );
  }

  async function connectionTo(
    { name }: Master,
    client: 'node' | 'pod' | 'external',
    url: string,
  ): Promise<Awaited<ReturnType<Lab['node']['open']>>> {
    for (let time = 0; time < 10; time += 1) {
      const connection = await lab.client(client).open(url, { timeoutMs: PATIENCE_MS });
      if ((await connection.whoami(PATIENCE_MS)).name === name) return connection;
      await connection.close();
    }
    throw new Error(`no connection to ${url} reached ${name}`);
  }
});
