import assert from 'node:assert/strict';
import { mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { pino } from 'pino';
import { readDaemonConfig, type DaemonConfig } from '../../src/config/care-config.js';
import { readAllSettings } from '../../src/config/config-file.js';
import { Reloader } from '../../src/daemon/reloader.js';
import { FakeClock, settle } from '../control-loop/fake-clock.js';

const VS = 'vs: 10.103.97.2:6443';

/** A reloader of a file, which is really there. */
class Scene {
  readonly clock = new FakeClock();
  readonly applied: DaemonConfig[] = [];
  readonly lines: string[] = [];
  readonly directory: string;
  readonly file: string;
  readonly #ending = new AbortController();
  #running: Promise<void> = Promise.resolve();
  reloader: Reloader | null = null;
  log = pino({ level: 'info', base: null, timestamp: false }, { write: (line) => this.lines.push(line) });

  constructor(directory: string) {
    this.directory = directory;
    this.file = join(directory, 'lvscare.yaml');
  }

  async start(text: string): Promise<this> {
    await writeFile(this.file, text);
    const readConfig = async (): Promise<DaemonConfig> =>
      readDaemonConfig(await readAllSettings({ config: this.file }, {}), {}, { defaultCa: '/nowhere' });
    const config = await readConfig();
    assert.ok(config.file !== null);
    this.reloader = new Reloader(config, config.file, {
      log: this.log,
      clock: this.clock,
      wallClock: () => this.clock.now(),
      readConfig,
      apply: (applied) => {
        this.applied.push(applied);
        return Promise.resolve();
      },
    });
    this.#running = this.reloader.run(this.#ending.signal);
    await this.pass(0);
    return this;
  }

  /** Lets time pass, and what reads files do so. */
  async pass(ms: number): Promise<void> {
    for (let left = ms; left >= 0; left -= 100) {
      await this.clock.advance(Math.min(left, 100));
      await new Promise((resolve) => setTimeout(resolve, 4));
      await settle();
    }
  }

  async stop(): Promise<void> {
    this.#ending.abort();
    await this.#running;
    assert.equal(this.clock.sleepers, 0);
  }

  /** The real servers of the first virtual server, each time that a configuration was applied. */
  get servers(): string[] {
    return this.applied.map(({ virtualServers: [one] }) =>
      (one?.realServers ?? []).map(({ address }) => address).join(),
    );
  }

  take(): string[] {
    return this.lines.splice(0).map((line) => {
      const { event, msg } = JSON.parse(line) as { event: string; msg: string };
      return `${event}: ${msg.replaceAll(this.file, 'FILE')}`;
    });
  }
}

describe('a file of options that is watched', () => {
  let scene: Scene;
  beforeEach(async () => {
    scene = new Scene(await mkdtemp(join(tmpdir(), 'lvscare-reload-')));
  });
  afterEach(async () => {
    await scene.stop();
    await rm(scene.directory, { recursive: true });
  });

  it('is applied when it is written to, replaced, or when the link to it leads elsewhere', async () => {
    await scene.start(`${VS}\nrs: 10.0.0.1:1\n`);
    await scene.pass(3000);
    assert.deepEqual(scene.servers, [], 'nothing has changed');
    await writeFile(scene.file, `${VS}\nrs: 10.0.0.2:1\n`);
    await scene.pass(2000);
    await writeFile(`${scene.file}.new`, `${VS}\nrs: 10.0.0.3:1\n`);
    await rename(`${scene.file}.new`, scene.file);
    await scene.pass(2000);
    await writeFile(join(scene.directory, 'other'), `${VS}\nrs: 10.0.0.4:1\n`);
    await symlink('other', join(scene.directory, '..data'));
    await rename(join(scene.directory, '..data'), scene.file);
    await scene.pass(2000);
    assert.deepEqual(scene.servers, ['10.0.0.2', '10.0.0.3', '10.0.0.4']);
    assert.deepEqual(
      scene.take().filter((line) => line.startsWith('reload')),
      Array(3).fill('reloaded: FILE was read again and is in force: 1 virtual server'),
    );
  });

  it('changes nothing when it is wrong or gone, which is said once, until it is good again', async () => {
    await scene.start(`${VS}\nrs: 10.0.0.1:1\n`);
    const goodMs = scene.reloader?.result.successMs;
    scene.take();
    await writeFile(scene.file, `${VS}\nrs: 10.0.0.x:1\nfal: 2\n`);
    await scene.pass(5000);
    assert.deepEqual(scene.take(), [
      'reload-failed: FILE is wrong, and the configuration before it goes on: ' +
        'FILE:2: rs: expected IP:PORT or [IPv6]:PORT with a numeric address, got "10.0.0.x:1"; ' +
        'FILE:3: fal: expected an option of lvscare care by its long name (did you mean fall?), got "fal"',
    ]);
    assert.deepEqual(scene.reloader?.result, { successful: false, successMs: goodMs });
    await rm(scene.file);
    await scene.pass(3000);
    assert.deepEqual(scene.take(), [
      'reload-failed: FILE is wrong, and the configuration before it goes on: ' +
        '--config: expected a readable file (ENOENT), got "FILE"',
    ]);
    assert.deepEqual(scene.applied, []);
    await writeFile(scene.file, `${VS}\nrs: 10.0.0.1:1\n`);
    await scene.pass(3000);
    assert.equal(scene.reloader.result.successful, true);
    assert.ok(scene.reloader.result.successMs > (goodMs ?? 0));
  });

  it('is read again when it is asked to, and says what takes a restart', async () => {
    await scene.start(`${VS}\nrs: 10.0.0.1:1\n`);
    scene.take();
    await writeFile(
      scene.file,
      `${VS}\nrs: 10.0.0.1:1\nmetrics-addr: "off"\nlog-level: DEBUG\nlog-format: text\n`,
    );
    scene.reloader?.request();
    await scene.pass(300);
    assert.deepEqual(scene.take(), [
      'restart-needed: metrics-addr has changed in FILE: it takes a restart of lvscare',
      'restart-needed: log-format has changed in FILE: it takes a restart of lvscare',
      'reloaded: FILE was read again and is in force: 1 virtual server',
    ]);
    assert.equal(scene.log.level, 'debug');
    scene.reloader?.request();
    await scene.pass(300);
    assert.equal(scene.applied.length, 2, 'also if nothing has changed');
  });

  it('is not read while it is being written', async () => {
    await scene.start(`${VS}\nrs: 10.0.0.1:1\n`);
    await scene.pass(900);
    for (let part = 2; part < 8; part += 1) {
      await writeFile(scene.file, `${VS}\nrs: 10.0.0.${part}:1\n`);
      await scene.pass(100);
    }
    await scene.pass(2000);
    assert.deepEqual(scene.servers, ['10.0.0.7']);
  });
});
