/** The status page of the program itself, asking servers that are there: by --dry-run, which needs no kernel with IPVS. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { after, before, describe, it } from 'node:test';
import { Certificates } from '../../lab/certificates.js';
import { answering, closedPort, web } from '../probe/servers.js';
import { Chromium } from '../support/chromium.js';
import { PROGRAM } from '../../lab/program.js';

describe('the status page of the program', () => {
  let certificates: Certificates;
  before(async () => {
    certificates = await Certificates.create();
  });
  after(() => certificates.close());

  it('shows an apiserver that is killed within its update, without being loaded again', async () => {
    const made = await certificates.create('good', { name: 'apiserver', alternativeNames: ['IP:127.0.0.1'] });
    const pair = { cert: readFileSync(made.certificateFile), key: readFileSync(made.keyFile) };
    await using one = await web(pair, answering(200));
    await using other = await web(pair, answering(200));
    const { text: address } = await closedPort();
    const daemon = spawn(
      process.execPath,
      [
        ...[
          PROGRAM,
          'care',
          '--vs',
          '10.103.97.2:6443',
          '--rs',
          `${one.endpoint.text},${other.endpoint.text}`,
        ],
        ...['--health-ca', certificates.authority.certificateFile, '--metrics-addr', address, '--dry-run'],
        ...['--interval', '1s', '--fast-interval', '100ms', '--log-format', 'json'],
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    const ended = once(daemon, 'exit');
    try {
      let said = '';
      for await (const text of daemon.stdout.setEncoding('utf8').iterator({ destroyOnReturn: false })) {
        said += String(text);
        if (said.includes('"listening"')) break;
      }
      daemon.stdout.resume();
      await using browser = await Chromium.start();
      await using page = await browser.open(`http://${address}/`);
      await page.until(`document.title === '2/2 up – ${hostname()} – 10.103.97.2:6443 (dry run)'`);
      const rows = `[...document.querySelectorAll('tbody tr')].map((row) => row.querySelector('.state').innerText)`;
      for (const text of await page.evaluate<string[]>(rows))
        assert.match(text, /^Up for .*\nok, status 200\n0 of \d+ probes failed$/);
      assert.match(await page.text(), /\d+ days/, 'the certificate is known');
      assert.match(await page.text(), /Dry run: servers are probed, and nothing in the kernel is changed/);

      await page.evaluate('{ window.same = true; }');
      await other[Symbol.asyncDispose]();
      await page.until(`document.title === '1/2 up – ${hostname()} – 10.103.97.2:6443 (dry run)'`);
      const [, dead = ''] = await page.evaluate<string[]>(rows);
      assert.match(
        dead,
        /^Dead for .*\nrefused, connect ECONNREFUSED 127\.0\.0\.1:\d+\nno program listens there/,
      );
      assert.match(
        await page.evaluate(`document.getElementById('news').textContent`),
        new RegExp(`^${other.endpoint.text} is dead \\(was up\\): refused, `),
      );
      assert.match(
        await page.evaluate(`document.querySelectorAll('.hour')[1].getAttribute('aria-label')`),
        / with failures, \d\d:\d\d \d+ of \d+ refused/,
      );
      assert.equal(await page.evaluate('window.same'), true);
      assert.deepEqual(
        page.complaints.filter((text) => !text.includes('favicon.ico')),
        [],
      );
    } finally {
      daemon.kill('SIGTERM');
      await ended;
    }
  });
});
