// One sensor for the virtual servers of a process. What a monitor makes of a question is in suspicion.test.ts.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ClientSensor } from '../../src/control-loop/client-sensor.js';
import type { EventDetails, LateClients } from '../../src/control-loop/events.js';
import type { ClientSocket } from '../../src/control-loop/ports.js';
import { endpoint } from '../../src/values/endpoint.js';
import { FakeClock } from './fake-clock.js';

const [ONE, OTHER] = [endpoint('ipv4', '10.103.97.2', 6443), endpoint('ipv4', '10.103.97.2', 9345)];
const SERVER = endpoint('ipv4', '10.103.97.200', 6443);

/** Clients that wait for the one server through two virtual servers. */
class Scene {
  readonly clock = new FakeClock();
  readonly sockets: ClientSocket[] = [];
  /** The virtual servers that were looked at, for each look. */
  readonly looks: string[][] = [];
  readonly questions: LateClients[] = [];
  readonly events: EventDetails[] = [];
  readonly #ending = new AbortController();
  readonly sensor = new ClientSensor({
    clock: this.clock,
    random: () => 0.5,
    sockets: {
      waiting: (virtualServers) => {
        this.looks.push(virtualServers.map(({ text }) => text));
        return Promise.resolve([...this.sockets]);
      },
      servers: () => Promise.resolve(new Map(this.sockets.map(({ client }) => [client, SERVER]))),
    },
  });
  readonly #running = this.sensor.run(this.#ending.signal);

  watch(virtualServer = ONE): { end(): void } {
    const question = (clients: LateClients): unknown => this.questions.push(clients);
    return this.sensor.watch({
      virtualServer,
      monitors: () => [{ server: SERVER, lateAfterMs: 200, question }],
      emit: (event) => this.events.push(event),
    });
  }

  waits(id: string, virtualServer = ONE): void {
    const client = `10.103.97.100:${id}`;
    this.sockets.push({
      id,
      client,
      virtualServer: virtualServer.text,
      waitsFor: 'connection',
      waitedMs: null,
    });
  }

  /** How many clients are late, as was told each time that it changed. */
  get late(): number[] {
    return this.events.flatMap((event) => (event.kind === 'late-clients' ? [event.count] : []));
  }

  async end(): Promise<void> {
    this.#ending.abort();
    await this.#running;
  }
}

describe('the sensor of clients', () => {
  it('reads the sockets of all virtual servers at once, and of none that is watched no longer', async () => {
    const scene = new Scene();
    scene.watch();
    const other = scene.watch(OTHER);
    await scene.clock.advance(1000);
    other.end();
    await scene.clock.advance(1000);
    assert.deepEqual(scene.looks, [[ONE.text, OTHER.text], [ONE.text]]);
    await scene.end();
  });

  it('reads none without a virtual server', async () => {
    const scene = new Scene();
    await scene.clock.advance(5000);
    assert.deepEqual(scene.looks, []);
    await scene.end();
  });

  it('questions a server once a second, through however many virtual servers clients wait for it', async () => {
    const scene = new Scene();
    scene.watch();
    scene.watch(OTHER);
    for (let time = 0; time < 20; time += 1) {
      scene.waits(`${time}`, time % 2 === 0 ? ONE : OTHER);
      await scene.clock.advance(500);
    }
    assert.ok(scene.questions.length >= 7 && scene.questions.length <= 10, `${scene.questions.length} times`);
    await scene.end();
  });

  it('tells how many clients are late, when that changes', async () => {
    const scene = new Scene();
    scene.watch();
    scene.waits('1');
    scene.waits('2');
    await scene.clock.advance(10_000);
    scene.sockets.pop();
    await scene.clock.advance(1000);
    scene.sockets.pop();
    await scene.clock.advance(5000);
    assert.deepEqual(scene.late, [2, 1, 0]);
    assert.deepEqual(scene.questions[0], { count: 2, waitsFor: 'connection', waitedMs: 200 });
    await scene.end();
  });
});
