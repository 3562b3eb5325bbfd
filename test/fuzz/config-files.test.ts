import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe } from 'node:test';
import fc from 'fast-check';
import { readDaemonConfig } from '../../src/config/care-config.js';
import { readAllSettings } from '../../src/config/config-file.js';
import { UsageError } from '../../src/config/usage-error.js';
import { loadWebConfig } from '../../src/config/web-config.js';
import { anyBytes, anyJson, anyText, fuzz, harmless, mutated, quickly } from './fuzz.js';

const directory = mkdtempSync(join(tmpdir(), 'lvscare-fuzz-'));
after(() => {
  rmSync(directory, { recursive: true });
});
const path = join(directory, 'file.yaml');

/** Reads a file with this text, which may be refused by a UsageError, and by nothing else. */
async function reading(text: string, read: () => Promise<unknown>): Promise<void> {
  writeFileSync(path, text);
  const refused = await quickly(async () => {
    try {
      await read();
      return null;
    } catch (error) {
      if (error instanceof UsageError) return error;
      throw error;
    }
  });
  // Of each wrong value there is a line.
  for (const line of refused?.message.split('\n') ?? []) harmless(line);
}

const CONFIG = [
  'vs: 10.103.97.2:6443\nrs: [10.0.0.1:6443, 10.0.0.2:6443]\ninterval: 5s\nhealth-status: [200, 401]\nsysctl: true\n',
  'log-level: debug\ndefaults:\n  interval: 1m30s\nvirtualServers:\n- vs: 10.103.97.2:6443\n  scheduler: wrr\n  rs:\n  - address: 10.0.0.1:6443\n    weight: 2\n  - 10.0.0.2:6443\n- vs: "[fd00::2]:6443"\n  rs: ["[fd00::3]:6443"]\n',
  '{"vs": "10.103.97.2:6443", "rs": ["10.0.0.1:6443"], "fall": 3, "health-req-headers": "a=b"}',
  '%YAML 1.1\n---\nvs: &v !!str 10.103.97.2:6443\nrs: !!set {? *v}\n<<: {interval: 1}\n',
];
const CONFIG_KEYS = ['vs', 'rs', 'interval', 'virtualServers', 'defaults', 'address', 'weight', 'fall'];

describe('the configuration file', () => {
  const texts = fc.oneof(
    mutated(CONFIG, CONFIG_KEYS, 4096),
    anyJson(CONFIG_KEYS).map((value) => JSON.stringify(value)),
    anyText,
    anyBytes,
  );
  fuzz('is a configuration or refused', texts, async (text) => {
    await reading(text, async () => {
      const given = { config: path };
      readDaemonConfig(await readAllSettings(given, {}), {}, { elsewhere: true });
    });
  });
});

const HASH = '$2y$10$abcdefghijklmnopqrstuuAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA';
const WEB = [
  `basic_auth_users:\n  prometheus: ${HASH}\n  other: ${HASH}\n`,
  'tls_server_config:\n  cert_file: no.crt\n  key_file: no.key\n  client_auth_type: RequireAndVerifyClientCert\n  client_allowed_sans: [a, b]\n  min_version: TLS12\n',
  `http_server_config:\n  http2: false\n  headers:\n    X-Frame-Options: deny\nbasic_auth_users: {a: ${HASH}}\n`,
];
const WEB_KEYS = ['tls_server_config', 'basic_auth_users', 'http_server_config', 'headers', 'cert_file'];

describe('the web configuration file', () => {
  const texts = fc.oneof(
    mutated(WEB, WEB_KEYS, 4096),
    anyJson(WEB_KEYS).map((value) => JSON.stringify(value)),
    anyText,
    anyBytes,
  );
  fuzz('is a configuration or refused', texts, async (text) => {
    await reading(text, () => loadWebConfig(path, '--web-config-file'));
  });
});
