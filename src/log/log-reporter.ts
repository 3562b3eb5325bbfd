import type { Logger } from 'pino';
import type { ActionResult, Pass, Reporter } from '../care/ports.js';
import { classOf } from '../core/evidence.js';
import type { Action } from '../core/reconcile.js';

/**
 * Tells the log: one line at info for each transition and each change of the kernel, what fails at warn, and
 * repetition at debug.
 */
export function logReporter(log: Logger, { dryRun }: { readonly dryRun: boolean }): Reporter {
  /** What was said last of each thing that keeps failing, so that it is said once. */
  const said = new Map<string, string>();
  let lastResort = false;

  /** `warn` the first time, `debug` from then on. */
  function level(topic: string, words: string): 'warn' | 'debug' {
    if (said.get(topic) === words) return 'debug';
    said.set(topic, words);
    return 'warn';
  }

  function wellAgain(topic: string, message: string): void {
    if (said.delete(topic)) log.info(message);
  }

  function reportResult({ action, error, raced }: ActionResult, drift: boolean): void {
    const words = say(action);
    const fields = { action: action.kind, ...('server' in action ? { rs: action.server.text } : {}), drift };
    if (error === null) {
      said.delete(words);
      if (dryRun) log[level('dry run', words) === 'warn' ? 'info' : 'debug'](fields, `would do: ${words}`);
      else log.info(fields, drift ? `${words}: somebody had changed it` : words);
    } else {
      const why = error.message;
      log[raced ? 'debug' : level(words, why)]({ ...fields, err: error }, `failed to ${words}: ${why}`);
    }
  }

  function reportLastResort(pass: Pass): void {
    if (pass.lastResort === lastResort) return;
    lastResort = pass.lastResort;
    if (lastResort)
      log.warn({ lastResort }, 'no real server is up: as a last resort, all that may still answer serve');
    else log.info({ lastResort }, 'the last resort is over');
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
      const evidence = after.lastEvidence;
      const why = evidence === null ? 'nothing is known' : `${evidence.kind}, ${evidence.detail}`;
      const fields = {
        rs: server.text,
        from: before.state,
        to: after.state,
        evidence: evidence?.kind,
        why: evidence?.detail,
      };
      const bad = evidence !== null && classOf(evidence.kind) !== 'up';
      log[bad ? 'warn' : 'info'](fields, `${server.text} is ${after.state} (was ${before.state}): ${why}`);
    },

    reconciled(pass) {
      wellAgain('table', 'the IPVS table can be read again');
      if (pass.results.length === 0 && dryRun) said.delete('dry run');
      for (const result of pass.results) reportResult(result, pass.drift);
      reportLastResort(pass);
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
        else log.info({ upkeep, amiss }, `${upkeep} put right: ${amiss}`);
      } else {
        log[level(upkeep, error.message)]({ upkeep, amiss, err: error }, `${upkeep}: ${error.message}`);
      }
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
