import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { pino } from 'pino';
import type { EventDetails } from '../../src/control-loop/events.js';
import type { ActionResult } from '../../src/control-loop/ports.js';
import { endpoint } from '../../src/values/endpoint.js';
import type { EvidenceKind } from '../../src/values/evidence.js';
import { unknownHealth, type Health, type HealthState } from '../../src/decisions/health.js';
import type { Action } from '../../src/decisions/reconcile.js';
import { serviceSettings } from '../../src/values/table.js';
import { eventLog } from '../../src/log/event-log.js';

const SERVER = endpoint('ipv4', '10.0.0.1', 6443);
const OTHER = endpoint('ipv4', '10.0.0.2', 6443);
const VIRTUAL_SERVER = endpoint('ipv4', '10.103.97.2', 6443);
const LEVELS: Readonly<Record<number, string>> = { 20: 'debug', 30: 'info', 40: 'warn', 50: 'error' };

interface Line {
  readonly level: string;
  readonly msg: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** A log of events, and its lines. */
function logging(): {
  readonly log: (...events: readonly EventDetails[]) => void;
  /** The lines since they were last taken: those at info and above, as `level message`. */
  readonly take: () => string[];
  readonly lines: Line[];
} {
  const lines: Line[] = [];
  let taken = 0;
  const output = {
    write(text: string) {
      const { level, msg, ...fields } = JSON.parse(text) as { level: number; msg: string };
      lines.push({ level: LEVELS[level] ?? '?', msg, fields });
    },
  };
  const observe = eventLog(pino({ level: 'debug', base: null, timestamp: false }, output), { now: () => 0 });
  return {
    log(...events) {
      for (const event of events) observe({ virtualServer: VIRTUAL_SERVER, ...event });
    },
    take() {
      const fresh = lines.slice(taken);
      taken = lines.length;
      return fresh.filter(({ level }) => level !== 'debug').map(({ level, msg }) => `${level} ${msg}`);
    },
    lines,
  };
}

function health(state: HealthState, kind: EvidenceKind | null, detail = ''): Health {
  const lastEvidence = kind === null ? null : { kind, detail };
  return { ...unknownHealth(0), state, lastEvidence, sameClass: 1 };
}

/** The health of a server that is sick, as it answers with a status. */
function answering(status: number, detail: string): Health {
  return { ...health('sick', null), lastEvidence: { kind: 'status', status, detail } };
}

function transition(before: Health, after: Health, server = SERVER): EventDetails {
  return { kind: 'transition', server, before, after };
}

function stillDown(after: Health): EventDetails {
  return { kind: 'still-down', server: SERVER, health: after };
}

function pass(results: readonly ActionResult[], drift = false): EventDetails {
  return { kind: 'pass', causes: ['timer'], results, drift, durationMs: 1 };
}

function result(
  action: Action,
  outcome: ActionResult['outcome'] = 'ok',
  error: string | null = null,
): ActionResult {
  return { action, outcome, error: error === null ? null : new Error(error) };
}

const add: Action = { kind: 'add-destination', server: SERVER, weight: 1 };
const set: Action = { kind: 'update-destination', server: SERVER, weight: 0 };
const remove: Action = { kind: 'remove-destination', server: OTHER };
const create: Action = { kind: 'create-service', settings: serviceSettings('rr') };
const update: Action = { kind: 'update-service', settings: serviceSettings('wlc') };
const error = new Error('EPERM');
const resource = 'local route';
const drift = 'no route local 10.103.97.2 dev lo';
const session = null;
const phases = { connectMs: null, handshakeMs: null, firstByteMs: null };

/** An event of each kind, and the lines that it leaves in a new log. */
const EACH: {
  readonly [Kind in EventDetails['kind']]: readonly [EventDetails & { kind: Kind }, ...string[]];
} = {
  probe: [
    { kind: 'probe', server: SERVER, evidence: { kind: 'ok', detail: 'status 200' }, durationMs: 12.3456 },
    'debug probe: probed 10.0.0.1:6443: ok, status 200',
  ],
  'probe-inconclusive': [
    { kind: 'probe-inconclusive', server: SERVER, detail: 'EMFILE', durationMs: 1 },
    'warn probe-inconclusive: a probe of 10.0.0.1:6443 proves nothing: EMFILE',
  ],
  exchange: [{ kind: 'exchange', server: SERVER, exchange: { session, phases } as never }],
  transition: [
    {
      kind: 'transition',
      server: SERVER,
      before: health('up', 'ok'),
      after: health('dead', 'refused', 'connect ECONNREFUSED'),
    },
    'warn transition: 10.0.0.1:6443 is dead (was up): refused, connect ECONNREFUSED',
  ],
  discovered: [
    { kind: 'discovered', server: SERVER, from: OTHER },
    'info discovered: 10.0.0.1:6443 is a real server from now on: 10.0.0.2:6443 lists it as an apiserver; it serves when it is up',
  ],
  missing: [
    { kind: 'missing', server: SERVER, missing: true },
    'info missing: 10.0.0.1:6443 is missing in the list of apiservers; it stays a real server for now',
  ],
  forgotten: [
    { kind: 'forgotten', server: SERVER, why: 'the cluster does not list it, and it is not up' },
    'info forgotten: 10.0.0.1:6443 is no real server any more: the cluster does not list it, and it is not up; draining it, then removing it',
  ],
  'cluster-list': [
    { kind: 'cluster-list', list: { servers: [SERVER, OTHER], from: OTHER, by: 'poll' } },
    'debug cluster-list: 10.0.0.2:6443 lists the apiservers 10.0.0.1:6443, 10.0.0.2:6443',
  ],
  'cluster-list-failed': [
    { kind: 'cluster-list-failed', from: OTHER, error },
    'warn cluster-list-failed: the list of apiservers was not read from 10.0.0.2:6443: EPERM; the real servers stay as they are',
  ],
  'cluster-list-ignored': [
    { kind: 'cluster-list-ignored', from: OTHER, what: 'the list is empty' },
    'warn cluster-list-ignored: ignored of the list of apiservers from 10.0.0.2:6443: the list is empty',
  ],
  'last-good-list': [
    { kind: 'last-good-list', servers: [SERVER], savedAtMs: 0, problem: null },
    'info last-good-list: beginning with --rs and the list of apiservers that was saved at 1970-01-01T00:00:00.000Z: 10.0.0.1:6443',
  ],
  'still-down': [
    { kind: 'still-down', server: SERVER, health: health('dead', 'silent', 'no answer') },
    'warn still-down: 10.0.0.1:6443 is still dead, now: silent, no answer',
  ],
  held: [
    { kind: 'held', server: SERVER, health: { ...health('dead', 'ok'), relapses: 2 }, forMs: 2000 },
    'info held: 10.0.0.1:6443 answers again, but is held out for 2.0 s because it flaps: it failed 2 times in a row soon after it recovered',
  ],
  suspected: [
    {
      kind: 'suspected',
      server: SERVER,
      clients: { count: 2, waitsFor: 'answer', waitedMs: 212.3 },
    },
    'info suspected: 10.0.0.1:6443 is suspect: a client has waited 212 ms for its first answer, and 1 more, and it does not answer a probe; no new connections for now',
  ],
  'suspicion-ended': [
    { kind: 'suspicion-ended', server: SERVER, why: 'answered', durationMs: 812.3 },
    'info suspicion-ended: 10.0.0.1:6443 answered after 812 ms and is suspect no longer',
  ],
  'late-clients': [
    { kind: 'late-clients', server: SERVER, count: 2 },
    'debug late-clients: 2 clients of this node wait for 10.0.0.1:6443 for unusually long',
  ],
  'client-sockets-readable': [
    { kind: 'client-sockets-readable' },
    "info client-sockets-readable: the sockets of this node's clients can be read again",
  ],
  'client-sockets-unreadable': [
    { kind: 'client-sockets-unreadable', error },
    "warn client-sockets-unreadable: cannot read the sockets of this node's clients, so no server is suspected: EPERM",
  ],
  'local-preferred': [
    { kind: 'local-preferred', servers: [SERVER] },
    'info local-preferred: new connections go to 10.0.0.1:6443 only, which runs on this node; the others are on standby',
  ],
  'connection-lost': [
    { kind: 'connection-lost', server: SERVER },
    'debug connection-lost: the kept connection to 10.0.0.1:6443 was lost; probing it again',
  ],
  drained: [
    { kind: 'drained', server: SERVER, sinceMs: 0, restored: true },
    'info drained: 10.0.0.1:6443 stays drained by hand, since 1970-01-01T00:00:00.000Z',
  ],
  adopted: [
    {
      kind: 'adopted',
      found: {
        scheduler: 'rr',
        destinations: [
          { server: SERVER, weight: 1 },
          { server: OTHER, weight: 0 },
        ],
      },
    },
    'info adopted: adopting 10.103.97.2:6443 as the kernel has it: 10.0.0.1:6443 with weight 1, 10.0.0.2:6443 with weight 0',
  ],
  pass: [
    {
      kind: 'pass',
      causes: ['timer'],
      results: [result(create), result(set, 'raced', 'ENOENT')],
      drift: false,
      durationMs: 1,
    },
    'info action: created the virtual server with scheduler rr',
    'debug action: another program was quicker to set 10.0.0.1:6443 to weight 0',
    'debug pass: reconciled',
  ],
  'fail-open': [
    { kind: 'fail-open', active: true, anyDrained: false },
    'warn fail-open: no real server is up: as a last resort, those most likely to answer serve',
  ],
  reachability: [
    { kind: 'reachability', reason: 'silent, no answer to connect in 3000 ms' },
    'warn reachability: clients on this node do not reach 10.103.97.2:6443: silent, no answer to connect in 3000 ms; run lvscare doctor',
  ],
  'deleted-repeatedly': [
    { kind: 'deleted-repeatedly', active: true },
    'warn deleted-repeatedly: another program keeps deleting 10.103.97.2:6443: if it is kube-proxy in ipvs mode, set ipvs.excludeCIDRs: ["10.103.97.2/32"] in its configuration',
  ],
  'table-unreadable': [
    { kind: 'table-unreadable', error: new Error('IPVS is missing'), retryInMs: 250 },
    'warn table-unreadable: IPVS is missing; trying again until it works',
  ],
  'connections-ended': [
    { kind: 'connections-ended', servers: [SERVER, OTHER], count: 3 },
    "info connections-ended: ended 3 connections of this node's clients to 10.0.0.1:6443, 10.0.0.2:6443",
  ],
  'connections-left': [
    { kind: 'connections-left', servers: [SERVER], error },
    'info connections-left: clients of 10.0.0.1:6443 may hang until they send something: EPERM',
  ],
  'resource-ok': [{ kind: 'resource-ok', resource }],
  'resource-created': [
    { kind: 'resource-created', resource, drift },
    `info resource-created: local route created: ${drift}`,
  ],
  'resource-repaired': [
    { kind: 'resource-repaired', resource, drift },
    `warn resource-repaired: local route repaired: ${drift}`,
  ],
  'resource-removed': [
    { kind: 'resource-removed', resource, drift: 'interface one' },
    'info resource-removed: local route removed: interface one',
  ],
  'resource-drifted': [
    { kind: 'resource-drifted', resource, change: 'create', drift },
    `info resource-drifted: would create local route: ${drift}`,
  ],
  'resource-failed': [
    { kind: 'resource-failed', resource, error },
    'warn resource-failed: local route: EPERM',
  ],
  'node-address': [
    {
      kind: 'node-address',
      address: '10.103.97.100',
      from: 'the route to 10.0.0.1',
      gone: { address: '10.0.0.9', why: '10.0.0.9 (--ip) is not an address of this node' },
    },
    'warn node-address: this node is 10.103.97.100 (the route to 10.0.0.1): 10.0.0.9 (--ip) is not an address of this node',
  ],
  'own-servers': [
    { kind: 'own-servers', servers: [SERVER] },
    'warn own-servers: mode "route" cannot reach 10.0.0.1:6443, because it runs on this node: local clients sent there will fail; use --mode local or link',
  ],
  'notifications-lost': [
    { kind: 'notifications-lost', error, retryInMs: 1000 },
    'warn notifications-lost: no notifications from the kernel: EPERM; subscribing again',
  ],
  'ports-filtered': [
    { kind: 'ports-filtered', ports: { first: 61440, last: 65535 }, shownBy: SERVER },
    'warn ports-filtered: source ports: 10.0.0.1:6443 answers to ports that the kernel chooses, which probes use now, but not to ports 61440-65535: let the packet filter pass answers to 61440-65535, or set --health-source-ports kernel',
  ],
  'credentials-failed': [
    { kind: 'credentials-failed', what: '--health-ca /ca.crt', error },
    'warn credentials-failed: --health-ca /ca.crt: EPERM; using the last good ones',
  ],
  'credentials-ok': [
    { kind: 'credentials-ok', what: '--health-ca /ca.crt' },
    'info credentials-ok: --health-ca /ca.crt: can be used again',
  ],
  'keepalive-failed': [
    { kind: 'keepalive-failed', error },
    'warn keepalive-failed: the kernel does not check kept connections: EPERM',
  ],
  'state-not-saved': [
    { kind: 'state-not-saved', what: 'ownership', error },
    'warn state-not-saved: cannot save state: EPERM; --clean will only find what matches its own options',
  ],
  'nft-missing': [{ kind: 'nft-missing', error }, 'debug nft-missing: nftables was not checked: EPERM'],
  'control-socket-failed': [
    { kind: 'control-socket-failed', error },
    'warn control-socket-failed: lvscare status and drain cannot reach this process: EPERM',
  ],
  started: [{ kind: 'started' }],
  'not-started': [
    { kind: 'not-started', error, retryInMs: 10_000 },
    'error not-started: cannot take care of 10.103.97.2:6443: EPERM; trying again until it works',
  ],
  updated: [
    { kind: 'updated', changes: '10.0.0.2:6443 added' },
    'info updated: 10.103.97.2:6443 goes on with another configuration: 10.0.0.2:6443 added',
  ],
  retired: [
    { kind: 'retired' },
    'info retired: 10.103.97.2:6443 is no longer configured: draining it, then removing it',
  ],
  fault: [
    { kind: 'fault', where: 'probe of 10.0.0.1:6443', error: new Error('x is not a function') },
    'error fault: a bug in probe of 10.0.0.1:6443, please report it: x is not a function',
  ],
};

describe('an event', () => {
  for (const [kind, [event, ...expected]] of Object.entries(EACH))
    it(`${kind} leaves ${expected.length === 0 ? 'no line' : 'its line'}, with the virtual server`, () => {
      const { log, lines } = logging();
      log(event);
      assert.deepEqual(
        lines.map(({ level, msg, fields }) => `${level} ${String(fields['event'])}: ${msg}`),
        expected,
      );
      for (const { fields } of lines) assert.equal(fields['vs'], VIRTUAL_SERVER.text);
    });

  it('of each kind that leaves a line is in docs/logs.md, with its level', () => {
    const page = readFileSync(new URL('../../../docs/logs.md', import.meta.url), 'utf8');
    const rows = page.matchAll(/^\| `([a-z-]+)` +\| ([a-z, ]+?) +\|/gm);
    const documented = new Map(
      Array.from(rows, ([, event = '', levels = '']) => [event, levels.split(', ')]),
    );
    for (const [, [event]] of Object.entries(EACH)) {
      const { log, lines } = logging();
      log(event);
      for (const { level, fields } of lines)
        assert.ok(
          documented.get(String(fields['event']))?.includes(level),
          `docs/logs.md has ${String(fields['event'])} at ${level}`,
        );
    }
  });
});

describe('the log of a server', () => {
  it('has what a machine needs to know of a transition', () => {
    const { log, lines } = logging();
    log(transition(health('up', 'ok'), answering(500, 'status 500')));
    const { hint, ...fields } = lines[0]?.fields ?? {};
    assert.deepEqual(fields, {
      event: 'transition',
      vs: '10.103.97.2:6443',
      rs: '10.0.0.1:6443',
      from: 'up',
      to: 'sick',
      evidence: 'status',
      why: 'status 500',
    });
    assert.match(String(hint), /^the apiserver/);
  });

  it('has each reason for which it is down once, until it is up', () => {
    const { log, take } = logging();
    log(transition(health('up', 'ok'), health('sick', 'tls', 'certificate has expired')));
    take();
    for (let time = 0; time < 3; time += 1) {
      log(stillDown(health('sick', 'tls', 'certificate has expired')));
      log(stillDown(health('sick', 'broken', 'cut off')));
    }
    assert.deepEqual(take(), ['warn 10.0.0.1:6443 is still sick, now: broken, cut off']);
    log(transition(health('sick', 'broken'), health('up', 'ok', 'status 200')));
    log(transition(health('up', 'ok'), health('dead', 'silent', 'x')));
    take();
    log(stillDown(health('dead', 'broken', 'cut off')));
    assert.deepEqual(take(), ['warn 10.0.0.1:6443 is still dead, now: broken, cut off']);
  });

  it('has a status as one reason, whichever checks the server names', () => {
    const { log, take } = logging();
    const failing = (checks: string): Health => answering(500, `status 500: ${checks} failed`);
    log(transition(health('up', 'ok'), failing('a, b, c')));
    take();
    for (let count = 0; count < 50; count += 1) log(stillDown(failing(`check-${count}`)));
    assert.deepEqual(take(), []);
    log(stillDown(answering(503, 'status 503')), stillDown(health('sick', 'slow', 'late')));
    assert.equal(take().length, 2, 'other reasons are logged all the same');
  });

  it('has what a status means and what to do, but for a status that has no meaning of its own', () => {
    const { log, take } = logging();
    log(transition(health('unknown', null), answering(401, 'status 401')));
    log(stillDown(answering(404, 'status 404')), stillDown(answering(418, 'status 418')));
    const [anonymous = '', noPath = '', teapot] = take();
    assert.match(
      anonymous,
      /: status, status 401; the apiserver answers no anonymous requests, .*--health-cert/,
    );
    assert.match(noPath, /: status, status 404; the server has no such path: check --health-path/);
    assert.equal(teapot, 'warn 10.0.0.1:6443 is still sick, now: status, status 418');
  });

  it('has a probe that proves nothing once for each reason, until one proves something', () => {
    const { log, take, lines } = logging();
    const inconclusive = (detail: string): EventDetails => ({
      kind: 'probe-inconclusive',
      server: SERVER,
      detail,
      durationMs: 1,
    });
    log(inconclusive('EMFILE'), inconclusive('EMFILE'));
    assert.deepEqual(take(), ['warn a probe of 10.0.0.1:6443 proves nothing: EMFILE']);
    log(inconclusive('ENOMEM'));
    assert.deepEqual(take(), ['warn a probe of 10.0.0.1:6443 proves nothing: ENOMEM']);
    log(EACH.probe[0], inconclusive('ENOMEM'));
    assert.deepEqual(take(), ['warn a probe of 10.0.0.1:6443 proves nothing: ENOMEM']);
    assert.equal(lines.length, 5, 'repetition is there at debug');
  });

  it('has drains and their ends', () => {
    const { log, take } = logging();
    for (const [sinceMs, restored] of [
      [0, false],
      [null, false],
      [null, true],
    ] as const)
      log({ kind: 'drained', server: SERVER, sinceMs, restored });
    assert.deepEqual(take(), [
      'info 10.0.0.1:6443 is drained by hand',
      'info 10.0.0.1:6443 is no longer drained by hand',
      'info 10.0.0.1:6443 was drained, and is no longer configured',
    ]);
  });
});

describe('the log of the table', () => {
  it('has a line for each change', () => {
    const { log, take, lines } = logging();
    log(pass([create, update, add, set, remove].map((action) => result(action))));
    assert.deepEqual(take(), [
      'info created the virtual server with scheduler rr',
      'info set the virtual server to scheduler wlc',
      'info added 10.0.0.1:6443 with weight 1',
      'info set 10.0.0.1:6443 to weight 0',
      'info removed 10.0.0.2:6443',
    ]);
    assert.deepEqual(lines[2]?.fields, {
      event: 'action',
      vs: '10.103.97.2:6443',
      action: 'add-destination',
      rs: '10.0.0.1:6443',
      weight: 1,
      drift: false,
      outcome: 'ok',
    });
  });

  it('says when another program made a change necessary', () => {
    const { log, take, lines } = logging();
    log(pass([result(add)], true));
    assert.deepEqual(take(), ['warn added 10.0.0.1:6443 with weight 1: another program had changed it']);
    assert.equal(lines[0]?.fields['drift'], true);
  });

  it('has what fails once for as long as it fails for the same reason', () => {
    const { log, take, lines } = logging();
    const failing = pass([result(add, 'failed', 'EPERM'), result(remove, 'failed', 'EPERM')]);
    log(failing);
    assert.deepEqual(take(), [
      'warn failed to add 10.0.0.1:6443 with weight 1: EPERM',
      'warn failed to remove 10.0.0.2:6443: EPERM',
    ]);
    assert.equal((lines[0]?.fields['err'] as Error).message, 'EPERM');
    log(failing);
    assert.deepEqual(take(), []);
    log(pass([result(add, 'failed', 'ENOMEM'), result(remove)]));
    assert.deepEqual(take(), [
      'warn failed to add 10.0.0.1:6443 with weight 1: ENOMEM',
      'info removed 10.0.0.2:6443',
    ]);
    // It was not wanted any more; when it is, and fails, that is news.
    log(pass([]), pass([result(add, 'failed', 'ENOMEM')]));
    assert.deepEqual(take(), ['warn failed to add 10.0.0.1:6443 with weight 1: ENOMEM']);
  });

  it('in a dry run has what would be done, once for as long as it would', () => {
    const { log, take } = logging();
    const both = pass([result(create, 'dry-run'), result(add, 'dry-run')]);
    log(both);
    assert.deepEqual(take(), [
      'info would create the virtual server with scheduler rr',
      'info would add 10.0.0.1:6443 with weight 1',
    ]);
    log(both, both);
    assert.deepEqual(take(), []);
    log(pass([result(create, 'dry-run')]), both);
    assert.deepEqual(take(), ['info would add 10.0.0.1:6443 with weight 1']);
  });

  it('has the begin and the end of what lasts', () => {
    const { log, take } = logging();
    log(
      { kind: 'fail-open', active: true, anyDrained: true },
      { kind: 'fail-open', active: false, anyDrained: true },
    );
    log({ kind: 'local-preferred', servers: [] });
    log({ kind: 'deleted-repeatedly', active: false });
    log({ ...EACH['ports-filtered'][0], shownBy: null });
    log(EACH['table-unreadable'][0], EACH['table-unreadable'][0], pass([]), pass([]));
    assert.deepEqual(take(), [
      'warn no real server is up that is not drained: as a last resort, those most likely to answer serve',
      'info the last resort is over',
      'info new connections go to all real servers that are up',
      'info no program has deleted 10.103.97.2:6443 for a while',
      'info answers to ports 61440-65535 arrive again: probes use them',
      'warn IPVS is missing; trying again until it works',
      'info the IPVS table can be read again',
    ]);
    log(EACH['table-unreadable'][0]);
    assert.equal(take().length, 1, 'it is news again');
    log(
      { kind: 'reachability', reason: null },
      { kind: 'reachability', reason: 'silent' },
      { kind: 'reachability', reason: 'slow' },
      { kind: 'reachability', reason: 'silent' },
      { kind: 'reachability', reason: null },
    );
    assert.deepEqual(take(), [
      'warn clients on this node do not reach 10.103.97.2:6443: silent; run lvscare doctor',
      'warn clients on this node do not reach 10.103.97.2:6443: slow; run lvscare doctor',
      'info clients on this node reach 10.103.97.2:6443 again',
    ]);
  });

  it('says of connections that they were ended, unless there were none, and that they could not be, once', () => {
    const { log, take } = logging();
    log({ kind: 'connections-ended', servers: [SERVER], count: 1 });
    log({ kind: 'connections-ended', servers: [SERVER], count: 0 });
    log(EACH['connections-left'][0], EACH['connections-left'][0]);
    assert.deepEqual(take(), [
      "info ended a connection of this node's clients to 10.0.0.1:6443",
      'info clients of 10.0.0.1:6443 may hang until they send something: EPERM',
    ]);
  });

  it('has what the kernel had at the start, and names sixteen servers at most', () => {
    const { log, take, lines } = logging();
    log({ kind: 'adopted', found: null }, { kind: 'adopted', found: { scheduler: 'rr', destinations: [] } });
    const destinations = Array.from({ length: 20 }, () => ({ server: SERVER, weight: 1 }));
    log({ kind: 'adopted', found: { scheduler: 'rr', destinations } });
    const [none, empty, many = ''] = take();
    assert.equal(none, 'info the kernel has no 10.103.97.2:6443 yet');
    assert.equal(empty, 'info adopting 10.103.97.2:6443 as the kernel has it: without real servers');
    assert.match(many, / and 4 more$/);
    assert.equal((lines[2]?.fields['destinations'] as unknown[]).length, 20);
  });
});

describe('the log of a host resource', () => {
  it('has each repair', () => {
    const { log, take } = logging();
    log(EACH['resource-repaired'][0], EACH['resource-repaired'][0]);
    assert.equal(take().length, 2);
  });

  it('has what fails once for each reason, and that it is over', () => {
    const { log, take } = logging();
    const failed = EACH['resource-failed'][0];
    log(failed, failed, { ...failed, error: new Error('EROFS') }, failed);
    assert.deepEqual(take(), ['warn local route: EPERM', 'warn local route: EROFS']);
    log({ kind: 'resource-ok', resource }, { kind: 'resource-ok', resource }, failed);
    assert.deepEqual(take(), ['info local route: correct again', 'warn local route: EPERM']);
  });

  it('in a dry run has what would change, once', () => {
    const { log, take } = logging();
    log(EACH['resource-drifted'][0], EACH['resource-drifted'][0]);
    assert.deepEqual(take(), [`info would create local route: ${drift}`]);
  });
});
