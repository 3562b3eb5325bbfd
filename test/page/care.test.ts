/** The status page of a control loop that asks real servers: what happens to them is seen without loading it again. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import tls from 'node:tls';
import { Certificates } from '../../lab/certificates.js';
import { Maintenance } from '../../src/care/maintenance.js';
import { care } from '../../src/care/care.js';
import { systemClock } from '../../src/clock.js';
import { endpoint } from '../../src/core/endpoint.js';
import { Scoreboard } from '../../src/observe/scoreboard.js';
import { createProber } from '../../src/probe/prober.js';
import { FakeKernel } from '../care/fake-kernel.js';
import { answering, web } from '../probe/servers.js';
import { Chromium } from '../support/chromium.js';
import { reportOf } from './made-up.js';
import { Served } from './served.js';

const VS = endpoint('ipv4', '10.103.97.2', 6443);
const LONG_MS = 20_000;

describe('the status page of servers that are really asked', () => {
  let certificates: Certificates;
  before(async () => {
    certificates = await Certificates.create();
  });
  after(() => certificates.close());

  it('shows one that is killed within its update', async () => {
    const made = await certificates.create('good', { name: 'apiserver', alternativeNames: ['IP:127.0.0.1'] });
    const pair = { cert: readFileSync(made.certificateFile), key: readFileSync(made.keyFile) };
    const ca = readFileSync(certificates.authority.certificateFile);
    await using one = await web(pair, answering(200));
    await using other = await web(pair, answering(200));
    const realServers = [one.endpoint, other.endpoint];
    const policy = {
      ...{ scheduler: 'rr', weight: 1, fall: 2, rise: 2, maxHoldMs: 60_000 },
      ...{ intervalMs: 1000, fastIntervalMs: 100, handshakeIntervalMs: 60_000, drainTimeoutMs: 30_000 },
    };
    const board = new Scoreboard(
      { virtualServer: VS, realServers, policy, mode: 'none', masquerade: false, dryRun: false },
      { clock: systemClock, wallClock: Date.now },
    );
    const kernel = new FakeKernel();
    const prober = createProber(
      {
        ...{ scheme: 'https', port: null, method: 'GET', path: '/healthz', headers: {}, body: null },
        ...{ acceptedStatuses: new Set(), connectTimeoutMs: LONG_MS, timeoutMs: LONG_MS },
        tls: { verify: true, serverName: null },
      },
      {
        credentials: {
          withToken: false,
          current: () => Promise.resolve({ secureContext: tls.createSecureContext({ ca }), token: null }),
        },
        guard: () => undefined,
        onExchange: (server, exchange) => {
          board.exchanged(server, exchange);
        },
      },
    );
    const ending = new AbortController();
    const caring = care(
      realServers,
      policy,
      {
        ...{
          prober,
          clock: systemClock,
          random: Math.random,
          reporter: board,
          upkeeps: [],
          maintenance: new Maintenance(),
        },
        table: kernel.table(VS),
        changes: async function* (signal) {
          yield* [];
          await systemClock.sleep(LONG_MS * 10, signal);
        },
      },
      ending.signal,
    );
    try {
      await using served = await Served.start(() => ({
        report: { ...reportOf([board.report()]), atMs: Date.now() },
        looks: [],
      }));
      await using browser = await Chromium.start();
      await using page = await browser.open(served.url);
      await page.until(`document.title === '2/2 up – 10.103.97.2:6443'`);
      const rows = `[...document.querySelectorAll('tbody tr')].map((row) => row.querySelector('.state').innerText)`;
      for (const text of await page.evaluate<string[]>(rows))
        assert.match(text, /^Up for .*\nok, status 200$/);
      assert.match(await page.text(), /\d+ days/, 'the certificate is known');

      await page.evaluate('{ window.same = true; }');
      await other[Symbol.asyncDispose]();
      await page.until(`document.title === '1/2 up – 10.103.97.2:6443'`);
      const [, dead = ''] = await page.evaluate<string[]>(rows);
      assert.match(dead, /^Dead for .*\nrefused, connect ECONNREFUSED 127\.0\.0\.1:\d+$/);
      assert.match(
        await page.evaluate(`document.getElementById('news').textContent`),
        new RegExp(`^${other.endpoint.text} is dead \\(was up\\): refused, `),
      );
      assert.match(
        await page.evaluate(`document.querySelectorAll('.hour')[1].getAttribute('aria-label')`),
        /1 with failures, \d\d:\d\d \d+ of \d+ refused/,
      );
      assert.equal(await page.evaluate('window.same'), true);
    } finally {
      ending.abort();
      await caring;
    }
  });
});
