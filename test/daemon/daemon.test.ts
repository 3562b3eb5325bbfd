import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Daemon, KEEP, type Unit } from '../../src/daemon/daemon.js';
import type { Change, WantedVirtualServer } from '../../src/decisions/reload.js';
import type { VirtualServerReport } from '../../src/report/report.js';
import { endpoint } from '../../src/values/endpoint.js';
import { settle } from '../control-loop/fake-clock.js';
import { POLICY } from '../control-loop/stage.js';

type Config = WantedVirtualServer;

const [A, B] = [endpoint('ipv4', '10.0.0.1', 1), endpoint('ipv4', '10.0.0.2', 1)];

function config(port: number, changes: Partial<Config> = {}): Config {
  return {
    virtualServer: endpoint('ipv4', '10.103.97.2', port),
    realServers: [A],
    policy: POLICY,
    probe: {},
    mode: 'local',
    iface: 'lvscare',
    masquerade: false,
    nodeAddress: null,
    sysctl: true,
    ipvsTcpTimeoutS: null,
    discovery: null,
    ...changes,
  };
}

/** A daemon whose units only say what they are told. */
class Scene {
  readonly said: string[] = [];
  /** The ports whose units cannot be started. */
  readonly failing = new Set<number>();
  readonly ending = new AbortController();
  /** How each retirement goes on, by the port. */
  readonly retirements = new Map<number, () => void>();
  readonly daemon = new Daemon<Config>({
    signal: this.ending.signal,
    create: (one) => this.#unit(one),
    onRemoved: ({ port }) => this.said.push(`${port} removed`),
  });

  /** What was said since it was last asked. */
  take(): string[] {
    return this.said.splice(0);
  }

  get ports(): string[] {
    return this.daemon.reports({ history: false }).map(({ virtualServer }) => virtualServer);
  }

  #unit({ virtualServer: { port } }: Config): Unit<Config> {
    return {
      start: () => {
        this.said.push(`${port} start`);
        return this.failing.has(port) ? Promise.reject(new Error(`no ${port}`)) : Promise.resolve();
      },
      emit: ({ kind }) => this.said.push(`${port} ${kind}`),
      keepStarting: ({ message }) => this.said.push(`${port} keeps starting: ${message}`),
      update: (_config, change: Change) => {
        this.said.push(`${port} update +${change.added.length} -${change.removed.length}`);
        return Promise.resolve();
      },
      retire: (signal) =>
        new Promise((resolve) => {
          this.said.push(`${port} retire`);
          this.retirements.set(port, () => {
            resolve(false);
          });
          signal.addEventListener('abort', () => {
            resolve(signal.reason === KEEP);
          });
        }),
      stop: () => {
        this.said.push(`${port} stop`);
        return Promise.resolve();
      },
      report: () => ({ virtualServer: String(port) }) as VirtualServerReport,
    };
  }
}

describe('a daemon', () => {
  it('starts, updates and retires units, and touches no other', async () => {
    const scene = new Scene();
    await scene.daemon.apply([config(1), config(2)], 'clean');
    assert.deepEqual(scene.take(), ['1 start', '2 start']);
    await scene.daemon.apply([config(1), config(2)], 'clean');
    assert.deepEqual(scene.take(), []);
    await scene.daemon.apply([config(3), config(1, { realServers: [A, B] })], 'clean');
    assert.deepEqual(scene.take(), ['3 start', '1 update +1 -0', '2 retire']);
    assert.deepEqual(scene.ports, ['3', '1', '2'], 'in the order of the configuration, then what goes');
    scene.retirements.get(2)?.();
    await settle();
    assert.deepEqual(scene.take(), ['2 removed']);
    assert.deepEqual(scene.ports, ['3', '1']);
    await scene.daemon.stop();
    assert.deepEqual(scene.take(), ['3 stop', '1 stop']);
  });

  it('goes on with those that can be started, and tries the others again', async () => {
    const scene = new Scene();
    scene.failing.add(1);
    await scene.daemon.apply([config(1), config(2)], 'clean');
    assert.deepEqual(scene.take(), ['1 start', '2 start', '1 keeps starting: no 1']);
    assert.deepEqual(scene.ports, ['1', '2']);
  });

  it('fails if none can be started at first, and not later', async () => {
    const scene = new Scene();
    scene.failing.add(1);
    await assert.rejects(scene.daemon.apply([config(1)], 'clean'), { message: 'no 1' });
    const other = new Scene();
    other.failing.add(2);
    await other.daemon.apply([config(1)], 'clean');
    await other.daemon.apply([config(2)], 'clean');
    assert.deepEqual(other.take(), ['1 start', '2 start', '2 keeps starting: no 2', '1 retire']);
  });

  it('keeps a virtual server that is configured again before it is removed', async () => {
    const scene = new Scene();
    await scene.daemon.apply([config(1), config(2)], 'clean');
    await scene.daemon.apply([config(1)], 'clean');
    scene.take();
    await scene.daemon.apply([config(1), config(2, { realServers: [A, B] })], 'clean');
    assert.deepEqual(scene.take(), ['2 update +2 -0']);
    assert.deepEqual(scene.ports, ['1', '2']);
  });

  it('leaves a virtual server that is no longer configured as it is, if that is wanted, and starts it anew later', async () => {
    const scene = new Scene();
    await scene.daemon.apply([config(1), config(2)], 'clean');
    scene.take();
    await scene.daemon.apply([config(1)], 'keep');
    assert.deepEqual(scene.take(), ['2 stop', '2 removed']);
    assert.deepEqual(scene.ports, ['1']);
    await scene.daemon.apply([config(1), config(2)], 'keep');
    assert.deepEqual(scene.take(), ['2 start']);
  });

  it('makes it anew if it was removed in the meantime', async () => {
    const scene = new Scene();
    await scene.daemon.apply([config(1), config(2)], 'clean');
    await scene.daemon.apply([config(1)], 'clean');
    scene.take();
    scene.retirements.get(2)?.();
    await scene.daemon.apply([config(1), config(2)], 'clean');
    assert.deepEqual(scene.take(), ['2 removed', '2 start']);
  });

  it('at its end waits no longer for what is drained, and applies nothing any more', async () => {
    const scene = new Scene();
    await scene.daemon.apply([config(1), config(2)], 'clean');
    await scene.daemon.apply([config(1)], 'clean');
    scene.take();
    scene.ending.abort();
    await scene.daemon.stop();
    assert.deepEqual(scene.take().sort(), ['1 stop', '2 removed']);
    await scene.daemon.apply([config(3)], 'clean');
    assert.deepEqual(scene.take(), []);
  });

  it('passes what happened to all virtual servers on to each', async () => {
    const scene = new Scene();
    await scene.daemon.apply([config(1), config(2)], 'clean');
    scene.take();
    scene.daemon.emit({ kind: 'credentials-ok', what: '/etc/lvscare/web.yaml' });
    assert.deepEqual(scene.take(), ['1 credentials-ok', '2 credentials-ok']);
  });
});
