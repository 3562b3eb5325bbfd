/** Whether an answer of a control socket has the shape of a status: it may be that of another version or another program. */
import type { DrainOutcome } from './drain-outcome.js';
import type { Status } from './status.js';

type Check = (value: unknown) => boolean;

const number: Check = (value) => typeof value === 'number';
/** What a Date can have, in milliseconds. */
const moment: Check = (value) => typeof value === 'number' && Math.abs(value) <= 8.64e15;
const text: Check = (value) => typeof value === 'string';
const flag: Check = (value) => typeof value === 'boolean';
/** A text that is printed as it is. */
const name: Check = (value) =>
  typeof value === 'string' && value.length <= 300 && !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(value);

/** One of a list, which another version may have made longer: it is shown as it is. */
const choice = name;

function orNull(check: Check): Check {
  return (value) => value === null || check(value);
}

function list(check: Check): Check {
  return (value) => Array.isArray(value) && value.every(check);
}

function object(checks: Readonly<Record<string, Check>>): Check {
  return (value) =>
    typeof value === 'object' &&
    value !== null &&
    Object.entries(checks).every(([key, check]) => check((value as Readonly<Record<string, unknown>>)[key]));
}

const drained = list(object({ server: name, sinceMs: moment }));

/** As far as it is shown as text. */
const server = object({
  server: name,
  state: choice,
  sinceMs: moment,
  drained: orNull(object({ sinceMs: moment })),
  suspect: orNull(object({ sinceMs: moment })),
  lateClients: number,
  evidence: orNull(
    object({ kind: text, detail: text, status: (value) => value === undefined || number(value) }),
  ),
  heldUntilMs: orNull(moment),
  relapses: number,
  lastOk: orNull(object({ durationMs: number })),
  lastProbeMs: orNull(moment),
  membership: orNull(object({ source: name, missingSinceMs: orNull(moment) })),
});

const care = object({
  virtualServer: name,
  mode: name,
  masquerade: flag,
  nodeAddress: orNull(name),
  intervalMs: number,
  failOpen: flag,
  deletedRepeatedly: flag,
  reachability: orNull(object({ reason: orNull(text), sinceMs: moment })),
  discovery: orNull(
    object({
      lastList: orNull(object({ atMs: moment, from: name, by: name, servers: number })),
      failure: orNull(object({ sinceMs: moment, message: text })),
    }),
  ),
  lastPass: orNull(object({ atMs: moment, error: orNull(text) })),
  troubles: list(object({ what: text, message: text, sinceMs: moment })),
  repairs: (value) => object({})(value) && Object.values(value as object).every(number),
  servers: list(server),
});

const traffic = object({ connectionsPerSecond: number, bytesInPerSecond: number, bytesOutPerSecond: number });

const kernel = object({
  scheduler: name,
  flags: name,
  destinations: list(
    object({
      server: name,
      forwarding: (value) => number(value) || choice(value),
      weight: number,
      active: number,
      inactive: number,
      traffic: orNull(traffic),
    }),
  ),
});

const status = object({
  atMs: moment,
  virtualServers: list(
    object({
      virtualServer: name,
      lvscare: choice,
      program: orNull(object({ version: name, pid: number, startedAtMs: moment })),
      care: orNull(care),
      kernel: orNull(kernel),
      drained,
      notes: list(text),
    }),
  ),
});

export function isStatus(value: unknown): value is Status {
  return status(value);
}

const outcome = object({
  virtualServer: name,
  server: name,
  drained: flag,
  changed: flag,
  state: choice,
  row: orNull(object({ weight: number, active: number })),
  failOpen: flag,
  kernelError: orNull(name),
  forgotten: orNull(name),
});

/** The same for the result of a drain. */
export function isDrainOutcome(value: unknown): value is DrainOutcome {
  return outcome(value);
}
