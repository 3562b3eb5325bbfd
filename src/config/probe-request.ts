/** What is asked of each server. */
import type { ProbeRequest } from '../probe/request.js';
import { durationParser } from './duration.js';
import type { Note } from './note.js';
import { readProbeTls, type ProbeTls } from './probe-tls.js';
import type { Settings } from './settings.js';
import { choiceParser, integerParser, parseHeader, parseMethod, parsePath, splitHeaders } from './values.js';

export interface ProbeConfig extends ProbeRequest {
  readonly tls: ProbeTls;
}

const SECOND = 1000;
const timeout = durationParser({ leastMs: 1, mostMs: 10 * 60 * SECOND, words: 'from 1ms to 10m' });

/** @param probes Whether anything will be probed: who only sets up or cleans up need not have the files. */
export function readProbe(
  settings: Settings,
  probes: boolean,
  defaultCa: string,
): { readonly probe: ProbeConfig; readonly notes: readonly Note[] } {
  const scheme = settings.value('health-schem', choiceParser('https', 'http'), 'https');
  const { tls, notes } = readProbeTls(settings, { scheme, probes, defaultCa });
  const body = settings.value('health-req-body', (text) => text, '');
  const probe: ProbeConfig = {
    scheme,
    method: settings.value('health-req-method', parseMethod, 'GET'),
    path: settings.value('health-path', parsePath, '/healthz'),
    headers: Object.fromEntries(settings.list('health-req-headers', parseHeader, splitHeaders)),
    body: body === '' ? null : body,
    acceptedStatuses: new Set(settings.list('health-status', integerParser(100, 599))),
    connectTimeoutMs: settings.value('connect-timeout', timeout, SECOND),
    timeoutMs: settings.value('health-timeout', timeout, 3 * SECOND),
    port: settings.value('health-port', integerParser(1, 65535), null),
    tls,
  };
  return { probe, notes };
}
