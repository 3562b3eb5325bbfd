import type { Logger } from 'pino';
import type { Pass, Reporter } from '../care/ports.js';
import type { Endpoint } from '../core/endpoint.js';
import type { Health } from '../core/health.js';
import type { Action } from '../core/reconcile.js';
import { exclusionOf } from '../core/rivalry.js';

/** How many reasons for one fall are told: a server that never fails the same way twice must not fill the disk. */
const MOST_REASONS = 10;

/** How many repairs of a kind are each told. */
const FIRST_REPAIRS = 10;

/**
 * Tells the log: one line at info for each transition and each change of the kernel, what fails at warn, and
 * repetition at debug.
 */
export function logReporter(
  log: Logger,
  { virtualServer, dryRun }: { readonly virtualServer: Endpoint; readonly dryRun: boolean },
): Reporter {
  /** What was said last of each thing that keeps failing, so that it is said once. */
  const said = new Map<string, string>();
  let lastResort = false;
  let rival = false;
  /** Why each server that is down was said to be, since it went down. */
  const reasons = new Map<string, Set<string>>();

  /** `warn` the first time, `debug` from then on. */
  function level(topic: string, words: string): 'warn' | 'debug' {
    if (said.get(topic) === words) return 'debug';
    said.set(topic, words);
    return 'warn';
  }

  function wellAgain(topic: string, message: string): void {
    if (said.delete(topic)) log.info(message);
  }

  /** How often each kind of thing was put right. */
  const repairs = new Map<string, number>();

  /** Each of the first ones, then at round counts: who fights us over it twenty times a second must not fill the disk. */
  function sayRepair(kind: string, fields: object, message: string): void {
    const count = (repairs.get(kind) ?? 0) + 1;
    repairs.set(kind, count);
    const told = count <= FIRST_REPAIRS || /^[125]0+$/.test(String(count));
    const words = count <= FIRST_REPAIRS ? message : `${message} (${count} times so far)`;
    log[told ? 'info' : 'debug']({ ...fields, repairs: count }, words);
  }

  /** What the last pass could not do, and why; in a dry run, what it would have done. Said again when it is news again. */
  let lastPass: ReadonlyMap<string, string> = new Map();

  function reportResults({ results, drift }: Pass): void {
    const thisPass = new Map<string, string>();
    for (const { action, error, raced } of results) {
      const fields = {
        action: action.kind,
        ...('server' in action ? { rs: action.server.text } : {}),
        drift,
      };
      if (error === null && !dryRun) {
        if (drift) sayRepair(action.kind, fields, `${done(action)}: somebody had changed it`);
        else log.info(fields, done(action));
        continue;
      }
      const [words, why] = [say(action), error?.message ?? 'a dry run'];
      const again = lastPass.get(words) === why;
      thisPass.set(words, why);
      if (error === null) log[again ? 'debug' : 'info'](fields, `would do: ${words}`);
      else log[again || raced ? 'debug' : 'warn']({ ...fields, err: error }, `failed to ${words}: ${why}`);
    }
    lastPass = thisPass;
  }

  function reportLastResort(pass: Pass): void {
    if (pass.lastResort === lastResort) return;
    lastResort = pass.lastResort;
    if (lastResort)
      log.warn({ lastResort }, 'no real server is up: as a last resort, all that may still answer serve');
    else log.info({ lastResort }, 'the last resort is over');
  }

  function reportRival(pass: Pass): void {
    // In a dry run nobody deletes it: it is never made.
    if (dryRun || pass.rival === rival) return;
    rival = pass.rival;
    const { address, text } = virtualServer;
    if (rival)
      log.warn(
        { rival },
        `something keeps deleting ${text}: if it is kube-proxy in ipvs mode, set ${exclusionOf(address)} in its configuration`,
      );
    else log.info({ rival }, `nothing has deleted ${text} for a while`);
  }

  return {
    probed(server, outcome, durationMs) {
      const fields = {
        rs: server.text,
        evidence: outcome.kind,
        durationMs: Math.round(durationMs * 10) / 10,
      };
      if (outcome.kind === 'void') {
        log[level(`void ${server.text}`, outcome.detail)](
          fields,
          `a probe of ${server.text} proves nothing: ${outcome.detail}`,
        );
      } else {
        said.delete(`void ${server.text}`);
        log.debug(fields, `probed ${server.text}: ${outcome.kind}, ${outcome.detail}`);
      }
    },

    judged(server, before, after) {
      if (before.state === after.state) return;
      reasons.set(server.text, new Set([reasonOf(after)]));
      const evidence = after.lastEvidence;
      const why = reasonOf(after);
      const fields = {
        rs: server.text,
        from: before.state,
        to: after.state,
        evidence: evidence?.kind,
        why: evidence?.detail,
      };
      log.info(fields, `${server.text} is ${after.state} (was ${before.state}): ${why}`);
    },

    stillDown(server, health) {
      const told = reasons.get(server.text);
      const reason = reasonOf(health);
      // Each once, until it is up again: two of them may take turns for days.
      if (told === undefined || told.has(reason) || told.size >= MOST_REASONS) return;
      told.add(reason);
      const { state, lastEvidence } = health;
      const fields = { rs: server.text, state, evidence: lastEvidence?.kind, why: lastEvidence?.detail };
      log.info(fields, `${server.text} is still ${state}, now: ${reason}`);
    },

    held(server, { relapses }, forMs) {
      const words = `it flaps: it fell ${times(relapses)} soon after it was back`;
      log.info(
        { rs: server.text, relapses, heldMs: Math.round(forMs) },
        `${server.text} answers again, and is held out for ${(forMs / 1000).toFixed(1)} s: ${words}`,
      );
    },

    watchLost(server) {
      log.debug(
        { rs: server.text },
        `the connection that is kept to ${server.text} was lost; probing at once`,
      );
    },

    reconciled(pass) {
      wellAgain('table', 'the IPVS table can be read again');
      reportResults(pass);
      reportLastResort(pass);
      reportRival(pass);
      log.debug(
        { causes: pass.causes, actions: pass.results.length, durationMs: pass.durationMs },
        'reconciled',
      );
    },

    tableUnreadable(error, retryInMs) {
      const fields = { err: error, retryInMs };
      log[level('table', error.message)](fields, `${error.message}; trying again until it works`);
    },

    mended(upkeep, amiss, error) {
      if (error === null) {
        said.delete(upkeep);
        if (dryRun)
          log[level(`dry run ${upkeep}`, amiss) === 'warn' ? 'info' : 'debug'](
            { upkeep },
            `would put right: ${amiss}`,
          );
        else sayRepair(upkeep, { upkeep, amiss }, `${upkeep} put right: ${amiss}`);
      } else {
        log[level(upkeep, error.message)]({ upkeep, amiss, err: error }, `${upkeep}: ${error.message}`);
      }
    },

    upheld(upkeep) {
      wellAgain(upkeep, `${upkeep}: well again`);
    },

    uncheckable(upkeep, error) {
      log[level(upkeep, error.message)]({ upkeep, err: error }, `${upkeep}: ${error.message}`);
    },

    deaf(error, retryInMs) {
      const words = `no notifications from the kernel: ${error.message}; listening again`;
      log[level('notifications', error.message)]({ err: error, retryInMs }, words);
    },

    fault(where, error) {
      log.error({ err: error }, `a fault of our own in ${where}: ${error.message}`);
    },
  };
}

function reasonOf({ lastEvidence }: Health): string {
  return lastEvidence === null ? 'nothing is known' : `${lastEvidence.kind}, ${lastEvidence.detail}`;
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
    case 'create-row':
      return `add ${action.server.text} with weight ${action.weight}`;
    case 'update-row':
      return `set ${action.server.text} to weight ${action.weight}`;
    case 'delete-row':
      return `remove ${action.server.text}`;
  }
}
