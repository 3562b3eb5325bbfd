/** What is asked of each server. */
import type { ProbeRequest } from '../probe/request.js';
import type { Note } from './note.js';
import { readProbeTls, type ProbeTls } from './probe-tls.js';
import type { Settings } from './settings.js';

export interface ProbeConfig extends ProbeRequest {
  readonly tls: ProbeTls;
}

/**
 * @param probes Whether servers are probed continuously: otherwise the files need not exist.
 * @param checked The files of other virtual servers that were found right.
 */
export function readProbe(
  settings: Settings,
  probes: boolean,
  defaultCa: string,
  checked = new Set<string>(),
): { readonly probe: ProbeConfig; readonly notes: readonly Note[] } {
  const scheme = settings.read('health-schem');
  const { tls, notes } = readProbeTls(settings, { scheme, probes, defaultCa, checked });
  const probe: ProbeConfig = {
    scheme,
    method: settings.read('health-req-method'),
    path: settings.read('health-path'),
    headers: Object.fromEntries(settings.read('health-req-headers')),
    body: settings.read('health-req-body'),
    acceptedStatuses: new Set(settings.read('health-status')),
    connectTimeoutMs: settings.read('connect-timeout'),
    timeoutMs: settings.read('health-timeout'),
    port: settings.read('health-port'),
    sourcePorts: settings.read('health-source-ports'),
    tls,
  };
  return { probe, notes };
}
