import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { runConfigCommand } from '../../src/commands/config.js';
import { readDaemonConfig } from '../../src/config/care-config.js';
import { readAllSettings } from '../../src/config/config-file.js';
import type { Environment } from '../../src/config/settings.js';
import { plainPaint } from '../../src/text/paint.js';

const TEXT = `metrics-addr: 10.0.0.11:9288
defaults: { interval: 7s, health-insecure-skip-verify: true }
virtualServers:
  - vs: 10.103.97.2:6443
    rs: [10.103.97.200:6443, { address: 10.103.97.202:6443, weight: 2 }]
    scheduler: wrr
    health-req-headers: x-a=secret,x-b=2
  - { vs: "[fd00::2]:6443", rs: "[fd00::3]:6443", ip: fd00::9, mode: link }
`;

describe('lvscare config', () => {
  let directory = '';
  let file = '';
  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'lvscare-config-'));
    file = join(directory, 'lvscare.yaml');
  });
  after(() => {
    rmSync(directory, { recursive: true });
  });

  async function printed(
    text: string,
    json = false,
    environment: Environment = {},
  ): Promise<{ readonly out: string; readonly notes: readonly string[] }> {
    writeFileSync(file, text);
    let out = '';
    const notes: string[] = [];
    const output = {
      paint: plainPaint,
      out: (more: string) => {
        out += more;
      },
      note: (line: string) => notes.push(line),
    };
    assert.equal(await runConfigCommand({ file, json, environment }, output), true);
    return { out: out.replaceAll(file, 'FILE'), notes };
  }

  it('shows each option in force, and where it is from', async () => {
    const { out, notes } = await printed(TEXT, false, { CARE_FALL: '3' });
    const lines = out.split('\n').map((line) => line.replace(/ +#/, ' #'));
    for (const line of [
      "metrics-addr: '10.0.0.11:9288' # FILE:1: metrics-addr",
      'log-level: INFO # default',
      "  - vs: '10.103.97.2:6443' # FILE:4: virtualServers[0].vs",
      "      - { address: '10.103.97.202:6443', weight: 2 }",
      "    interval: '7s' # FILE:2: defaults.interval",
      "    fall: '3' # CARE_FALL",
      "  - vs: '[fd00::2]:6443' # FILE:8: virtualServers[1].vs",
      '      - x-a=...',
    ])
      assert.ok(lines.includes(line), `${line} is in\n${out}`);
    assert.doesNotMatch(out, /secret/);
    assert.deepEqual(
      notes,
      ['lvscare: FILE:8: virtualServers[1].ip has no effect'].map(
        (text) => text.replace('FILE', file) + ": mode link makes no use of this node's address",
      ),
    );
  });

  it('prints a file that lvscare reads as the same', async () => {
    const configOf = async (text: string): Promise<object> => {
      writeFileSync(file, text);
      const { virtualServers, metricsAddress } = readDaemonConfig(
        await readAllSettings({ config: file }, {}),
        {},
      );
      return { virtualServers: virtualServers.map(({ nodeAddress: _, ...one }) => one), metricsAddress };
    };
    const text = TEXT.replace(/.*health-req-headers.*\n/, '');
    const { out } = await printed(text);
    assert.deepEqual(await configOf(out), await configOf(text));
  });

  it('prints JSON', async () => {
    const { out } = await printed(TEXT, true);
    const shown = JSON.parse(out) as {
      readonly process: Readonly<Record<string, unknown>>;
      readonly virtualServers: readonly Readonly<Record<string, unknown>>[];
    };
    assert.deepEqual(shown.process['metrics-addr'], {
      value: '10.0.0.11:9288',
      from: 'FILE:1: metrics-addr',
    });
    assert.deepEqual(shown.virtualServers[1]?.['rs'], {
      value: ['[fd00::3]:6443'],
      from: 'FILE:8: virtualServers[1].rs',
    });
  });
});
