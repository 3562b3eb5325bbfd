import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Settings } from '../../src/config/settings.js';
import { refused } from './refused.js';

const COUNT = 'a whole number from 1 to 1000';

describe('settings', () => {
  it('are taken from the command line before the environment, and have a default or are null', () => {
    const settings = new Settings({ fall: '3' }, { CARE_FALL: '4', CARE_RISE: '5' });
    assert.equal(settings.read('fall'), 3);
    assert.equal(settings.read('rise'), 5);
    assert.equal(settings.read('interval'), 5000);
    assert.equal(settings.read('health-port'), null);
    assert.equal(settings.read('masquerade'), null);
    assert.equal(settings.read('dry-run'), false);
  });

  it('have the last of several values, and do not parse the others', () => {
    const settings = new Settings({ fall: ['nonsense', '3'] }, { CARE_FALL: 'nonsense' });
    assert.equal(settings.read('fall'), 3);
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
    it(`are in the environment: --${flag} as ${variable}`, () => {
      const settings = new Settings({}, { [variable]: 'x' });
      assert.ok(settings.has(flag));
      assert.equal(settings.name(flag), variable);
    });
  }

  it('are named in an error by the variable that gives them, whatever their kind', () => {
    const settings = new Settings({}, { CARE_FALL: 'x', CARE_HEALTH_STATUS: '401,x', IPVS_CLEAN: 'x' });
    refused(`CARE_FALL: expected ${COUNT}, got "x"`, () => settings.read('fall'));
    refused('CARE_HEALTH_STATUS: expected a whole number from 100 to 599, got "x"', () =>
      settings.read('health-status'),
    );
    refused('IPVS_CLEAN: expected true or false, got "x"', () => settings.read('clean'));
  });

  it('have no variable for a short option', () => {
    assert.equal(new Settings({}, { CARE_I: 'lo', CARE_C: 'true' }).read('iface'), 'lvscare');
    assert.equal(new Settings({}, { CARE_I: 'lo', CARE_C: 'true' }).read('clean'), false);
  });

  it('are taken from CARE_ before IPVS_, which is of sealctl ipvs, and from a variable that is not empty', () => {
    assert.equal(new Settings({}, { CARE_FALL: '3', IPVS_FALL: '4' }).read('fall'), 3);
    assert.equal(new Settings({}, { CARE_FALL: '', IPVS_FALL: '4' }).read('fall'), 4);
    const levels = { CARE_LOGGER: 'warn', IPVS_LOG_LEVEL: 'error' };
    assert.equal(new Settings({}, levels).read('log-level'), 'warn');
  });

  it('are taken from a file last of all, which an error names', () => {
    const given = { fall: '3', rise: 'x', 'health-status': ['401', '403'], mode: '' };
    const origins = { fall: '/etc/care.json:1: fall', rise: '/etc/care.json:2: rise' };
    const file = { given, origins, weights: new Map<string, number>(), place: null };
    const settings = new Settings({}, {}, file);
    assert.equal(settings.read('fall'), 3);
    assert.deepEqual(settings.read('health-status'), [401, 403]);
    assert.equal(settings.read('mode'), 'none');
    assert.equal(settings.name('fall'), '/etc/care.json:1: fall');
    refused(`/etc/care.json:2: rise: expected ${COUNT}, got "x"`, () => settings.read('rise'));
    assert.equal(new Settings({}, { CARE_FALL: '4' }, file).read('fall'), 4);
    assert.equal(new Settings({ fall: '5' }, { CARE_FALL: '4' }, file).read('fall'), 5);
  });

  it('are named as an option when they came from the command line, or from nowhere', () => {
    const settings = new Settings({ fall: 'x' }, { CARE_FALL: '2' });
    assert.equal(settings.name('fall'), '--fall');
    assert.equal(settings.name('rise'), '--rise');
    refused(`--fall: expected ${COUNT}, got "x"`, () => settings.read('fall'));
  });

  it('count as absent when a variable is empty, but not when an option is', () => {
    assert.equal(new Settings({}, { CARE_MODE: '' }).has('mode'), false);
    assert.equal(new Settings({}, { CARE_MODE: undefined }).has('mode'), false);
    const given = new Settings({ mode: '' }, { CARE_MODE: 'local' });
    assert.equal(given.has('mode'), true);
    assert.equal(given.read('mode'), 'none');
  });

  it('may be lists: repeated, comma-joined, or both', () => {
    const statuses = (given: string | readonly string[]): readonly number[] =>
      new Settings({ 'health-status': given }, {}).read('health-status');
    assert.deepEqual(statuses('401'), [401]);
    assert.deepEqual(statuses(['401', '402,403', '404']), [401, 402, 403, 404]);
    assert.deepEqual(statuses(' 401 , 402 ,, 403,'), [401, 402, 403]);
    assert.deepEqual(statuses(['', ',']), []);
    assert.deepEqual(new Settings({}, { CARE_HEALTH_STATUS: '401,402' }).read('health-status'), [401, 402]);
    assert.deepEqual(new Settings({}, {}).read('health-status'), []);
  });

  it('of the environment do not add to a list of the command line', () => {
    const settings = new Settings({ 'health-status': '401' }, { CARE_HEALTH_STATUS: '402' });
    assert.deepEqual(settings.read('health-status'), [401]);
  });
});
