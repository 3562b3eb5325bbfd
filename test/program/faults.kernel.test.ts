// The table of docs/faults.md, row by row, on a real kernel.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it, type TestContext } from 'node:test';
import { Lab, until, type LabProcess, type Master } from '../../lab/index.js';
import { cell, decisionTable, type TableRow } from '../decisions/decision-tables.js';
import { closePairs, connectionsAre, pairTo, Sockets, type Pair } from './live-connections.js';
import { allOf, answerers, restore, takeCare, untilWeights } from './lvscare.js';

/** A daemon that judges soon, drains for longer than a row takes, and lets rows not weigh on each other. */
const OPTIONS = ['--health-timeout', '1500ms', '--handshake-interval', '1s'].concat(
  ['--drain-timeout', '2m'],
  ['--max-hold', '0'],
);

/** Lived through by one daemon: its log tells the transitions of one server ever less often, and they are waited for. */
const MOST_ROWS = 8;

interface Fault {
  befall(master: Master, lab: Lab): Promise<unknown>;
  /** Default: heals it. */
  end?(master: Master): Promise<unknown>;
}

const status = (status: number): Fault => ({ befall: (master) => master.fail(status) });
const health = (...[behaviour]: Parameters<Master['behave']>): Fault => ({
  befall: (master) => master.behave(behaviour),
});
const greeting = (...[greeting]: Parameters<Master['greet']>): Fault => ({
  befall: (master) => master.greet(greeting),
});
const certificate = (options: Partial<Parameters<Lab['certificates']['create']>[1]>): Fault => ({
  befall: async (master, { certificates }) => {
    const usual = { name: 'kube-apiserver', alternativeNames: [`IP:${master.addresses.ipv4}`] };
    await master.present(await certificates.create('odd', { ...usual, ...options }));
  },
});

const FAULTS: Readonly<Record<string, Fault>> = {
  killed: { befall: (master) => master.kill(), end: (master) => master.start() },
  'stopped by SIGSTOP': { befall: (master) => master.stop(), end: (master) => master.cont() },
  'cut off': { befall: (master) => master.cut(), end: (master) => master.mend() },
  'rejected by ICMP': { befall: (master) => master.prohibit(), end: (master) => master.mend() },
  'port closed': { befall: (master) => master.closePort() },
  'status 500': status(500),
  'status 500, as etcd is away': health({ kind: 'status', status: 500, failedChecks: ['etcd'] }),
  'status 503': status(503),
  'status 401': { befall: (master) => master.demand({ token: 'one that lvscare was not told' }) },
  'status 403': status(403),
  'status 429': status(429),
  'status 301': status(301),
  '200 too late': health({ kind: 'late', afterMs: 3000 }),
  'no answer': health({ kind: 'hang' }),
  'headers that never end': health({ kind: 'endless-headers' }),
  'body that never ends': health({ kind: 'endless-body' }),
  'body of 100 MB': health({ kind: 'huge-body' }),
  'reset at accept': greeting({ kind: 'cut-off', at: 'accept', by: 'rst' }),
  'closed at accept': greeting({ kind: 'cut-off', at: 'accept', by: 'fin' }),
  'reset in the handshake': greeting({ kind: 'cut-off', at: 'client-hello', by: 'rst' }),
  'closed in the handshake': greeting({ kind: 'cut-off', at: 'client-hello', by: 'fin' }),
  'silence in the handshake': greeting({ kind: 'silence' }),
  'reset after the request': health({ kind: 'cut-off', at: 'request', by: 'rst' }),
  'closed after the request': health({ kind: 'cut-off', at: 'request', by: 'fin' }),
  'reset in the headers': health({ kind: 'cut-off', at: 'headers', by: 'rst' }),
  'closed in the headers': health({ kind: 'cut-off', at: 'headers', by: 'fin' }),
  'reset in the body': health({ kind: 'cut-off', at: 'body', by: 'rst' }),
  'closed in the body': health({ kind: 'cut-off', at: 'body', by: 'fin' }),
  'garbage instead of TLS': greeting({ kind: 'garbage' }),
  'HTTP on the TLS port': greeting({ kind: 'http' }),
  'TLS 1.0 only': greeting({ kind: 'tls1.0' }),
  'certificate that has expired': certificate({ expired: true }),
  'certificate that is not yet valid': certificate({ notYetValid: true }),
  'certificate for another name': certificate({ alternativeNames: ['IP:10.103.97.99'] }),
  'certificate of an unknown CA': {
    befall: async (master, lab) => {
      const authority = await lab.certificates.createAuthority('unknown');
      await certificate({ authority }).befall(master, lab);
    },
  },
  'certificate of a client missing': greeting({ kind: 'client-certificate' }),
};

