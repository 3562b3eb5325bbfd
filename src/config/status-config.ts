import type { Endpoint } from '../values/endpoint.js';
import { parseEndpoint } from './parse-endpoint.js';
import type { Settings } from './settings.js';

export interface StatusConfig {
  /** The one to show; null for all. */
  readonly virtualServer: Endpoint | null;
  readonly json: boolean;
  /** Again and again, until stopped. */
  readonly watch: boolean;
}

/** The configuration of `lvscare status`. Throws a UsageError for the first thing that is wrong. */
export function readStatusConfig(settings: Settings): StatusConfig {
  return {
    virtualServer: settings.read('vs'),
    json: settings.read('json'),
    watch: settings.read('watch'),
  };
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
