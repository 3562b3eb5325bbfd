import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Settings } from '../../src/config/settings.js';
import type { Parser } from '../../src/config/usage-error.js';
import { integerParser } from '../../src/config/values.js';
import { refused } from './refused.js';

const asItIs: Parser<string> = (text) => text;
const small = integerParser(0, 9);

describe('settings', () => {
  it('are taken from the command line before the environment, and from neither by default', () => {
    const settings = new Settings({ fall: '3' }, { CARE_FALL: '4', CARE_RISE: '5' });
    assert.equal(settings.value('fall', small, 1), 3);
    assert.equal(settings.value('rise', small, 1), 5);
    assert.equal(settings.value('interval', small, 1), 1);
    assert.equal(settings.value('interval', small, null), null);
  });

  it('have the last of several values', () => {
    const settings = new Settings({ fall: ['1', '2'] }, {});
    assert.equal(settings.value('fall', small, 0), 2);
  });

  it('do not read the values that a later one overrides', () => {
    const settings = new Settings({ fall: ['nonsense', '2'] }, { CARE_FALL: 'nonsense' });
    assert.equal(settings.value('fall', small, 0), 2);
  });

  const variables: readonly (readonly [flag: string, variable: string])[] = [
    ['vs', 'CARE_VS'],
    ['run-once', 'CARE_RUN_ONCE'],
    ['health-insecure-skip-verify', 'CARE_HEALTH_INSECURE_SKIP_VERIFY'],
    ['masqueradebit', 'CARE_MASQUERADEBIT'],
    ['log-level', 'CARE_LOG_LEVEL'],
    ['log-level', 'CARE_LOGGER'],
    ['health-schem', 'CARE_HEALTH_SCHEM'],
    ['health-schem', 'CARE_HEALTH_SCHEME'],
    ['vs', 'IPVS_VS'],
    ['run-once', 'IPVS_RUN_ONCE'],
    ['log-level', 'IPVS_LOGGER'],
    ['health-schem', 'IPVS_HEALTH_SCHEM'],
  ];
  for (const [flag, variable] of variables) {
    it(`are in the environment: --${flag} as ${variable}, which an error names`, () => {
      const settings = new Settings({}, { [variable]: 'x' });
      assert.ok(settings.has(flag));
      assert.equal(settings.name(flag), variable);
      assert.equal(settings.value(flag, asItIs, null), 'x');
      refused(`${variable}: expected a whole number from 0 to 9, got "x"`, () =>
        settings.value(flag, small, 0),
      );
      refused(`${variable}: expected a whole number from 0 to 9, got "x"`, () => settings.list(flag, small));
      refused(`${variable}: expected true or false, got "x"`, () => settings.switch(flag, null));
    });
  }

  it('are taken from CARE_ before IPVS_, which is of sealctl ipvs, and from a variable that is not empty', () => {
    assert.equal(new Settings({}, { CARE_FALL: '3', IPVS_FALL: '4' }).value('fall', small, 0), 3);
    assert.equal(new Settings({}, { CARE_FALL: '', IPVS_FALL: '4' }).value('fall', small, 0), 4);
    assert.equal(
      new Settings({}, { CARE_LOGGER: 'a', IPVS_LOG_LEVEL: 'b' }).value('log-level', asItIs, ''),
      'a',
    );
  });

  it('are taken from a file last of all, which an error names', () => {
    const given = { fall: '3', rise: 'x', rs: ['a', 'b'], mode: '' };
    const file = { path: '/etc/care.json', given, spelled: {} };
    const settings = new Settings({}, {}, file);
    assert.equal(settings.value('fall', small, 0), 3);
    assert.deepEqual(settings.list('rs', asItIs), ['a', 'b']);
    assert.equal(settings.value('mode', asItIs, 'local'), '');
    assert.equal(settings.name('fall'), 'fall in /etc/care.json');
    refused('rise in /etc/care.json: expected a whole number from 0 to 9, got "x"', () =>
      settings.value('rise', small, 0),
    );
    assert.equal(new Settings({}, { CARE_FALL: '4' }, file).value('fall', small, 0), 4);
    assert.equal(new Settings({ fall: '5' }, { CARE_FALL: '4' }, file).value('fall', small, 0), 5);
  });

  it('are named as an option when they came from the command line, or from nowhere', () => {
    const settings = new Settings({ fall: 'x' }, { CARE_FALL: '2' });
    assert.equal(settings.name('fall'), '--fall');
    assert.equal(settings.name('rise'), '--rise');
    refused('--fall: expected a whole number from 0 to 9, got "x"', () => settings.value('fall', small, 0));
  });

  it('count as absent when a variable is empty, but not when an option is', () => {
    assert.equal(new Settings({}, { CARE_MODE: '' }).has('mode'), false);
    assert.equal(new Settings({}, { CARE_MODE: undefined }).has('mode'), false);
    const given = new Settings({ mode: '' }, { CARE_MODE: 'local' });
    assert.equal(given.has('mode'), true);
    assert.equal(given.value('mode', asItIs, null), '');
  });

  it('may be lists: repeated, comma-joined, or both', () => {
    const list = (rs: string | readonly string[]): readonly string[] =>
      new Settings({ rs }, {}).list('rs', asItIs);
    assert.deepEqual(list('a'), ['a']);
    assert.deepEqual(list(['a', 'b,c', 'd']), ['a', 'b', 'c', 'd']);
    assert.deepEqual(list(' a , b ,, c,'), ['a', 'b', 'c']);
    assert.deepEqual(list(['', ',']), []);
    assert.deepEqual(new Settings({}, { CARE_RS: 'a,b' }).list('rs', asItIs), ['a', 'b']);
    assert.deepEqual(new Settings({}, {}).list('rs', asItIs), []);
  });

  it('of the environment do not add to a list of the command line', () => {
    assert.deepEqual(new Settings({ rs: 'a' }, { CARE_RS: 'b' }).list('rs', asItIs), ['a']);
  });
});
