/** How hard each program is pushed, in one place. docs/benchmarks.md explains the recipes. */

/** lvscare as tuned for the quickest verdicts that cost an apiserver about as much as keepalived's at 1 s. */
export const LVSCARE_TUNED = [
  ...['--interval', '250ms', '--fast-interval', '50ms', '--rise', '1'],
  ...['--health-timeout', '300ms', '--connect-timeout', '200ms'],
];

/** What the lvscare rows wait between two probes, in ms: an event's phase is drawn from it. */
export const LVSCARE_INTERVAL_MS = 5000;
export const LVSCARE_TUNED_INTERVAL_MS = 250;

/** The settings of a keepalived row; what is null is left to keepalived's default. */
export interface KeepalivedSettings {
  readonly delayLoopS: number;
  readonly retry: number | null;
  readonly delayBeforeRetryS: number | null;
  readonly connectTimeoutS: number | null;
}

export const KEEPALIVED_5S: KeepalivedSettings = {
  delayLoopS: 5,
  retry: null,
  delayBeforeRetryS: null,
  connectTimeoutS: null,
};

export const KEEPALIVED_1S: KeepalivedSettings = {
  delayLoopS: 1,
  retry: 0,
  delayBeforeRetryS: null,
  connectTimeoutS: 1,
};

/** A shorter timeout takes healthy servers out when the guest is busy. */
export const KEEPALIVED_TUNED: KeepalivedSettings = {
  delayLoopS: 0.2,
  retry: 0,
  delayBeforeRetryS: 0.1,
  connectTimeoutS: 0.5,
};

/** The settings of an HAProxy row, as its configuration spells them. */
export interface HaproxySettings {
  readonly defaults: readonly string[];
  readonly defaultServer: string;
  /** Between two checks, in ms. */
  readonly intervalMs: number;
}

/** The time limits are those of Debian's haproxy.cfg; the checks are HAProxy's own defaults: inter 2s fall 3 rise 2. */
export const HAPROXY_DEFAULT: HaproxySettings = {
  defaults: ['timeout connect 5s', 'timeout client 50s', 'timeout server 50s'],
  defaultServer: '',
  intervalMs: 2000,
};

const HAPROXY_QUICK = [
  ...['timeout connect 300ms', 'timeout check 500ms', 'timeout client 50s', 'timeout server 50s'],
  ...['option redispatch 1', 'retries 3'],
];

export const HAPROXY_TUNED: HaproxySettings = {
  defaults: HAPROXY_QUICK,
  defaultServer: 'inter 1s fastinter 200ms downinter 500ms fall 1 rise 1 on-marked-down shutdown-sessions',
  intervalMs: 1000,
};

/** The same, and a connection of a client's that fails counts as a failed check. */
export const HAPROXY_OBSERVE: HaproxySettings = {
  ...HAPROXY_TUNED,
  defaultServer: `${HAPROXY_TUNED.defaultServer} observe layer4 error-limit 1 on-error mark-down`,
};

/** The Go program's loop. */
export const GO_LOOP = { intervalMs: 5000, timeoutMs: 10_000 };

/** The clients: a new TLS connection every so often (27 a second), and how long each may take. */
export const STREAM = { everyMs: 37, timeoutMs: 1500 };

/** A request on the kept connection every so often. */
export const BUSY_EVERY_MS = 100;

/** How often the observer reads the table. Each time costs CPU: 4 % of the guest's at 5 ms, 13 % at 2 ms. */
export const OBSERVE_EVERY_MS = 5;

/** How long anything is waited for that may never come. */
export const LIMITS = {
  /** Out of rotation, after an event. */
  outMs: 60_000,
  /** In rotation, after a recovery, or after a start. */
  backMs: 60_000,
};
