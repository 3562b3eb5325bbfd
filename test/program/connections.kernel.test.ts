// Connections whose apiserver is out of the table, on a kernel that can end them: no client waits for what cannot come.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { endpoint, Lab, until, urlOf, VIP, type LabProcess, type Master } from '../../lab/index.js';
import { BusyClient, connectionTo, type Connection } from './clients.js';
import { within } from './live-connections.js';
import { restore, startCare, untilWeights } from './lvscare.js';
import { at, FAMILIES, OPTIONS, PATIENCE_MS } from './ways.js';

/** For a connection to end when its server is out: an emulated kernel is slow. */
const END_MS = 60_000;

for (const family of FAMILIES)
  describe(`connections of the node's clients, ${family}`, () => {
    const virtualServer = endpoint(VIP[family]);
    let lab: Lab;
    let daemon: LabProcess;
    const open: Connection[] = [];
    before(async () => {
      lab = await Lab.create({ masters: 3 });
      const realServers = lab.masters.map((master) => at(master, family)).join(',');
      daemon = startCare(
        lab,
        [...OPTIONS, '--drain-timeout', '10s'],
        ['--vs', virtualServer, '--rs', realServers, '--health-ca', lab.caFile],
      );
      await untilServing(lab.masters);
    });
    afterEach(async () => {
      await Promise.all(open.splice(0).map((connection) => connection.close()));
      await restore(lab);
      await untilServing(lab.masters);
    });
    after(async () => {
      await daemon.stop(PATIENCE_MS);
      await lab.close();
    });

    /** These have weight 1, nobody else has a row; but those given are drained. */
    function untilServing(masters: readonly Master[], drained: readonly Master[] = []): Promise<void> {
      const weights = [
        ...masters.map((master) => [at(master, family), 1]),
        ...drained.map((master) => [at(master, family), 0]),
      ];
      const wanted = Object.fromEntries(weights) as Record<string, number>;
      return untilWeights(lab, wanted, { virtualServer, timeoutMs: 180_000 });
    }

    async function connect({ name }: Master): Promise<Connection> {
      const connection = await connectionTo(lab, name, urlOf(VIP[family], '/'), PATIENCE_MS);
      open.push(connection);
      return connection;
    }

    it('to one that is cut off end at once, the idle one too, and others go on', async (t) => {
      const [cut, stays] = [lab.master(0), lab.master(1)];
      const [idle, busy] = [await connect(cut), new BusyClient(await connect(cut))];
      const [other, otherBusy] = [await connect(stays), new BusyClient(await connect(stays))];
      const dead = daemon
        .waitForLine(new RegExp(`${escaped(at(cut, family))} is dead`), { timeoutMs: 60_000 })
        .then(() => performance.timeOrigin + performance.now());
      await cut.cut();
      const ended = Promise.all([idle.ended, busy.connection.ended]);
      const endings = await within(END_MS, ended, `both end\n${daemon.text()}`);
      const [idleEnding, busyEnding] = endings.map(({ code }) => code);
      assert.equal(idleEnding, 'ECONNABORTED');
      // One of its own packets may be quicker, and is answered by a reset.
      assert.match(busyEnding ?? 'none', /^(ECONNABORTED|ECONNRESET)$/);
      await untilServing(lab.masters.filter((master) => master !== cut));
      await daemon.waitForLine(
        new RegExp(`ended [12] connections? of this node's clients to ${escaped(at(cut, family))}`),
      );
      const verdictMs = await dead;
      const afterMs = endings.map(({ atMs }) => Math.round(atMs - verdictMs));
      t.diagnostic(`idle and busy ended ${afterMs.join(' and ')} ms after the verdict was read in the log`);

      const { answers } = otherBusy;
      await until(() => otherBusy.answers >= answers + 2, { timeoutMs: PATIENCE_MS });
      assert.equal((await other.whoami(PATIENCE_MS)).name, stays.name);
    });

    it('to one that hangs live while it is drained, and end with the drain', async () => {
      const [hung, ...others] = lab.masters as [Master, ...Master[]];
      const idle = await connect(hung);
      let ended = false;
      const ending = idle.ended.then((how) => {
        ended = true;
        return how;
      });
      await hung.stop();
      await untilServing(others, [hung]);
      assert.equal(ended, false);
      await untilServing(others);
      assert.equal((await within(END_MS, ending, 'it ends')).code, 'ECONNABORTED');
    });
  });

function escaped(text: string): string {
  return text.replaceAll(/[.[\]]/g, '\\$&');
}
