import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { classifyFailure, ConnectTimeout, type Phase } from '../../src/probe/failure.js';

function failure(code: string, message = `it failed: ${code}`): Error {
  return Object.assign(new Error(message), { code });
}

describe('what a failed probe says', () => {
  /** `unreachable`: silent, and told so rather than waited for. */
  const cases: readonly (readonly [phase: Phase, code: string, kind: string])[] = [
    ['connect', 'ECONNREFUSED', 'refused'],
    ['connect', 'ETIMEDOUT', 'silent'],
    ['connect', 'EHOSTUNREACH', 'unreachable'],
    ['connect', 'ENETUNREACH', 'unreachable'],
    ['connect', 'EHOSTDOWN', 'unreachable'],
    ['connect', 'ENETDOWN', 'unreachable'],
    ['connect', 'EACCES', 'unreachable'],
    ['connect', 'ECONNRESET', 'broken'],
    ['connect', 'EPIPE', 'broken'],
    ['connect', 'EMFILE', 'inconclusive'],
    ['connect', 'ENFILE', 'inconclusive'],
    ['connect', 'ENOBUFS', 'inconclusive'],
    ['connect', 'ENOMEM', 'inconclusive'],
    ['connect', 'EADDRNOTAVAIL', 'inconclusive'],
    ['connect', 'EAGAIN', 'inconclusive'],
    ['handshake', 'ECONNRESET', 'tls'],
    ['handshake', 'EPROTO', 'tls'],
    ['handshake', 'CERT_HAS_EXPIRED', 'tls'],
    ['handshake', 'ERR_TLS_CERT_ALTNAME_INVALID', 'tls'],
    ['handshake', 'ETIMEDOUT', 'silent'],
    ['answer', 'ETIMEDOUT', 'silent'],
    ['answer', 'EHOSTUNREACH', 'unreachable'],
    ['answer', 'ECONNRESET', 'broken'],
    ['answer', 'UND_ERR_SOCKET', 'broken'],
    ['answer', 'HPE_INVALID_CONSTANT', 'broken'],
    ['answer', 'EPIPE', 'broken'],
    ['answer', 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', 'tls'],
  ];
  for (const [phase, code, kind] of cases) {
    it(`${code} in the phase ${phase} is ${kind}`, () => {
      const detail = `it failed: ${code}`;
      const expected =
        kind === 'unreachable' ? { kind: 'silent', detail, unreachable: true } : { kind, detail };
      assert.deepEqual(classifyFailure(phase, failure(code), null), expected);
    });
  }

  it('at its time limit depends on how far it had come, whatever error that caused', () => {
    const aborted = failure('ABORT_ERR');
    assert.deepEqual(classifyFailure('connect', aborted, 3000), {
      kind: 'silent',
      detail: 'no answer to connect in 3000 ms',
    });
    assert.deepEqual(classifyFailure('handshake', aborted, 3000), {
      kind: 'slow',
      detail: 'no complete answer in 3000 ms: the TLS handshake hangs',
      noHandshake: true,
    });
    assert.deepEqual(classifyFailure('answer', aborted, 3000), {
      kind: 'slow',
      detail: 'no complete answer in 3000 ms',
    });
  });

  it('at the time limit for TCP is silent', () => {
    assert.deepEqual(classifyFailure('connect', new ConnectTimeout(1000), null), {
      kind: 'silent',
      detail: 'no answer to connect in 1000 ms',
    });
  });

  it('is worded by the code when there is no message, and by the reason when OpenSSL gives one', () => {
    assert.equal(classifyFailure('answer', failure('EPIPE', ''), null).detail, 'EPIPE');
    assert.equal(classifyFailure('answer', new Error(''), null).detail, 'failed');
    const message =
      '80AC0:error:0A00010B:SSL routines:ssl3_get_record:wrong version number:ssl3_record.c:350:\n';
    const wrongVersion = Object.assign(failure('ERR_SSL_WRONG_VERSION_NUMBER', message), {
      reason: 'wrong version number',
    });
    assert.equal(classifyFailure('handshake', wrongVersion, null).detail, 'wrong version number');
  });
});
