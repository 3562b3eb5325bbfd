import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { answersByTcp, fixedPorts, PreferredPorts, type Answers } from '../../src/probe/preferred-ports.js';
import { portsFor } from '../../src/probe/source-port.js';
import { until } from '../../lab/until.js';
import { endpoint } from '../../src/values/endpoint.js';
import { closedPort, raw, silent } from './servers.js';

const RANGE = { first: 61440, last: 65535 };
const A = endpoint('ipv4', '10.0.0.1', 6443);
const B = endpoint('ipv4', '10.0.0.2', 6443);

interface Network {
  /** Whether servers answer to the range, and to ports that the kernel chooses. */
  range: boolean;
  kernels: boolean;
  /** What was tried: `range` or `kernel`, with `hedged`. */
  readonly tried: string[];
}

/** Ports on a network, and what they report. */
function portsOn(network: Partial<Network>): {
  network: Network;
  ports: PreferredPorts;
  reported: string[];
} {
  const full: Network = { range: true, kernels: true, tried: [], ...network };
  const reported: string[] = [];
  const answers: Answers = async (server, { range, hedged }, signal) => {
    full.tried.push(`${range === null ? 'kernel' : 'range'}${hedged ? ' hedged' : ''}`);
    const answer = range === null ? full.kernels : full.range;
    await turn();
    assert.ok(server === A || server === B);
    return answer && !signal.aborted;
  };
  const ports = new PreferredPorts(RANGE, answers, (range, shownBy) => {
    assert.equal(range, RANGE);
    reported.push(shownBy?.text ?? 'over');
  });
  return { network: full, ports, reported };
}

/** Until everything that was begun is done. */
async function settle(): Promise<void> {
  for (let turns = 0; turns < 10; turns += 1) await turn();
}

describe('preferred ports', () => {
  it('are those of the range, and nothing is tried while servers answer', async () => {
    const { network, ports, reported } = portsOn({});
    const own = ports.ofOneServer();
    own.connected(A);
    await settle();
    assert.deepEqual([own.range, network.tried, reported], [RANGE, [], []]);
  });

  it("are the kernel's for a server that answers only to these, and again the range when it answers there", async () => {
    const { network, ports, reported } = portsOn({ range: false });
    const [own, others] = [ports.ofOneServer(), ports.ofOneServer()];
    own.silent(A);
    await settle();
    assert.deepEqual(network.tried.splice(0), ['kernel', 'range hedged', 'kernel']);
    assert.deepEqual([own.range, others.range], [null, RANGE]);
    own.connected(A);
    await settle();
    assert.deepEqual([own.range, network.tried.splice(0), reported], [null, ['range'], [A.text]]);
    network.range = true;
    own.connected(A);
    await settle();
    assert.deepEqual([own.range, reported], [RANGE, [A.text, 'over']]);
  });

  it('stay the range for a server that is dead, and for one that is just back', async () => {
    const { network, ports, reported } = portsOn({ range: false, kernels: false });
    const own = ports.ofOneServer();
    own.silent(A);
    await settle();
    assert.deepEqual(network.tried.splice(0), ['kernel']);
    Object.assign(network, { range: true, kernels: true });
    own.silent(A);
    await settle();
    assert.deepEqual(network.tried, ['kernel', 'range hedged']);
    assert.deepEqual([own.range, reported], [RANGE, []]);
  });

  it('are the range again when a server becomes silent to those of the kernel, but not to the range', async () => {
    const { network, ports, reported } = portsOn({ range: false });
    const own = ports.ofOneServer();
    own.silent(A);
    await settle();
    Object.assign(network, { range: true, kernels: false });
    own.silent(A);
    await settle();
    assert.deepEqual([own.range, reported], [RANGE, [A.text, 'over']]);
  });

  it('are reported once for all servers, until the last one answers to the range', async () => {
    const { network, ports, reported } = portsOn({ range: false });
    const both = [
      [ports.ofOneServer(), A],
      [ports.ofOneServer(), B],
    ] as const;
    for (const [own, server] of both) own.silent(server);
    await settle();
    network.range = true;
    for (const [own, server] of both) {
      assert.deepEqual(reported, [A.text]);
      own.connected(server);
      await settle();
    }
    assert.deepEqual(reported, [A.text, 'over']);
  });

  it('are compared by one attempt at a time, and not at all after the end', async () => {
    const { network, ports, reported } = portsOn({ range: false });
    const own = ports.ofOneServer();
    own.silent(A);
    own.silent(A);
    own.close();
    await settle();
    assert.deepEqual([network.tried, own.range, reported], [['kernel'], RANGE, []]);
  });
});

describe('fixed ports', () => {
  it('stay as they are', () => {
    for (const range of [null, RANGE]) {
      const own = fixedPorts(range);
      own.silent(A);
      own.connected(A);
      own.close();
      assert.equal(own.range, range);
    }
  });

  it('are those that the option gives', () => {
    assert.equal(portsFor('kernel'), null);
    assert.equal(portsFor(RANGE), RANGE);
    assert.notEqual(portsFor('auto'), null);
  });
});

describe('an answer by TCP', () => {
  const answers = answersByTcp(200);
  const from = { range: { first: 61440, last: 61951 }, hedged: false };
  const { signal } = new AbortController();

  it('is a connection, from a port of the range', async () => {
    let port = 0;
    await using server = await raw((socket) => (port = socket.remotePort ?? 0));
    assert.equal(await answers(server.endpoint, from, signal), true);
    await until(() => port !== 0, { what: 'the server has the connection' });
    assert.ok(port >= 61440 && port <= 61951, String(port));
  });

  it('is a refusal, too', async () => {
    assert.equal(await answers(await closedPort(), from, signal), true);
  });

  it('is not a silence, nor the end of lvscare', async () => {
    await using server = await silent();
    assert.equal(await answers(server.endpoint, from, signal), false);
    assert.equal(await answers(server.endpoint, from, AbortSignal.abort()), false);
  });
});
