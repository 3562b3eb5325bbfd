// The rows of docs/modes.md whose real servers are elsewhere: every way to the virtual server, from everywhere.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Lab, NODE, VIP, type Master } from '../../lab/index.js';
import { untilWeights } from './lvscare.js';
import {
  at,
  CLIENTS,
  combinations,
  expected,
  FAMILIES,
  keyOf,
  MODES,
  ROWS,
  rowsOf,
  Theatre,
  virtualServer,
  type Connected,
} from './ways.js';

it('docs/modes.md has one row for every mode, family, client and place of the real server', () => {
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
    // The node tells them of a shorter way, past it; see docs/modes.md.
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
