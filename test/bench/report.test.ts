import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { EventName } from '../../bench/failover/events.js';
import type { EventSample } from '../../bench/failover/sample.js';
import { amount, seconds, spread, table } from '../../bench/report/format.js';
import { combine } from '../../bench/report/combine.js';
import { headline } from '../../bench/report/headline.js';
import { report, resultsPage } from '../../bench/report/markdown.js';
import type { Results } from '../../bench/report/results.js';

describe('numbers', () => {
  it('have the digits that mean something', () => {
    assert.deepEqual([0, 24.2, 130, 999, 1340, 24_400].map(seconds), [
      '0 s',
      '0.024 s',
      '0.13 s',
      '1.00 s',
      '1.3 s',
      '24 s',
    ]);
    assert.deepEqual([3, 3.5, 27.4].map(amount), ['3', '3.5', '27']);
  });

  it('are shown with their spread, if they have one', () => {
    assert.equal(spread({ count: 3, median: 1500, min: 1000, max: 2000 }, seconds), '1.5 s (1.0 s to 2.0 s)');
    assert.equal(spread({ count: 3, median: 2, min: 2, max: 2 }, amount), '2');
    assert.equal(spread(null, seconds), '');
  });
});

it('a table is padded', () => {
  assert.equal(
    table(['a', 'long'], [['value', '1']]),
    '| a     | long |\n| ----- | ---- |\n| value | 1    |',
  );
});

describe('the report', () => {
  const sample: EventSample = {
    event: 'kill',
    master: 'master0',
    phaseMs: 0,
    outMs: 20,
    backMs: 1000,
    attempts: 100,
    failures: 1,
    codes: { ECONNREFUSED: 1 },
    lastFailureMs: 10,
    busy: { hangMs: 100, untilBack: false, ended: 'ECONNRESET' },
    falseVerdicts: 0,
    load: 0.4,
  };
  const results: Results = {
    command: 'npm run bench',
    startedAt: '2026-01-02T03:04:05.000Z',
    finishedAt: '2026-01-02T04:04:05.000Z',
    machine: { kernel: '6.1', guest: 'uml', cpus: 1, versions: { node: 'v20' } },
    recipes: {},
    limitsMs: { out: 60_000, back: 60_000 },
    failover: {
      lvscare: { kill: [sample] },
      slow: { kill: [{ ...sample, outMs: 40 }] },
      never: { kill: [{ ...sample, outMs: null, busy: { hangMs: 9000, untilBack: true, ended: null } }] },
    },
    steady: {},
    scale: [],
    errors: [],
  };

  it('has the median of each peer, what did not happen within the limit, and how connections ended', () => {
    const text = report(results);
    assert.match(text, /\| slow +\| 0\.040 s +\|/);
    assert.match(text, /\| never +\| >60 s +\|/);
    assert.match(text, /\| never +\| until back +\|/);
    assert.match(text, /\| lvscare +\| 1 ECONNRESET +\|/);
  });

  it('has nothing of what was not measured, and says what failed', () => {
    const text = report({
      ...results,
      finishedAt: null,
      errors: ['steady state, haproxy: it ended\nwith much to say'],
    });
    assert.ok(!text.includes('Steady state,') && !text.includes('## Scale'));
    assert.match(text, /\*\*Failed:\*\* steady state, haproxy: it ended$/m);
    assert.match(text, /not finished/);
  });

  it('of several runs has the peers in the given order, each with its settings', () => {
    const second = {
      ...results,
      command: 'npm run bench -- --peers keepalived-1s',
      recipes: { 'keepalived-1s': '`delay_loop 1`' },
      failover: { 'keepalived-1s': { kill: [sample] } },
    };
    const peers = ['keepalived-1s', 'lvscare', 'slow', 'never'];
    const text = resultsPage([results, second], peers);
    assert.match(text, /`npm run bench`, .*\n\n`npm run bench -- --peers keepalived-1s`/);
    assert.match(text, /\| keepalived-1s \| `delay_loop 1` +\|/);
    assert.deepEqual(Object.keys(combine([results, second], peers).failover), peers);
  });
});

describe('the headline', () => {
  const sample = (event: EventName, outMs: number | null, busy: EventSample['busy']): EventSample => ({
    ...{ event, master: 'master0', phaseMs: 0, outMs, backMs: 1000, attempts: 100, failures: 0, codes: {} },
    ...{ lastFailureMs: 0, busy, falseVerdicts: 0, load: 0.4 },
  });
  const kept = { hangMs: 100, untilBack: false, ended: null };
  const line = (cut: EventSample): string => {
    const events = { kill: [sample('kill', 24, kept), sample('kill', 20, kept)], cut: [cut] };
    const text = headline({
      ...{ recipes: {}, limitsMs: { out: 60_000, back: 60_000 }, steady: {}, scale: [] },
      failover: { lvscare: events },
    });
    assert.match(text, /Medians of 2 events each\. Healthy servers taken out in these 3 events: 0\./);
    return text.split('\n')[2]?.replace(/ +/g, ' ') ?? '';
  };

  it('has the medians of each event, and leaves out peers that were not measured', () => {
    const cut = sample('cut', 2600, { hangMs: 2700, untilBack: false, ended: 'ECONNABORTED' });
    assert.equal(
      line(cut),
      '| lvscare, its defaults | 0.022 s | - | 2.6 s | - | ends after 2.7 s | 1.0 s, -, 1.0 s, - |',
    );
  });

  it('says so if a server was not taken out in time, and if the connection hangs', () => {
    const cut = sample('cut', null, { hangMs: 9000, untilBack: true, ended: null });
    assert.match(line(cut), / >60 s \| - \| hangs until the server is back \|/);
  });
});
