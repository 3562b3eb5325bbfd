import type { Logger } from 'pino';
import type { Clock, Pass, Reporter } from '../control-loop/ports.js';
import type { Endpoint } from '../values/endpoint.js';
import type { Evidence } from '../values/evidence.js';
import type { Health } from '../decisions/health.js';
import { lastResortInWords } from '../decisions/fail-open.js';
import type { Action } from '../decisions/reconcile.js';
import { exclusionOf } from '../decisions/deletion-contention.js';
import { statusHint } from '../decisions/status-meaning.js';
import { LogRateLimiter, type Fields } from './rate-limiter.js';

/** How many reasons for one fall are told: a server that never fails the same way twice must not fill the disk. */
const MOST_REASONS = 10;

/** How many repairs of a kind are each told. */
const FIRST_REPAIRS = 10;

/**
 * Tells the log: one line at info for each transition and each change of the kernel, what fails at warn, and
 * repetition at debug. The events and their fields are in docs/logs.md.
 *
 * @param anyDrained Whether any real server is drained by hand.
 */
export function logReporter(
  log: Logger,
  { virtualServer, dryRun }: { readonly virtualServer: Endpoint; readonly dryRun: boolean },
  clock: Pick<Clock, 'now'>,
  anyDrained = (): boolean => false,
): Reporter {
  const limiter = new LogRateLimiter(log, () => clock.now());
  /** What was said last of each thing that keeps failing, so that it is said once. */
  const said = new Map<string, string>();
  let lastResort = false;
  let rival = false;
  /** The servers and statuses whose meaning the log has already. */
  const hinted = new Set<string>();
  /** Why each server that is down was said to be, since it went down. */
  const reasons = new Map<string, Set<string>>();

  /** What a server means by its status, the first time that the log has this status. */
  function hintOf(
    server: Endpoint,
    evidence: Evidence | null,
  ): { readonly fields: { readonly hint?: string }; readonly words: string } {
    const hint = statusHint(evidence?.status);
    const topic = `${server.text} ${evidence?.status ?? ''}`;
    if (hint === null || hinted.has(topic)) return { fields: {}, words: '' };
    hinted.add(topic);
    return { fields: { hint }, words: `; ${hint}` };
  }

  /** Something that keeps failing: at `warn`, or as is said, the first time that it does in these words. */
  function sayOnce(
    topic: string,
    words: string,
    fields: Fields,
    message: string,
    level: 'warn' | 'info' = 'warn',
  ): void {
    if (said.get(topic) === words) {
      log.debug(fields, message);
      return;
    }
    said.set(topic, words);
    limiter.log(topic, { level, fields, message });
  }

  function wellAgain(topic: string, fields: Fields, message: string): void {
    if (said.delete(topic)) limiter.log(topic, { level: 'info', fields, message });
  }

  /** How often each kind of thing was put right. */
  const repairs = new Map<string, number>();

  /** Each of the first ones, then at round counts: who fights us over it twenty times a second must not fill the disk. */
  function sayRepair(kind: string, fields: object, message: string): void {
    const count = (repairs.get(kind) ?? 0) + 1;
    repairs.set(kind, count);
    const told = count <= FIRST_REPAIRS || /^[125]0+$/.test(String(count));
    const words = count <= FIRST_REPAIRS ? message : `${message} (${count} times so far)`;
    const line = { event: 'repair', ...fields, repairs: count };
    if (told) limiter.log(`repair ${kind}`, { level: 'info', fields: line, message: words });
    else log.debug(line, words);
  }

  /** In a dry run. */
  function sayAmiss(upkeep: string, amiss: string, would = 'put right'): void {
    const fields = { event: 'upkeep-amiss', upkeep, amiss };
    sayOnce(`dry run ${upkeep}`, amiss, fields, `would ${would}: ${amiss}`, 'info');
  }

  /** What the last pass could not do, and why; in a dry run, what it would have done. Said again when it is news again. */
  let lastPass: ReadonlyMap<string, string> = new Map();

  function reportResults({ results, drift }: Pass): void {
    const thisPass = new Map<string, string>();
    for (const { action, error, raced } of results) {
      const what = {
        action: action.kind,
        ...('server' in action ? { rs: action.server.text } : {}),
        ...('weight' in action ? { weight: action.weight } : {}),
        drift,
      };
      const topic = `${action.kind} ${what.rs ?? ''}`;
      if (error === null && !dryRun) {
        if (drift) sayRepair(action.kind, what, `${done(action)}: somebody had changed it`);
        else {
          const fields = { event: 'action', ...what, outcome: 'done' };
          limiter.log(topic, { level: 'info', fields, message: done(action) });
        }
        continue;
      }
      const [words, why] = [say(action), error?.message ?? 'a dry run'];
      const again = lastPass.get(words) === why;
      thisPass.set(words, why);
      const line =
        error === null
          ? ({
              level: 'info',
              fields: { event: 'action', ...what, outcome: 'would' },
              message: `would do: ${words}`,
            } as const)
          : ({
              level: 'warn',
              fields: { event: 'action', ...what, outcome: raced ? 'raced' : 'failed', err: error },
              message: `failed to ${words}: ${why}`,
            } as const);
      if (again || raced) log.debug(line.fields, line.message);
      else limiter.log(topic, line);
    }
    lastPass = thisPass;
  }

  function reportLastResort(pass: Pass): void {
    if (pass.lastResort === lastResort) return;
    lastResort = pass.lastResort;
    limiter.log('last resort', {
      level: lastResort ? 'warn' : 'info',
      fields: { event: 'last-resort', lastResort },
      message: lastResort ? lastResortInWords(anyDrained()) : 'the last resort is over',
    });
  }

  function reportRival(pass: Pass): void {
    // In a dry run nobody deletes it: it is never made.
    if (dryRun || pass.rival === rival) return;
    rival = pass.rival;
    const { address, text } = virtualServer;
    limiter.log('rival', {
      level: rival ? 'warn' : 'info',
      fields: { event: 'rival', rival },
      message: rival
        ? `something keeps deleting ${text}: if it is kube-proxy in ipvs mode, set ${exclusionOf(address)} in its configuration`
        : `nothing has deleted ${text} for a while`,
    });
  }

  return {
    probed(server, outcome, durationMs) {
      limiter.catchUp();
      const fields = {
        rs: server.text,
        evidence: outcome.kind,
        durationMs: Math.round(durationMs * 10) / 10,
      };
      if (outcome.kind === 'void') {
        const words = `a probe of ${server.text} proves nothing: ${outcome.detail}`;
        sayOnce(`void ${server.text}`, outcome.detail, { event: 'void-probe', ...fields }, words);
      } else {
        said.delete(`void ${server.text}`);
        log.debug({ event: 'probe', ...fields }, `probed ${server.text}: ${outcome.kind}, ${outcome.detail}`);
      }
    },

    judged(server, before, after) {
      if (before.state === after.state) return;
      reasons.set(server.text, new Set([keyOf(after)]));
      const evidence = after.lastEvidence;
      const hint = hintOf(server, evidence);
      limiter.log(`transition ${server.text}`, {
        level: 'info',
        fields: {
          event: 'transition',
          rs: server.text,
          from: before.state,
          to: after.state,
          evidence: evidence?.kind,
          why: evidence?.detail,
          ...hint.fields,
        },
        message: `${server.text} is ${after.state} (was ${before.state}): ${reasonOf(after)}${hint.words}`,
      });
    },

    stillDown(server, health) {
      const told = reasons.get(server.text);
      const key = keyOf(health);
      // Each once, until it is up again: two of them may take turns for days.
      if (told === undefined || told.has(key) || told.size >= MOST_REASONS) return;
      told.add(key);
      const { state, lastEvidence } = health;
      const hint = hintOf(server, lastEvidence);
      limiter.log(`still down ${server.text}`, {
        level: 'info',
        fields: {
          event: 'still-down',
          rs: server.text,
          state,
          evidence: lastEvidence?.kind,
          why: lastEvidence?.detail,
          ...hint.fields,
        },
        message: `${server.text} is still ${state}, now: ${reasonOf(health)}${hint.words}`,
      });
    },

    held(server, { relapses }, forMs) {
      const words = `it flaps: it fell ${times(relapses)} soon after it was back`;
      limiter.log(`held ${server.text}`, {
        level: 'info',
        fields: { event: 'held', rs: server.text, relapses, heldMs: Math.round(forMs) },
        message: `${server.text} answers again, and is held out for ${(forMs / 1000).toFixed(1)} s: ${words}`,
      });
    },

    watchLost(server) {
      log.debug(
        { event: 'watch-lost', rs: server.text },
        `the connection that is kept to ${server.text} was lost; probing at once`,
      );
    },

    reconciled(pass) {
      limiter.catchUp();
      wellAgain('table', { event: 'table-readable' }, 'the IPVS table can be read again');
      reportResults(pass);
      reportLastResort(pass);
      reportRival(pass);
      log.debug(
        { event: 'pass', causes: pass.causes, actions: pass.results.length, durationMs: pass.durationMs },
        'reconciled',
      );
    },

    connectionsEnded(servers, count, error) {
      const rs = servers.map(({ text }) => text);
      if (error !== null) {
        const words = `clients of ${rs.join(', ')} may hang until they send something: ${error.message}`;
        sayOnce('connections', words, { event: 'connections-left', rs, err: error }, words, 'info');
        return;
      }
      said.delete('connections');
      const line = { event: 'connections-ended', rs, connections: count };
      const what = count === 1 ? 'a connection' : `${count} connections`;
      const words = `ended ${what} of this node's clients to ${rs.join(', ')}`;
      if (count === 0) log.debug(line, words);
      else limiter.log(`connections ${rs.join()}`, { level: 'info', fields: line, message: words });
    },

    tableUnreadable(error, retryInMs) {
      limiter.catchUp();
      const fields = { event: 'table-unreadable', err: error, retryInMs };
      sayOnce('table', error.message, fields, `${error.message}; trying again until it works`);
    },

    made(upkeep, amiss) {
      said.delete(upkeep);
      if (dryRun) sayAmiss(upkeep, amiss);
      else {
        const fields = { event: 'made', upkeep, amiss };
        limiter.log(`made ${upkeep}`, { level: 'info', fields, message: `${upkeep} put right: ${amiss}` });
      }
    },

    mended(upkeep, amiss, error) {
      if (error !== null) {
        const fields = { event: 'upkeep-failed', upkeep, amiss, err: error };
        sayOnce(upkeep, error.message, fields, `${upkeep}: ${error.message}`);
        return;
      }
      said.delete(upkeep);
      if (dryRun) sayAmiss(upkeep, amiss);
      else sayRepair(upkeep, { upkeep, amiss }, `${upkeep} put right: ${amiss}`);
    },

    removed(upkeep, what) {
      said.delete(upkeep);
      if (dryRun) sayAmiss(upkeep, what, 'remove');
      else {
        const fields = { event: 'removed', upkeep, what };
        limiter.log(`removed ${upkeep}`, { level: 'info', fields, message: `${upkeep} removed: ${what}` });
      }
    },

    upheld(upkeep) {
      wellAgain(upkeep, { event: 'upkeep-well', upkeep }, `${upkeep}: well again`);
    },

    uncheckable(upkeep, error) {
      const fields = { event: 'upkeep-failed', upkeep, err: error };
      sayOnce(upkeep, error.message, fields, `${upkeep}: ${error.message}`);
    },

    deaf(error, retryInMs) {
      const words = `no notifications from the kernel: ${error.message}; listening again`;
      sayOnce('notifications', error.message, { event: 'deaf', err: error, retryInMs }, words);
    },

    fault(where, error) {
      limiter.log(`fault ${where}`, {
        level: 'error',
        fields: { event: 'fault', where, err: error, stack: error.stack },
        message: `a fault of our own in ${where}: ${error.message}`,
      });
    },
  };
}

function reasonOf({ lastEvidence }: Health): string {
  return lastEvidence === null ? 'nothing is known' : `${lastEvidence.kind}, ${lastEvidence.detail}`;
}

/** What the log counts as one reason: a status is one, whichever checks the server names with it. */
function keyOf(health: Health): string {
  const { status } = health.lastEvidence ?? {};
  return status === undefined ? reasonOf(health) : `status ${status}`;
}

function times(count: number): string {
  return count === 1 ? 'once' : `${count} times`;
}

/** An action that was carried out, in words. */
function done(action: Action): string {
  return say(action).replace(/^(create|add|remove)/, (verb) =>
    verb.endsWith('e') ? `${verb}d` : `${verb}ed`,
  );
}

/** An action in words. */
function say(action: Action): string {
  switch (action.kind) {
    case 'create-service':
      return `create the virtual server with scheduler ${action.settings.scheduler}`;
    case 'update-service':
      return `set the virtual server to scheduler ${action.settings.scheduler}`;
    case 'add-destination':
      return `add ${action.server.text} with weight ${action.weight}`;
    case 'update-destination':
      return `set ${action.server.text} to weight ${action.weight}`;
    case 'remove-destination':
      return `remove ${action.server.text}`;
  }
}
