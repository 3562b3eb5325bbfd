/** One probe as lvscare makes it without a CA. */
import { createProber } from '../../src/probe/prober.js';
import { createCredentials } from '../../src/tls/credentials.js';
import type { Endpoint } from '../../src/values/endpoint.js';
import { probeRequest } from './request.js';

const NOTHING = { verify: false, caFile: null, certificateFile: null, keyFile: null, tokenFile: null };

/** The result of one probe over a connection of its own. */
export async function askUnverified(
  server: Endpoint,
): Promise<{ readonly kind: string; readonly detail: string }> {
  const credentials = createCredentials(NOTHING, () => undefined);
  const request = probeRequest({ tls: { verify: false, serverName: null } });
  const connection = createProber(request, { credentials, guard: () => undefined }).keepConnection(
    server,
    () => undefined,
  );
  try {
    const manner = { fresh: true, hedged: false };
    for await (const { kind, detail } of connection.probe(manner, new AbortController().signal))
      return { kind, detail };
    return { kind: 'none', detail: '' };
  } finally {
    connection.close();
  }
}
