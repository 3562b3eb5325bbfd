/** What lvscare offers in a TLS handshake. */
import { constants } from 'node:crypto';
import type { SecureContextOptions } from 'node:tls';

/**
 * TLS 1.3, and TLS 1.2 with ECDHE, as every apiserver has. No Diffie-Hellman over finite fields, in neither version: the server chooses
 * the group, and one of 10,000 bits takes seconds on the event loop before its certificate is checked. No renegotiation, which a server
 * of TLS 1.2 could demand again and again.
 */
export const TLS_OFFER = {
  minVersion: 'TLSv1.2',
  ciphers: [
    'TLS_AES_128_GCM_SHA256',
    'TLS_AES_256_GCM_SHA384',
    'TLS_CHACHA20_POLY1305_SHA256',
    'ECDHE+AESGCM',
    'ECDHE+CHACHA20',
    'ECDHE+AES',
    '!aNULL',
  ].join(':'),
  ecdhCurve: 'X25519:P-256:P-384:P-521',
  secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
} as const satisfies SecureContextOptions;
