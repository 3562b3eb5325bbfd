import type { TlsOptions } from 'node:tls';
import type { WebTls } from '../values/web-config.js';
import { TLS_OFFER } from './offer.js';

/**
 * TLS of the endpoint. A client without an accepted certificate ends its handshake all the same, so that kubelet, which has none, can get
 * the health paths; the other paths are refused to it.
 */
export function serverOptions({
  certificate,
  key,
  clientCa,
  clientAuth,
  minVersion,
  maxVersion,
}: WebTls): TlsOptions {
  return {
    ...TLS_OFFER,
    cert: certificate,
    key,
    minVersion,
    maxVersion,
    requestCert: clientAuth !== 'NoClientCert',
    rejectUnauthorized: false,
    // Every certificate in the file is trusted, also a CA below another one, as in Go.
    allowPartialTrustChain: true,
    // Without a file, no CA: not those that Node.js trusts.
    ca: clientCa ?? [],
  };
}
