import type { Endpoint } from '../values/endpoint.js';
import type { Note } from './note.js';
import { DEFAULT_CA } from './options.js';
import { readProbe, type ProbeConfig } from './probe-request.js';
import { readRealServers } from './real-servers.js';
import type { Settings } from './settings.js';
import { UsageError } from './usage-error.js';

export interface ProbeCommandConfig {
  readonly realServers: readonly Endpoint[];
  readonly probe: ProbeConfig;
  readonly intervalMs: number;
  readonly fall: number;
  readonly rise: number;
  /** Again and again, until stopped. */
  readonly watch: boolean;
  readonly json: boolean;
  readonly notes: readonly Note[];
}

/** The configuration of `lvscare probe`. Throws a UsageError for the first thing that is wrong. */
export function readProbeCommandConfig(settings: Settings, defaultCa = DEFAULT_CA): ProbeCommandConfig {
  // In the environment it may be there for care.
  if (settings.name('vs') === '--vs' && settings.has('vs') && settings.read('config') === null)
    throw new UsageError('--vs', '--config beside it', null);
  const realServers = readRealServers(settings, null, false);
  const { probe, notes } = readProbe(settings, true, defaultCa);
  const watch = settings.read('watch');
  const config = {
    realServers,
    probe,
    intervalMs: settings.read('interval'),
    fall: settings.read('fall'),
    rise: settings.read('rise'),
    watch,
    json: settings.read('json'),
    notes,
  };
  // In the environment it may be there for care.
  for (const flag of ['interval', 'rise'])
    if (!watch && settings.name(flag) === `--${flag}` && settings.has(flag))
      throw new UsageError(`--${flag}`, '--watch beside it', null);
  return config;
}
