import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { readDaemonConfig, type DaemonConfig } from '../../src/config/care-config.js';
import { readAllSettings, readSettings } from '../../src/config/config-file.js';
import type { Arguments, Environment } from '../../src/config/settings.js';

describe('a file of several virtual servers', () => {
  let directory = '';
  let file = '';
  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'lvscare-config-'));
    file = join(directory, 'lvscare.yaml');
  });
  after(() => {
    rmSync(directory, { recursive: true });
  });

  async function read(
    text: string,
    given: Arguments = {},
    environment: Environment = {},
  ): Promise<DaemonConfig> {
    writeFileSync(file, text);
    const settings = await readAllSettings({ config: file, ...given }, environment);
    return readDaemonConfig(settings, environment, { defaultCa: '/nowhere' });
  }

  const TWO = `
metrics-addr: 10.0.0.11:9288
log-level: WARN
defaults: { interval: 7s, fall: 4 }
virtualServers:
  - vs: 10.103.97.2:6443
    rs: [10.103.97.200:6443, 10.103.97.201:6443, { address: 10.103.97.202:6443, weight: 2 }]
    scheduler: wrr
  - vs: 10.103.97.2:9345
    rs:
      - 10.103.97.200:9345
    health-path: /ping
    interval: 1s
`;

  it('has settings of the process, defaults, and each virtual server', async () => {
    const config = await read(TWO);
    assert.equal(config.metricsAddress?.text, '10.0.0.11:9288');
    assert.equal(config.log.level, 'warn');
    assert.equal(config.file?.path, file);
    const [one, other, ...more] = config.virtualServers;
    assert.deepEqual(more, []);
    assert.equal(one?.virtualServer.text, '10.103.97.2:6443');
    assert.equal(one.realServers.length, 3);
    assert.deepEqual(one.policy.weights, new Map([['10.103.97.202:6443', 2]]));
    assert.deepEqual([one.policy.intervalMs, one.policy.fall, one.policy.scheduler], [7000, 4, 'wrr']);
    assert.equal(one.probe.path, '/healthz');
    assert.deepEqual(
      other?.realServers.map(({ text }) => text),
      ['10.103.97.200:9345'],
    );
    assert.deepEqual([other.policy.intervalMs, other.policy.fall], [1000, 4]);
    assert.equal(other.probe.path, '/ping');
    assert.equal(other.policy.weights.size, 0);
  });

  it('comes after the command line and the environment, for all of them', async () => {
    const { virtualServers } = await read(TWO, { interval: '2s' }, { CARE_FALL: '9' });
    assert.deepEqual(
      virtualServers.map(({ policy }) => [policy.intervalMs, policy.fall]),
      [
        [2000, 9],
        [2000, 9],
      ],
    );
  });

  it('is one virtual server without virtualServers, as before, also with weights', async () => {
    const { virtualServers } = await read(
      'vs: 10.103.97.2:6443\nrs: [{ address: 10.0.0.1:6443, weight: 3 }]\nscheduler: wlc\n',
    );
    assert.deepEqual(
      virtualServers.map(({ policy }) => policy.weights),
      [new Map([['10.0.0.1:6443', 3]])],
    );
    const flags = await read('vs: 10.103.97.2:6443\nrs: [{ address: 10.0.0.1:6443, weight: 3 }]\n', {
      rs: '10.0.0.1:6443',
    });
    assert.deepEqual(flags.virtualServers[0]?.policy.weights, new Map(), 'not those of the file');
  });

  it('notes weights that have no effect', async () => {
    const { notes } = await read(
      'vs: 10.103.97.2:6443\nhealth-insecure-skip-verify: true\nrs: [{ address: 10.0.0.1:6443, weight: 3 }]\n',
    );
    assert.deepEqual(
      notes.map(({ text }) => text),
      [`the weights of ${file}:3: rs have no effect: scheduler rr ignores them; wrr does not`],
    );
  });

  it('of which a command takes the one that --vs names', async () => {
    writeFileSync(file, TWO);
    const settings = await readSettings({ config: file, vs: '10.103.97.2:9345' }, {});
    assert.equal(settings.read('health-path'), '/ping');
    await assert.rejects(readSettings({ config: file, vs: '10.0.0.1:1' }, {}), {
      message: `--vs: expected one of the virtual servers of ${file}: 10.103.97.2:6443, 10.103.97.2:9345, got "10.0.0.1:1"`,
    });
    await assert.rejects(readSettings({ config: file }, {}), {
      message: `--config: expected a file with one virtual server, or --vs beside it: one of 10.103.97.2:6443, 10.103.97.2:9345, got "${file}"`,
    });
  });

  const one = (more: string): string =>
    `virtualServers:\n  - { vs: 10.103.97.2:6443, rs: 10.0.0.1:6443${more} }\n`;
  const wrong: readonly (readonly [text: string, messages: readonly string[], given?: Arguments])[] = [
    [
      'virtualServers: []',
      ['1: virtualServers: expected a list of 1 to 256 virtual servers, got "a list of 0"'],
    ],
    ['virtualServers: 7', ['1: virtualServers: expected a list of 1 to 256 virtual servers, got "7"']],
    ['virtualServers:\n- 7', ['2: virtualServers[0]: expected a mapping of options, got "7"']],
    [
      `interval: 1s\n${one('')}`,
      [
        '1: interval: expected options of the process; this one belongs in defaults or in virtualServers, got "interval"',
      ],
    ],
    [
      `vs: 10.0.0.1:1\n${one('')}`,
      ['1: vs: expected options of the process; this one belongs in virtualServers, got "vs"'],
    ],
    [
      one(', metrics-addr: "off"'),
      [
        '2: virtualServers[0].metrics-addr: expected options of a virtual server; this one belongs at the top, got "metrics-addr"',
      ],
    ],
    [
      `defaults: {rs: 10.0.0.1:1}\n${one('')}`,
      [
        '1: defaults.rs: expected options that virtual servers share; this one belongs in virtualServers, got "rs"',
      ],
    ],
    [
      `virtualServer: 1\n${one('')}`,
      [
        '1: virtualServer: expected an option of lvscare care by its long name (did you mean virtualServers?), got "virtualServer"',
      ],
    ],
    [
      'virtualServers:\n- { vs: 10.103.97.2:6443, rs: x }\n- { vs: 10.103.97.2:7000,\n    rs: 10.0.0.1:6443, intervall: 1, fall: none }\n',
      [
        '2: virtualServers[0].rs: expected IP:PORT or [IPv6]:PORT with a numeric address, got "x"',
        '4: virtualServers[1].intervall: expected an option of lvscare care by its long name (did you mean interval?), got "intervall"',
        '4: virtualServers[1].fall: expected a whole number from 1 to 1000, got "none"',
      ],
    ],
    [
      'virtualServers:\n- { rs: 10.0.0.1:6443 }\n- { vs: 10.103.97.2:7000 }\n',
      [
        '2: virtualServers[0].vs: expected the virtual server, IP:PORT or [IPv6]:PORT, got nothing',
        '3: virtualServers[1].rs: expected at least one real server, IP:PORT, got nothing',
      ],
    ],
    [
      `${one('')}  - { vs: 10.103.97.2:6443, rs: 10.0.0.2:6443 }\n`,
      [
        '3: virtualServers[1].vs: expected another virtual server than FILE:2: virtualServers[0].vs, got "10.103.97.2:6443"',
      ],
    ],
    [
      `${one('')}  - { vs: 10.103.97.3:6443, rs: 10.103.97.2:6443 }\n`,
      ['3: virtualServers[1].rs: expected real servers that are no virtual servers, got "10.103.97.2:6443"'],
    ],
    [
      'virtualServers:\n- { vs: 10.103.97.2:6443, rs: 10.103.97.3:6443 }\n- { vs: 10.103.97.3:6443, rs: 10.103.97.2:6443 }\n',
      [
        '2: virtualServers[0].rs: expected real servers that are no virtual servers, got "10.103.97.3:6443"',
        '3: virtualServers[1].rs: expected real servers that are no virtual servers, got "10.103.97.2:6443"',
      ],
    ],
    [
      `${one('')}  - { vs: 10.103.97.2:7000, rs: 10.0.0.2:6443, mode: link }\n`,
      [
        '3: virtualServers[1].mode: expected mode local, as 10.103.97.2:6443 with the same address, got "link lvscare"',
      ],
    ],
    [one(', rs: 10.0.0.2:6443'), ['2: virtualServers[0].rs: expected rs once, got "rs"']],
    [
      `virtualServers:\n  - vs: 10.103.97.2:6443\n    rs:\n${Array.from({ length: 4097 }, (_, index) => `      - 10.1.${index >> 8}.${index & 255}:1`).join('\n')}\n`,
      ['2: virtualServers: expected at most 4096 real servers in all, got "4097"'],
    ],
  ];
  for (const [text, messages, given] of wrong)
    it(`is refused: ${JSON.stringify(text.slice(0, 120))}`, async () => {
      await assert.rejects(read(text, given), (error: Error) => {
        assert.equal(error.name, 'UsageError');
        assert.equal(
          error.message.replaceAll(file, 'FILE'),
          messages.map((message) => `FILE:${message}`).join('\n'),
        );
        return true;
      });
    });

  it('takes no --discover of the command line beside it, since it is an option of one virtual server', async () => {
    await assert.rejects(read(TWO, { discover: '/etc/kubernetes/kubelet.conf' }), {
      message: `--discover: expected no --discover beside a file with virtualServers, got "${file}"`,
    });
  });

  it('takes no --vs and no --rs of the command line and the environment beside it', async () => {
    await assert.rejects(read(TWO, { vs: '10.0.0.1:1' }), {
      message: `--vs: expected no --vs beside a file with virtualServers, got "${file}"`,
    });
    await assert.rejects(read(TWO, {}, { CARE_RS: '10.0.0.1:1' }), {
      message: `CARE_RS: expected no CARE_RS beside a file with virtualServers, got "${file}"`,
    });
  });
});
