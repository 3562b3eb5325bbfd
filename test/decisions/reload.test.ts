import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  changeInWords,
  planReload,
  type ReloadAction,
  type WantedVirtualServer,
} from '../../src/decisions/reload.js';
import { endpoint } from '../../src/values/endpoint.js';
import { cell, decisionTable, titleOf } from './decision-tables.js';

const [A, B, C] = [1, 2, 3].map((host) => endpoint('ipv4', `10.0.0.${host}`, 6443)) as [
  ReturnType<typeof endpoint>,
  ReturnType<typeof endpoint>,
  ReturnType<typeof endpoint>,
];
const VS = endpoint('ipv4', '10.103.97.2', 6443);
const OTHER = endpoint('ipv4', '10.103.97.2', 9345);

/** As it is read anew each time: no object is the same as before. */
function wanted(changes: Partial<WantedVirtualServer> = {}): WantedVirtualServer {
  return {
    virtualServer: VS,
    realServers: [A, B],
    policy: policy(),
    probe: probe(),
    mode: 'local',
    iface: 'lvscare',
    masquerade: false,
    nodeAddress: { address: '10.0.0.9', from: '--ip' },
    sysctl: true,
    ipvsTcpTimeoutS: null,
    discovery: null,
    ...changes,
  };
}

function policy(changes: Partial<WantedVirtualServer['policy']> = {}): WantedVirtualServer['policy'] {
  return {
    scheduler: 'rr',
    preferLocal: false,
    weights: new Map([[A.text, 2]]),
    drainTimeoutMs: 30_000,
    intervalMs: 5000,
    fastIntervalMs: 200,
    handshakeIntervalMs: 60_000,
    fall: 2,
    rise: 2,
    maxHoldMs: 60_000,
    ...changes,
  };
}

function probe(changes: object = {}): object {
  return {
    path: '/healthz',
    acceptedStatuses: new Set([401]),
    tls: { caFile: '/ca', verify: true },
    ...changes,
  };
}

/** The new configuration for each change of the table. */
const CHANGES: Readonly<Record<string, readonly WantedVirtualServer[]>> = {
  nothing: [wanted()],
  'a real server is added': [wanted({ realServers: [A, B, C] })],
  'a real server is removed': [wanted({ realServers: [A] })],
  'a weight': [wanted({ policy: policy({ weights: new Map([[A.text, 3]]) }) })],
  interval: [wanted({ policy: policy({ intervalMs: 1000 }) })],
  fall: [wanted({ policy: policy({ fall: 3 }) })],
  'health-path': [wanted({ probe: probe({ path: '/readyz' }) })],
  'health-ca': [wanted({ probe: probe({ tls: { caFile: '/other', verify: true } }) })],
  'health-status': [wanted({ probe: probe({ acceptedStatuses: new Set([403]) }) })],
  'drain-timeout': [wanted({ policy: policy({ drainTimeoutMs: 0 }) })],
  scheduler: [wanted({ policy: policy({ scheduler: 'wrr' }) })],
  'prefer-local': [wanted({ policy: policy({ preferLocal: true }) })],
  mode: [wanted({ mode: 'route' })],
  iface: [wanted({ iface: 'vip' })],
  masquerade: [wanted({ masquerade: true })],
  ip: [wanted({ nodeAddress: { address: '10.0.0.8', from: '--ip' } })],
  sysctl: [wanted({ sysctl: false })],
  discover: [
    wanted({
      discovery: { kubeconfig: '/etc/kubernetes/kubelet.conf', forgetAfterMs: 86_400_000, keepSeeds: true },
    }),
  ],
  'a virtual server is added': [wanted(), wanted({ virtualServer: OTHER })],
  'a virtual server is removed': [],
  'the same, with `removed-vs: keep`': [],
  'another address of the same one': [wanted({ virtualServer: OTHER })],
};

function cellsOf(action: ReloadAction<WantedVirtualServer>): readonly [string, string, string] {
  if (action.kind === 'start') return ['begin', 'added when up', 'made'];
  if (action.kind === 'leave') return ['end', 'untouched', 'untouched'];
  if (action.kind === 'retire') return ['end with its rows', 'drained, then removed', 'removed when unused'];
  const { added, removed, reweighted, probes, scheduler, preferLocal, host } = action.change;
  return [
    added.length > 0
      ? 'begin'
      : removed.length > 0
        ? 'end with its row'
        : probes
          ? 'go on, health kept'
          : 'go on',
    added.length > 0
      ? 'added when up'
      : removed.length > 0
        ? 'drained, then removed'
        : reweighted.length > 0
          ? 'updated'
          : scheduler
            ? 'service edited in place'
            : preferLocal
              ? 'weights updated'
              : 'untouched',
    host ? 'new way first, then old goes' : 'untouched',
  ];
}

describe('the table of reloads', () => {
  const rows = decisionTable('reload');
  for (const row of rows)
    it(titleOf(row), () => {
      const after = CHANGES[cell(row, 'change')];
      assert.ok(after, 'there is an example of it');
      // In the table what goes is said before what comes.
      const actions = planReload(
        [wanted()],
        after,
        cell(row, 'change').includes('keep') ? 'keep' : 'clean',
      ).toReversed();
      const found = actions.length === 0 ? [['go on', 'untouched', 'untouched']] : actions.map(cellsOf);
      const columns = ['probes', 'rows', 'host'].map((_, index) =>
        found.map((cells) => cells[index]).join('; '),
      );
      assert.deepEqual(
        columns,
        ['probes', 'rows', 'host'].map((column) => cell(row, column)),
      );
    });

  it('has a row for each example', () => {
    assert.deepEqual(
      rows.map((row) => cell(row, 'change')),
      Object.keys(CHANGES),
    );
  });
});

describe('a reload', () => {
  it('starts what is new before it changes and removes anything', () => {
    const third = endpoint('ipv4', '10.103.97.3', 6443);
    const actions = planReload(
      [wanted(), wanted({ virtualServer: OTHER })],
      [wanted({ mode: 'none' }), wanted({ virtualServer: third })],
      'clean',
    );
    assert.deepEqual(
      actions.map(({ kind }) => kind),
      ['start', 'update', 'retire'],
    );
  });

  it('renews the probes where mode none comes or goes: only then the virtual server is probed', () => {
    const [action] = planReload([wanted({ mode: 'none' })], [wanted()], 'clean');
    assert.ok(action?.kind === 'update' && action.change.probes);
  });

  it('is said in words', () => {
    const many = Array.from({ length: 10 }, (_, index) => endpoint('ipv4', `10.1.0.${index}`, 1));
    const [action] = planReload(
      [wanted()],
      [
        wanted({
          realServers: [B, ...many],
          policy: policy({
            scheduler: 'wrr',
            preferLocal: true,
            drainTimeoutMs: 1,
            weights: new Map([[B.text, 7]]),
          }),
          probe: null,
          masquerade: true,
        }),
      ],
      'clean',
    );
    assert.ok(action?.kind === 'update');
    const named = many.slice(0, 8).map(({ text }) => text);
    assert.equal(
      changeInWords(action.change),
      `${named.join(', ')} and 2 more added; 10.0.0.1:6443 removed; 10.0.0.2:6443 with another weight; ` +
        'other probes; another scheduler; another preference for this node; another drain timeout; another way to reach it',
    );
  });
});
