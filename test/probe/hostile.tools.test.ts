// Servers of openssl that are out to keep lvscare busy by TLS alone.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { endpoint } from '../../src/values/endpoint.js';
import { startTool } from '../support/tools.js';
import { askUnverified } from './hostile.js';
import { issuer } from './issuer.js';
import { closedPort } from './servers.js';

it('a server that sends KeyUpdates without end, which no part of HTTP shows, is given up after 512 KiB', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'lvscare-hostile-'));
  const { certificateFile, keyFile } = await issuer(directory)({ subject: '/CN=hostile', signer: null });
  const { port } = await closedPort();
  const files = ['-cert', certificateFile, '-key', keyFile];
  // Padded, so that a few hundred are many bytes.
  const server = startTool(
    'openssl',
    's_server',
    '-accept',
    `127.0.0.1:${port}`,
    '-tls1_3',
    '-record_padding',
    '16000',
    ...files,
  );
  let said = '';
  server.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  server.stdin.on('error', () => undefined);
  const ended = once(server, 'exit');
  while (!said.includes('ACCEPT')) await once(server.stdout, 'data');
  // One line for each read of openssl is one KeyUpdate.
  const flood = setInterval(() => server.stdin.write('k\n'), 5);
  try {
    assert.deepEqual(await askUnverified(endpoint('ipv4', '127.0.0.1', port)), {
      kind: 'broken',
      detail: 'the server sent more than 512 KiB, and no complete answer',
    });
  } finally {
    clearInterval(flood);
    server.kill('SIGKILL');
    await ended;
    await rm(directory, { recursive: true });
  }
});
