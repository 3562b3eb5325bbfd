import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { readCareConfig } from '../../src/config/care-config.js';
import { readSettings } from '../../src/config/config-file.js';
import type { Settings } from '../../src/config/settings.js';

describe('a file of options', () => {
  let directory = '';
  let file = '';
  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'lvscare-config-'));
    file = join(directory, 'care.json');
  });
  after(() => {
    rmSync(directory, { recursive: true });
  });

  async function read(content: string): Promise<Settings> {
    writeFileSync(file, content);
    return await readSettings({ config: file }, {});
  }

  it('is not needed', async () => {
    assert.equal((await readSettings({ fall: '3' }, {})).read('fall'), 3);
    assert.equal((await readSettings({ config: '' }, {})).read('fall'), 2);
  });

  it('has texts, numbers, booleans and lists, and other spellings, in JSON and in YAML', async () => {
    for (const text of [
      '{"fall": 3, "rise": "4", "health-status": [401, "402,403"], "masquerade": true, "logger": "DEBG", "mode": ""}',
      '# of this node\nfall: 3\nrise: "4"\nhealth-status:\n  - 401\n  - 402,403\nmasquerade: true\nlogger: DEBG\nmode: ""\n',
    ]) {
      const settings = await read(text);
      assert.equal(settings.read('fall'), 3);
      assert.equal(settings.read('rise'), 4);
      assert.deepEqual(settings.read('health-status'), [401, 402, 403]);
      assert.equal(settings.read('masquerade'), true);
      assert.equal(settings.read('log-level'), 'debug');
      assert.equal(settings.read('mode'), 'none');
    }
    const texts = await read('{"health-status": "401,402", "masquerade": "false"}');
    assert.deepEqual(texts.read('health-status'), [401, 402]);
    assert.equal(texts.read('masquerade'), false);
  });

  it('is refused with all that is wrong in it, each with its line and the spelling that it has', async () => {
    await assert.rejects(read('{"logger": "x",\n "fall": -5}'), {
      message:
        `${file}:1: logger: expected one of DEBUG, INFO, WARN, ERROR, got "x"\n` +
        `${file}:2: fall: expected a whole number from 1 to 1000, got "-5"`,
    });
  });

  it('may begin with a byte order mark, and be empty but for its braces', async () => {
    assert.equal((await read('\ufeff{ "fall": "4" }\n')).read('fall'), 4);
    assert.equal((await read('{}')).has('fall'), false);
  });

  it('comes after the command line and the environment', async () => {
    writeFileSync(file, '{"fall": 1}');
    const value = async (
      given: Record<string, string>,
      environment: Record<string, string>,
    ): Promise<number> => (await readSettings({ config: file, ...given }, environment)).read('fall');
    assert.equal(await value({}, {}), 1);
    assert.equal(await value({}, { CARE_FALL: '5' }), 5);
    assert.equal(await value({ fall: '3' }, { CARE_FALL: '5' }), 3);
  });

  it('may be named in the environment', async () => {
    writeFileSync(file, '{"fall": 1}');
    assert.equal((await readSettings({}, { CARE_CONFIG: file })).read('fall'), 1);
    await assert.rejects(readSettings({}, { CARE_CONFIG: '/nowhere' }), {
      message: 'CARE_CONFIG: expected a readable file (ENOENT), got "/nowhere"',
    });
  });

  const OPTION = 'expected an option of lvscare care by its long name';
  const wrong: readonly (readonly [content: string, message: string])[] = [
    ['{"bogus": 1}', `1: bogus: ${OPTION}, got "bogus"`],
    ['{"intervall": 1}', `1: intervall: ${OPTION} (did you mean interval?), got "intervall"`],
    ['{"i": "x"}', `1: i: ${OPTION} (did you mean ip?), got "i"`],
    ['{"--fall": 1}', `1: --fall: ${OPTION}, got "--fall"`],
    ['{"config": "x"}', `1: config: ${OPTION}, got "config"`],
    ['{"__proto__": 1}', `1: __proto__: ${OPTION}, got "__proto__"`],
    ['{"logger": "INFO",\n"log-level": "WARN"}', '2: log-level: expected log-level once, got "log-level"'],
    ['{"fall": true}', '1: fall: expected a text or a number, got "true"'],
    ['{"fall": ["1"]}', '1: fall: expected a text or a number, got "a list"'],
    ['{"fall": null}', '1: fall: expected a text or a number, got "null"'],
    ['{"rs": [["a"]]}', '1: rs[0]: expected a text, a number, or a list of them, got "a list"'],
    ['rs:\n- [fd00::1]:6443', '2: expected a YAML or JSON file of options, got'],
    ['{"masquerade": 1}', '1: masquerade: expected true or false, got "1"'],
    ['[]', '1: expected a YAML or JSON file of options, got "a list"'],
    ['null', '1: expected a YAML or JSON file of options, got "null"'],
    ['', '1: expected a YAML or JSON file of options, got "it is empty"'],
    ['fall: 1\n---\nfall: 2\n', '2: expected a YAML or JSON file of options, got "it has a second document"'],
    ['fall: &a 1\nrise: *a\n', '2: rise: expected a text or a number, got "an alias"'],
    ['defaults: {fall: 2}', '1: defaults: expected virtualServers beside it, which it is for, got nothing'],
    [
      'rs: [{address: "10.0.0.1:1", weight: 0}]',
      '1: rs[0].weight: expected a whole number from 1 to 65535, got "0"',
    ],
    ['rs: [{weight: 2}]', '1: rs[0].address: expected the real server, IP:PORT, got nothing'],
    ['rs: [{address: "10.0.0.1:1", wight: 2}]', '1: rs[0].wight: expected address or weight, got "wight"'],
  ];
  for (const [content, message] of wrong)
    it(`is refused: ${JSON.stringify(content)}`, async () => {
      await assert.rejects(read(content), (error: Error) => {
        const [first = ''] = error.message.split('\n');
        assert.equal(error.name, 'UsageError');
        assert.ok(first.startsWith(`${file}:${message}`), first);
        return true;
      });
    });

  it('is refused soon, whatever is in it', async () => {
    const nested = `a: ${'['.repeat(10_000)}`;
    const bomb = `a: &a [x]\nb: &b [${'*a,'.repeat(10_000)}]\nc: [${'*b,'.repeat(10_000)}]\n`;
    for (const text of [nested, '- '.repeat(50_000), '{'.repeat(1000), bomb, '!'.repeat(100_000)]) {
      const startMs = performance.now();
      await assert.rejects(read(text), { name: 'UsageError' });
      assert.ok(performance.now() - startMs < 10_000);
    }
  });

  it('is refused when it is a directory, or more than it may be', async () => {
    const folder = join(directory, 'folder');
    mkdirSync(folder);
    await assert.rejects(readSettings({ config: folder }, {}), {
      message: `--config: expected a regular file, got "${folder}"`,
    });
    await assert.rejects(read(`{}${' '.repeat(4 << 20)}`), {
      message: `--config: expected a file of at most 4 MiB, got "${file}"`,
    });
    await assert.rejects(read(`{}${' '.repeat(128 << 10)}`), {
      message: `${file}: expected a file of at most 128 KiB, got "128 KiB"`,
    });
  });

  it('gives everything that the command line gives', async () => {
    const given = {
      vs: '10.103.97.2:6443',
      rs: ['10.0.0.1:6443', '10.0.0.2:6443'],
      scheduler: 'wlc',
      interval: '500ms',
      masquerade: 'true',
      'health-status': ['401', '403'],
      'health-req-headers': ['x-one=1,2', 'x-two=2'],
    };
    writeFileSync(file, JSON.stringify({ ...given, masquerade: true, 'health-status': [401, 403] }));
    const byFile = readCareConfig(await readSettings({ config: file }, {}), {}, { defaultCa: '/nowhere' });
    const byLine = readCareConfig(await readSettings(given, {}), {}, { defaultCa: '/nowhere' });
    assert.deepEqual({ ...byFile, configFile: null }, byLine);
    assert.equal(byFile.configFile, file);
  });
});
