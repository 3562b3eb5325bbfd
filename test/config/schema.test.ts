import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { readAllSettings } from '../../src/config/config-file.js';
import { CARE_OPTIONS } from '../../src/config/options.js';
import { configSchema } from '../../src/config/schema.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

type Schema = Readonly<Record<string, unknown>>;

/** Whether a value is one of a schema, as far as this schema uses JSON Schema; throws for a keyword that is not known here. */
function isValid(schema: Schema, value: unknown): boolean {
  const object = typeof value === 'object' && value !== null && !Array.isArray(value);
  return Object.entries(schema).every(([keyword, wanted]) => {
    switch (keyword) {
      case '$schema':
      case 'title':
      case 'description':
      case 'default':
        return true;
      case 'type':
        return [wanted].flat().some((type) => isOfType(String(type), value));
      case 'anyOf':
        return (wanted as readonly Schema[]).some((one) => isValid(one, value));
      case 'items':
        return !Array.isArray(value) || value.every((item) => isValid(wanted as Schema, item));
      case 'minItems':
        return !Array.isArray(value) || value.length >= Number(wanted);
      case 'maxItems':
        return !Array.isArray(value) || value.length <= Number(wanted);
      case 'minimum':
        return typeof value !== 'number' || value >= Number(wanted);
      case 'maximum':
        return typeof value !== 'number' || value <= Number(wanted);
      case 'required':
        return !object || (wanted as readonly string[]).every((name) => Object.hasOwn(value, name));
      case 'properties':
        return (
          !object ||
          Object.entries(value).every(([name, one]) => {
            const property = (wanted as Readonly<Record<string, Schema | undefined>>)[name];
            return property === undefined || isValid(property, one);
          })
        );
      case 'additionalProperties':
        return (
          !object || Object.keys(value).every((name) => Object.hasOwn(schema['properties'] as object, name))
        );
      default:
        throw new Error(`the test does not know ${keyword}`);
    }
  });
}

function isOfType(type: string, value: unknown): boolean {
  if (type === 'integer') return Number.isInteger(value);
  if (type === 'array') return Array.isArray(value);
  if (type === 'object') return typeof value === 'object' && value !== null && !Array.isArray(value);
  return typeof value === type;
}

const SERVERS = { vs: '10.103.97.2:6443', rs: ['10.0.0.1:6443'] };
const several = (one: object, top: object = {}): object => ({
  ...top,
  virtualServers: [{ ...SERVERS, ...one }],
});

describe('the schema of the file of options', () => {
  let directory = '';
  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'lvscare-schema-'));
  });
  after(() => {
    rmSync(directory, { recursive: true });
  });

  /** Whether the reader takes it. */
  async function isRead(value: unknown): Promise<boolean> {
    const file = join(directory, 'options.json');
    writeFileSync(file, JSON.stringify(value));
    return await readAllSettings({ config: file }, {}).then(
      () => true,
      () => false,
    );
  }

  /** Without a text of its own that is wrong, which only the reader knows. */
  const EXAMPLES: readonly unknown[] = [
    SERVERS,
    {},
    { ...SERVERS, 'health-status': 401 },
    { ...SERVERS, masquerade: true },
    { ...SERVERS, masquerade: 'true' },
    { ...SERVERS, masquerade: 1 },
    { ...SERVERS, fall: true },
    { ...SERVERS, fall: [3] },
    { ...SERVERS, fal: 3 },
    { ...SERVERS, i: 'x' },
    { ...SERVERS, config: 'x' },
    { ...SERVERS, logger: 'INFO' },
    { ...SERVERS, rs: [{ address: '10.0.0.1:1', weight: 2 }, '10.0.0.2:1'] },
    { ...SERVERS, rs: [{ address: '10.0.0.1:1', weight: 0 }] },
    { ...SERVERS, rs: [{ address: '10.0.0.1:1', weight: 70_000 }] },
    { ...SERVERS, rs: [{ address: '10.0.0.1:1', wight: 2 }] },
    { ...SERVERS, rs: [{ weight: 2 }] },
    { ...SERVERS, rs: [['10.0.0.1:1']] },
    several({}),
    several({}, { 'metrics-addr': 'off', defaults: { interval: '5s', fall: 3 } }),
    several({ 'metrics-addr': 'off' }),
    several({}, { interval: '5s' }),
    several({}, { vs: '10.103.97.2:6443' }),
    several({}, { defaults: { rs: ['10.0.0.1:1'] } }),
    several({}, { defaults: 7 }),
    { virtualServers: [] },
    { virtualServers: SERVERS },
    { virtualServers: [7] },
    { virtualServers: Array.from({ length: 257 }, () => SERVERS) },
    [],
    null,
    'text',
  ];
  for (const example of EXAMPLES)
    it(`accepts what lvscare reads, and nothing else: ${JSON.stringify(example).slice(0, 90)}`, async () => {
      assert.equal(isValid(configSchema(), example), await isRead(example));
    });

  it('has every option, in its place only', async () => {
    for (const {
      flag,
      kind,
      default: value,
      hidden,
      appliesTo,
    } of CARE_OPTIONS as readonly ((typeof CARE_OPTIONS)[number] & { hidden?: true })[]) {
      if (['config', 'vs', 'rs', 'discover'].includes(flag) || hidden === true) continue;
      const given = { [flag]: kind === 'switch' ? true : (value ?? TEXTS[flag] ?? '1') };
      for (const example of [several(given), several({}, given), several({}, { defaults: given })]) {
        const read = await isRead(example);
        assert.equal(isValid(configSchema(), example), read, `${flag} ${JSON.stringify(example)}`);
        assert.equal(read, (appliesTo === 'process') === Object.hasOwn(example, flag), flag);
      }
    }
  });

  it('has discover for one virtual server, and not among what they share', async () => {
    const discover = { discover: '/etc/kubernetes/kubelet.conf', 'health-insecure-skip-verify': false };
    for (const [example, read] of [
      [several(discover), true],
      [several({}, { defaults: discover }), false],
      [several({}, discover), false],
    ] as const) {
      assert.equal(await isRead(example), read, JSON.stringify(example));
      assert.equal(isValid(configSchema(), example), read, JSON.stringify(example));
    }
  });

  it('is the one that is shipped', () => {
    execFileSync(process.execPath, ['scripts/write-config-schema.mjs', '--check'], {
      cwd: ROOT,
      stdio: 'pipe',
    });
    const { files } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
      readonly files: readonly string[];
    };
    assert.ok(files.includes('manifests'));
  });
});

/** For options without a default whose text cannot be `1`. */
const TEXTS: Readonly<Record<string, string>> = {
  ip: '10.0.0.1',
  'health-status': '401',
  'health-req-headers': 'a=b',
  'health-server-name': 'apiserver',
};
