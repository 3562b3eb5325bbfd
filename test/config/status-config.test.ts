import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Settings } from '../../src/config/settings.js';
import { readDrainConfig, readStatusConfig } from '../../src/config/status-config.js';
import { refused } from './refused.js';

describe('the options of lvscare status', () => {
  it('is nothing by default, and all that there is otherwise', () => {
    assert.deepEqual(readStatusConfig(new Settings({}, {})), {
      virtualServer: null,
      json: false,
      watch: false,
      check: false,
    });
    const given = { vs: '10.103.97.2:6443', json: 'true', watch: 'true' };
    const { virtualServer, json, watch } = readStatusConfig(new Settings(given, {}));
    assert.deepEqual([virtualServer?.text, json, watch], ['10.103.97.2:6443', true, true]);
    refused('--check: expected no --json beside it, got "--json"', () =>
      readStatusConfig(new Settings({ check: 'true', json: 'true' }, {})),
    );
    refused('--vs: expected IP:PORT or [IPv6]:PORT with a port, got "10.103.97.2"', () =>
      readStatusConfig(new Settings({ vs: '10.103.97.2' }, {})),
    );
  });
});

describe('the options of lvscare drain', () => {
  it('is a real server, in its canonical form, and may be a virtual server', () => {
    const { realServer, virtualServer } = readDrainConfig(
      'lvscare drain',
      new Settings({}, {}),
      '[FD00::0:1]:6443',
    );
    assert.deepEqual([realServer.text, virtualServer], ['[fd00::1]:6443', null]);
    refused(
      'lvscare drain: expected IP:PORT or [IPv6]:PORT with a numeric address, got "master-1:6443"',
      () => readDrainConfig('lvscare drain', new Settings({}, {}), 'master-1:6443'),
    );
  });
});
