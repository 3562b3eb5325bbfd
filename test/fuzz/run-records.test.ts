import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe } from 'node:test';
import fc from 'fast-check';
import { drainedFile } from '../../src/state/drains.js';
import { earlierValues } from '../../src/state/earlier-values.js';
import { ownershipStore } from '../../src/state/ownership-store.js';
import { runDirectory } from '../../src/state/run-directory.js';
import { endpoint } from '../../src/values/endpoint.js';
import { anyBytes, anyJson, changedJson, fuzz, mutated, quickly } from './fuzz.js';

const VS = endpoint('ipv4', '10.103.97.2', 6443);
const BOOT = 'b';
const RECORD = {
  virtualServer: VS.text,
  realServers: ['10.0.0.1:6443'],
  modes: [{ kind: 'local' }, { kind: 'link', iface: 'lvscare0' }],
  drained: { '10.0.0.1:6443': 5 },
  value: '1',
  set: '0',
  boot: BOOT,
};
const WORDS = ['virtualServer', 'realServers', 'modes', 'drained', 'value', 'boot', 'kind', 'local', 'link'];

describe('records in /run/lvscare', () => {
  const root = mkdtempSync(join(tmpdir(), 'lvscare-fuzz-'));
  after(() => {
    rmSync(root, { recursive: true });
  });
  const directory = runDirectory(root, 'net', BOOT);
  mkdirSync(directory.path);

  const texts = fc.oneof(
    changedJson(RECORD, WORDS).map((value) => JSON.stringify(value)),
    anyJson(WORDS).map((value) => JSON.stringify(value)),
    mutated([JSON.stringify(RECORD)], WORDS),
    anyBytes,
  );
  fuzz('are read or left out', texts, async (text) => {
    for (const kind of ['json', 'drained', 'sysctl'] as const)
      writeFileSync(directory.file(VS.text, kind), text);
    await quickly(async () => {
      await ownershipStore(directory).list();
      await drainedFile(directory, VS.text).read();
      await earlierValues(directory, 'sysctl', () => undefined).find(VS.text);
    });
  });
});
