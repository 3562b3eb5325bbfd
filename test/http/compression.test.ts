import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { describe, it } from 'node:test';
import { gunzipSync } from 'node:zlib';
import type { Answer } from '../../src/http/answer.js';
import { compressor, acceptsGzip } from '../../src/http/compression.js';
import { httpServer, LIMITS } from '../../src/http/http-server.js';
import { serve } from './client.js';
import { OPEN_ACCESS } from './open-access.js';

const BIG: Answer = {
  status: 200,
  type: 'text/plain',
  body: Buffer.from('lvscare_real_server_up{remote_address="10.0.0.1"} 1\n'.repeat(2000)),
};
const SMALL: Answer = { status: 200, type: 'text/plain', body: Buffer.from('ok\n') };

describe('an answer in gzip', () => {
  const cases: readonly (readonly [header: string, takes: boolean])[] = [
    ['gzip', true],
    ['gzip, deflate, br, zstd', true],
    ['br;q=1.0, GZIP;q=0.5', true],
    ['gzip;q=0.001', true],
    ['*', false],
    ['identity', false],
    ['gzip;q=0', false],
    ['gzip; q=0.00, br', false],
    ['', false],
  ];
  for (const [header, takes] of cases)
    it(`is ${takes ? '' : 'not '}asked for by "${header}"`, () => {
      assert.equal(acceptsGzip(header), takes);
    });

  it('is the same answer, and much smaller', async () => {
    await using served = await serve(
      httpServer(
        {
          routes: { '/big': () => BIG, '/small': () => SMALL },
          limits: LIMITS,
          access: OPEN_ACCESS,
          onFault: () => undefined,
        },
        null,
      ),
    );
    const got = async (path: string, headers: Record<string, string>): Promise<[IncomingMessage, Buffer]> => {
      const asked = request({ host: '127.0.0.1', port: served.port, path, headers, agent: false }).end();
      const [response] = (await once(asked, 'response')) as [IncomingMessage];
      const chunks: Buffer[] = [];
      for await (const chunk of response) chunks.push(chunk as Buffer);
      return [response, Buffer.concat(chunks)];
    };
    const [{ headers }, body] = await got('/big', { 'accept-encoding': 'gzip' });
    assert.equal(headers['content-encoding'], 'gzip');
    assert.equal(Number(headers['content-length']), body.length);
    assert.equal(headers['content-type'], 'text/plain');
    assert.deepEqual(gunzipSync(body), BIG.body);
    assert.ok(10 * body.length < BIG.body.length, `${body.length} bytes`);
    for (const [path, asked, answer] of [
      ['/big', {}, BIG],
      ['/small', { 'accept-encoding': 'gzip' }, SMALL],
    ] as const) {
      const [plain, bytes] = await got(path, asked);
      assert.equal(plain.headers['content-encoding'], undefined, path);
      assert.deepEqual(bytes, answer.body, path);
    }
  });

  it('is made once, however many ask, and keeps what else the answer says', async () => {
    const compressed = compressor();
    const [first, ...others] = await Promise.all(
      Array.from({ length: 50 }, () => compressed({ ...BIG, contentSecurityPolicy: "default-src 'none'" })),
    );
    assert.equal(first?.contentSecurityPolicy, "default-src 'none'");
    for (const other of others) assert.equal(other.body, first.body);
  });
});
