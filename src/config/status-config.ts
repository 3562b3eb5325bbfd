import type { Endpoint } from '../values/endpoint.js';
import { parseEndpoint } from './parse-endpoint.js';
import type { Settings } from './settings.js';
import { UsageError } from './usage-error.js';

export interface StatusConfig {
  /** The one to show; null for all. */
  readonly virtualServer: Endpoint | null;
  readonly json: boolean;
  /** Again and again, until stopped. */
  readonly watch: boolean;
  /** A line for each virtual server, and the exit code, in place of the table. */
  readonly check: boolean;
}

/** The configuration of `lvscare status`. Throws a UsageError for the first thing that is wrong. */
export function readStatusConfig(settings: Settings): StatusConfig {
  const [json, watch, check] = [settings.read('json'), settings.read('watch'), settings.read('check')];
  if (check && (json || watch))
    throw new UsageError(
      '--check',
      `no ${json ? '--json' : '--watch'} beside it`,
      json ? '--json' : '--watch',
    );
  return { virtualServer: settings.read('vs'), json, watch, check };
}

export interface DrainConfig {
  readonly realServer: Endpoint;
  /** The one to drain it in; null for all that have it. */
  readonly virtualServer: Endpoint | null;
  /** Drain it also if no other one would serve. */
  readonly force: boolean;
}

/** The configuration of `lvscare drain` and `undrain`: the word is the real server. */
export function readDrainConfig(command: string, settings: Settings, word: string): DrainConfig {
  return {
    realServer: parseEndpoint(word, command),
    virtualServer: settings.read('vs'),
    force: settings.read('force'),
  };
}