describe('each fault of docs/faults.md', () => {
  let lab: Lab;
  let daemon: LabProcess;
  let victim: Master;
  /** Sockets when nothing happens. */
  let sockets: Sockets;
  let over = true;
  let rows = 0;
  async function begin(): Promise<void> {
    daemon = await takeCare(lab, OPTIONS);
    sockets = await Sockets.of(lab, daemon, [victim]);
  }
  before(async () => {
    lab = await Lab.create();
    victim = lab.master(1);
    await begin();
  });
  after(() => lab.close());
  afterEach(async () => {
    if (over) return;
    // A row that failed is not to fail the next ones.
    await restore(lab);
    await untilWeights(lab, allOf(lab));
    over = true;
  });

  it('has a row, and each row a fault', () => {
    assert.deepEqual(
      decisionTable('faults', 'faults.md').map((row) => cell(row, 'fault')),
      Object.keys(FAULTS),
    );
  });

  for (const row of decisionTable('faults', 'faults.md')) {
    it(`${cell(row, 'fault')}: ${cell(row, 'state')}, live connections ${cell(row, 'live connections')}`, async (context) => {
      const fault = FAULTS[cell(row, 'fault')];
      assert.ok(fault !== undefined);
      if (++rows % MOST_ROWS === 0) {
        await daemon.stop();
        await begin();
      }
      over = false;
      const pair = await pairTo(lab, victim.name);
      try {
        await liveThrough(row, fault, pair, context);
      } finally {
        await closePairs(pair);
      }
      await sockets.areNoMore();
      over = true;
    });
  }

  async function liveThrough(row: TableRow, fault: Fault, pair: Pair, context: TestContext): Promise<void> {
    const from = daemon.lines.length;
    const startMs = performance.now();
    await fault.befall(victim, lab);
    const verdictMs = await verdict(row, from);
    context.diagnostic(`verdict ${Math.round(verdictMs - startMs)} ms after`);

    const becomes = cell(row, 'row');
    await untilWeights(lab, rowsWithVictim(becomes));
    const served = new Set(await answerers(lab, 6));
    assert.deepEqual(served, new Set(namesThatServe(becomes === '1')), 'who serves new connections');

    const afterwards = await connectionsAre(cell(row, 'live connections'), pair, {
      onReset: (resetMs) => {
        context.diagnostic(`busy connection ended ${Math.round(resetMs - verdictMs)} ms after the verdict`);
      },
    });

    const healed = daemon.lines.length;
    await (fault.end?.(victim) ?? victim.heal());
    const endMs = performance.now();
    if (becomes !== '1') {
      const { atMs } = await daemon.waitForLine(/201:6443 is up \(was (sick|dead)\): ok/, { from: healed });
      context.diagnostic(`up ${Math.round(atMs - endMs)} ms after its end`);
    }
    await untilWeights(lab, allOf(lab));
    await afterwards();
    assert.deepEqual(new Set(await answerers(lab, 6)), new Set(namesThatServe(true)), 'back in rotation');
    assert.doesNotMatch(linesFrom(from), /20[02]:6443 is (?!up)/, 'the others were never doubted');
  }

  /** Waits for the verdict that the row tells; when it came. */
  async function verdict(row: TableRow, from: number): Promise<number> {
    const [kinds = '', words = ''] = cell(row, 'as seen').split(', ');
    const state = cell(row, 'state');
    if (state !== 'up') {
      const evidence = `(${kinds.replace(' or ', '|')}), .*${words}`;
      // A host that goes in the middle of a handshake is slow before it is silent.
      const was = state === 'dead' ? '(up|sick)' : 'up';
      const pattern = new RegExp(`201:6443 is ${state} \\(was ${was}\\): ${evidence}`);
      return (await daemon.waitForLine(pattern, { from })).atMs;
    }
    const asked = async (): Promise<number> => (await victim.stats()).requests['GET /healthz'] ?? 0;
    const before = await asked();
    await until(async () => (await asked()) >= before + 4, { timeoutMs: 60_000, what: 'four more probes' });
    assert.doesNotMatch(linesFrom(from), /201:6443 is/);
    return performance.now();
  }

  function rowsWithVictim(becomes: string): Record<string, number> {
    const rows = allOf(lab);
    if (becomes !== 'gone') return { ...rows, [victim.endpoint]: Number(becomes) };
    const { [victim.endpoint]: _, ...others } = rows;
    return others;
  }

  const namesThatServe = (withVictim: boolean): string[] =>
    lab.masters.filter((master) => withVictim || master !== victim).map((master) => master.name);

  const linesFrom = (from: number): string =>
    daemon.lines
      .slice(from)
      .map((line) => line.text)
      .join('\n');
});
