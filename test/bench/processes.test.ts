import assert from 'node:assert/strict';
import { it } from 'node:test';
import { loadBetween, parseCpuTicks } from '../../bench/cpu-load.js';
import { descendants, parseCpuS, parseStatus } from '../../bench/steady/processes.js';

it('the CPU time of a process has that of its ended children, whatever its name is', () => {
  const stat = '726 (a) b (c) R 705 0 0 0 -1 4194304 5174 0 494 0 117 2 30 1 20 0 7 0 324 1014390784';
  assert.equal(parseCpuS(stat), 1.5);
});

it('the memory of a process is what is resident, and what of it is in no file', () => {
  const status = 'Name:\tnode\nVmRSS:\t   44588 kB\nRssAnon:\t   20000 kB\nRssFile:\t   24588 kB\n';
  assert.deepEqual(parseStatus(status), { rssKiB: 44588, anonymousKiB: 20000 });
  assert.deepEqual(parseStatus('Name:\tkthreadd\n'), { rssKiB: 0, anonymousKiB: 0 });
});

it('the load is what was not idle', () => {
  const before = parseCpuTicks('cpu  100 0 50 200 10 0 5 0 0 0\ncpu0 100 0 50 200 10 0 5 0 0 0\n');
  assert.deepEqual(before, { busy: 155, idle: 210 });
  assert.equal(loadBetween(before, { busy: 180, idle: 285 }), 0.25);
  assert.equal(loadBetween(before, before), 0);
});

it('the descendants of processes are found by who their parents are', () => {
  const parents = new Map([
    [1, 0],
    [10, 1],
    [11, 10],
    [12, 11],
    [20, 1],
  ]);
  assert.deepEqual(descendants([10, 20], parents), [11, 12]);
  assert.deepEqual(descendants([12], parents), []);
});
