// The rows of docs/modes.md whose real server is on the node itself, a master.
import { after, before, describe } from 'node:test';
import { endpoint, Lab, NODE } from '../../lab/index.js';
import { at, FAMILIES, MODES, rowsOf, Theatre, type Stage } from './ways.js';

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
        // Nobody is answered in mode route, and to start an apiserver again takes its time.
        if (connected.length === 0) return;
        await own.kill();
        undo.push(() => own.start());
        await theatre.see('killed', connected, { use: false });
      });
      after(() => Promise.all(undo.map((step) => step())));
      rowsOf(mode, ['own address', 'loopback'], () => theatre);
    });
  }
});
