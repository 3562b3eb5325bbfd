import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { UnitConfig } from '../../src/config/care-config.js';
import type { EventDetails } from '../../src/control-loop/events.js';
import { SharedProbers } from '../../src/daemon/probing.js';
import { endpoint } from '../../src/values/endpoint.js';
import { probeRequest } from '../probe/request.js';
import { closedPort } from '../probe/servers.js';

/** A virtual server whose probes verify certificates by a file. */
function config(port: number, caFile: string, path = '/healthz'): UnitConfig {
  const tls = {
    verify: true,
    caFile,
    certificateFile: null,
    keyFile: null,
    tokenFile: null,
    serverName: null,
  };
  const probe = { ...probeRequest({ path, acceptedStatuses: new Set([401]) }), tls };
  return {
    virtualServer: endpoint('ipv4', '10.103.97.2', port),
    probe,
    mode: 'local',
    dryRun: false,
  } as unknown as UnitConfig;
}

const MISSING = '/nonexistent/ca.crt';

describe('the probers of a process', () => {
  it('are one for each way to probe, for as long as it is used', async () => {
    const probers = new SharedProbers();
    const ignore = (): void => undefined;
    const one = await probers.use(config(1, MISSING), ignore);
    const same = await probers.use(config(2, MISSING), ignore);
    const other = await probers.use(config(3, MISSING, '/readyz'), ignore);
    assert.equal(same.prober, one.prober);
    assert.notEqual(other.prober, one.prober);
    one.end();
    const again = await probers.use(config(1, MISSING), ignore);
    assert.equal(again.prober, same.prober);
    again.end();
    same.end();
    assert.notEqual((await probers.use(config(1, MISSING), ignore)).prober, one.prober);
  });

  it('report to all that use one what is wrong with it, and to a later one at once', async () => {
    const probers = new SharedProbers();
    const seen = new Map<number, EventDetails[]>();
    const use = (port: number): ReturnType<SharedProbers['use']> =>
      probers.use(config(port, MISSING), (event) => seen.set(port, [...(seen.get(port) ?? []), event]));
    const kinds = (port: number): string[] => (seen.get(port) ?? []).map(({ kind }) => kind);
    const one = await use(1);
    const ended = await use(2);
    ended.end();
    await use(3);
    const connection = one.prober.keepConnection(await closedPort(), () => undefined);
    const { signal } = new AbortController();
    for await (const _ of connection.probe({ fresh: true, hedged: false }, signal));
    connection.close();
    assert.deepEqual([kinds(1), kinds(2), kinds(3)], [['credentials-failed'], [], ['credentials-failed']]);
    await use(4);
    assert.deepEqual(kinds(4), ['credentials-failed']);
    assert.deepEqual([...one.troubles], [`CA ${MISSING}`]);
  });
});
