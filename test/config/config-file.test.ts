import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { readCareConfig } from '../../src/config/care-config.js';
import { readSettings } from '../../src/config/config-file.js';
import type { Settings } from '../../src/config/settings.js';
import { refused } from './refused.js';

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

  function read(content: string): Settings {
    writeFileSync(file, content);
    return readSettings({ config: file }, {});
  }

  it('is not needed', () => {
    assert.equal(readSettings({ fall: '3' }, {}).read('fall'), 3);
    assert.equal(readSettings({ config: '' }, {}).read('fall'), 2);
  });

  it('has texts, numbers, booleans and lists, and other spellings', () => {
    const settings = read(
      '{"fall": 3, "rise": "4", "health-status": [401, "402,403"], "masquerade": true, "logger": "DEBG", "mode": ""}',
    );
    assert.equal(settings.read('fall'), 3);
    assert.equal(settings.read('rise'), 4);
    assert.deepEqual(settings.read('health-status'), [401, 402, 403]);
    assert.equal(settings.read('masquerade'), true);
    assert.equal(settings.read('log-level'), 'debug');
    assert.equal(settings.read('mode'), 'none');
    const texts = read('{"health-status": "401,402", "masquerade": "false"}');
    assert.deepEqual(texts.read('health-status'), [401, 402]);
    assert.equal(texts.read('masquerade'), false);
  });

  it('is named in an error with the spelling that it has', () => {
    const settings = read('{"logger": "x", "fall": -5}');
    refused(`logger in ${file}: expected one of DEBUG, INFO, WARN, ERROR, got "x"`, () =>
      settings.read('log-level'),
    );
    refused(`fall in ${file}: expected a whole number from 1 to 1000, got "-5"`, () => settings.read('fall'));
  });

  it('may begin with a byte order mark, and be empty but for its braces', () => {
    assert.equal(read('\ufeff{ "fall": "4" }\n').read('fall'), 4);
    assert.equal(read('{}').has('fall'), false);
  });

  it('comes after the command line and the environment', () => {
    writeFileSync(file, '{"fall": 1}');
    const value = (given: Record<string, string>, environment: Record<string, string>): number =>
      readSettings({ config: file, ...given }, environment).read('fall');
    assert.equal(value({}, {}), 1);
    assert.equal(value({}, { CARE_FALL: '5' }), 5);
    assert.equal(value({ fall: '3' }, { CARE_FALL: '5' }), 3);
  });

  it('may be named in the environment', () => {
    writeFileSync(file, '{"fall": 1}');
    assert.equal(readSettings({}, { CARE_CONFIG: file }).read('fall'), 1);
    refused('CARE_CONFIG: expected a readable file (ENOENT), got "/nowhere"', () =>
      readSettings({}, { CARE_CONFIG: '/nowhere' }),
    );
  });

  const wrong: readonly (readonly [content: string, message: (file: string) => string])[] = [
    ['{"bogus": 1}', (path) => `${path}: expected options of lvscare care by their long names, got "bogus"`],
    ['{"i": "x"}', (path) => `${path}: expected options of lvscare care by their long names, got "i"`],
    [
      '{"--fall": 1}',
      (path) => `${path}: expected options of lvscare care by their long names, got "--fall"`,
    ],
    [
      '{"config": "x"}',
      (path) => `${path}: expected options of lvscare care by their long names, got "config"`,
    ],
    [
      '{"__proto__": 1}',
      (path) => `${path}: expected options of lvscare care by their long names, got "__proto__"`,
    ],
    [
      '{"logger": "a", "log-level": "b"}',
      (path) => `log-level in ${path}: expected log-level once, got "log-level"`,
    ],
    ['{"fall": true}', (path) => `fall in ${path}: expected a text or a number, got "true"`],
    ['{"fall": ["1"]}', (path) => `fall in ${path}: expected a text or a number, got "[\\"1\\"]"`],
    ['{"fall": null}', (path) => `fall in ${path}: expected a text or a number, got "null"`],
    [
      '{"rs": [["a"]]}',
      (path) => `rs in ${path}: expected a text, a number, or a list of them, got "[[\\"a\\"]]"`,
    ],
    ['{"masquerade": 1}', (path) => `masquerade in ${path}: expected true or false, got "1"`],
    ['[]', (path) => `--config: expected a file with a JSON object, got "${path}"`],
    ['null', (path) => `--config: expected a file with a JSON object, got "${path}"`],
  ];
  for (const [content, message] of wrong) {
    it(`is refused: ${content}`, () => {
      refused(message(file), () => read(content));
    });
  }

  it('is refused in one line when it is no JSON', () => {
    for (const content of ['', '{\n"fall": 1,\n}\n', 'fall: 1\n']) {
      assert.throws(
        () => read(content),
        (error: Error) =>
          /^--config: expected a file with a JSON object \([^\n]+\), got "[^\n]+"$/.test(error.message),
      );
    }
  });

  it('is refused when it is a directory, or more than one would read', () => {
    const folder = join(directory, 'folder');
    mkdirSync(folder);
    refused(`--config: expected a regular file, got "${folder}"`, () => readSettings({ config: folder }, {}));
    refused(`--config: expected a file of at most 4 MiB, got "${file}"`, () =>
      read(`{}${' '.repeat(4 << 20)}`),
    );
  });

  it('gives everything that the command line gives', () => {
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
    const byFile = readCareConfig(readSettings({ config: file }, {}), {}, { defaultCa: '/nowhere' });
    const byLine = readCareConfig(readSettings(given, {}), {}, { defaultCa: '/nowhere' });
    assert.deepEqual({ ...byFile, configFile: null }, byLine);
    assert.equal(byFile.configFile, file);
  });
});
