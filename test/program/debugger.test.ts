// SIGUSR1 before lvscare listens to it: Node.js opens its debugger then, and every user of the machine could use it.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createConnection } from 'node:net';
import { it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { startProgram } from '../support/program.js';

/** What the signal has Node.js do, at the latest moment before lvscare's first line. */
const OPENED = `data:text/javascript,import inspector from 'node:inspector'; inspector.open(0); console.error(inspector.url());`;

it('SIGUSR1 while Node.js starts leaves no debugger open', async () => {
  const child = startProgram(['probe', '--watch', '--rs', '127.0.0.1:1'], {
    NODE_OPTIONS: `--import=${encodeURI(OPENED)}`,
  });
  try {
    let [stdout, stderr] = ['', ''];
    child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    child.stdout?.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    // From then on it is at work.
    while (!stdout.includes('127.0.0.1:1')) await delay(20);
    const [, port] = /^ws:\/\/127\.0\.0\.1:(\d+)\//m.exec(stderr) ?? [];
    assert.ok(port !== undefined, stderr);
    const [error] = (await once(createConnection(Number(port), '127.0.0.1'), 'error')) as [
      NodeJS.ErrnoException,
    ];
    assert.equal(error.code, 'ECONNREFUSED');
  } finally {
    child.kill();
    await once(child, 'close');
  }
});
