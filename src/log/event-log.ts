import type { Logger } from 'pino';
import type { LateClients, Observer, VirtualServerEvent } from '../control-loop/events.js';
import type { ActionResult, Clock } from '../control-loop/ports.js';
import { exclusionOf } from '../decisions/deletion-contention.js';
import { failOpenInWords } from '../decisions/fail-open.js';
import type { Health } from '../decisions/health.js';
import type { Action } from '../decisions/reconcile.js';
import { statusHint } from '../decisions/status-meaning.js';
import type { Endpoint } from '../values/endpoint.js';
import { filteredPortsInWords, portsInWords } from '../values/source-ports.js';
import { LogRateLimiter, type Line } from './rate-limiter.js';

/** How many destinations of an adopted virtual server are named in words: the fields have all of them. */
const MOST_NAMED = 16;

/** What follows when it cannot be saved. */
const UNSAVED = {
  drains: 'a restart will forget which servers are drained',
  ownership: '--clean will only find what matches its own options',
  list: 'a restart will know only the real servers of --rs and of the list that was saved before',
} as const;

type Of<Kind extends VirtualServerEvent['kind']> = Extract<VirtualServerEvent, { readonly kind: Kind }>;

/**
 * Logs what happens to one virtual server: failures, servers that go down and repairs at warn, other changes at info, what is routine at debug. The lines and their
 * fields are in docs/logs.md.
 */
export function eventLog(log: Logger, clock: Pick<Clock, 'now'>): Observer {
  const limiter = new LogRateLimiter(log, () => clock.now());
  /** What the last pass could not do, or in a dry run would have done: the next one most likely cannot either. */
  let notDone: ReadonlySet<string> = new Set();

  /** The line of a failure that is over, if the log has the failure. */
  const recovery = (topic: string, line: Line): readonly Line[] => (limiter.clear(topic) ? [line] : []);

  return (event) => {
    limiter.catchUp();
    const vs = event.virtualServer.text;
    for (const line of [linesOf(event, vs)].flat())
      limiter.log({ ...line, fields: { event: event.kind, vs, ...line.fields } });
  };

  function linesOf(event: VirtualServerEvent, vs: string): Line | readonly Line[] {
    switch (event.kind) {
      case 'probe':
        limiter.clear(`inconclusive ${event.server.text}`);
        return probe(event);
      case 'probe-inconclusive':
        return inconclusive(event);
      case 'exchange':
        return [];
      case 'transition':
        limiter.clear(`down ${event.server.text}`);
        return transition(event);
      case 'still-down':
        return stillDown(event);
      case 'held':
        return held(event);
      case 'connection-lost':
        return {
          level: 'debug',
          fields: { rs: event.server.text },
          message: `the kept connection to ${event.server.text} was lost; probing it again`,
        };
      case 'suspected':
        return suspected(event);
      case 'suspicion-ended':
        return suspicionEnded(event);
      case 'late-clients':
        return {
          level: 'debug',
          fields: { rs: event.server.text, count: event.count },
          message: `${event.count} clients of this node wait for ${event.server.text} for unusually long`,
        };
      case 'client-sockets-readable':
        return { level: 'info', fields: {}, message: "the sockets of this node's clients can be read again" };
      case 'client-sockets-unreadable':
        return {
          level: 'warn',
          fields: { err: event.error },
          message: `cannot read the sockets of this node's clients, so no server is suspected: ${event.error.message}`,
        };
      case 'drained':
        return drained(event);
      case 'adopted':
        return adopted(event);
      case 'pass': {
        const readable: Line = {
          level: 'info',
          fields: { event: 'table-readable' },
          message: 'the IPVS table can be read again',
        };
        const { causes, results, drift, durationMs } = event;
        const lines = results.map((result) => action(result, drift));
        const before = notDone;
        notDone = new Set(
          lines.flatMap(({ message }, index) => (results[index]?.outcome === 'ok' ? [] : [message])),
        );
        return [
          ...recovery('table', readable),
          ...lines.map((line): Line => (before.has(line.message) ? { ...line, level: 'debug' } : line)),
          {
            level: 'debug',
            fields: { causes, actions: results.length, durationMs },
            message: 'reconciled',
          },
        ];
      }
      case 'started':
        return recovery('start', {
          level: 'info',
          fields: {},
          message: `taking care of ${vs} now`,
        });
      case 'not-started':
        return {
          level: 'error',
          fields: { err: event.error, retryInMs: event.retryInMs },
          message: `cannot take care of ${vs}: ${event.error.message}; trying again until it works`,
          once: { topic: 'start', words: event.error.message },
        };
      case 'updated':
        return {
          level: 'info',
          fields: { changes: event.changes },
          message: `${vs} goes on with another configuration: ${event.changes}`,
        };
      case 'retired':
        return {
          level: 'info',
          fields: {},
          message: `${vs} is no longer configured: draining it, then removing it`,
        };
      case 'fail-open':
        return {
          level: event.active ? 'warn' : 'info',
          fields: { active: event.active },
          message: event.active ? failOpenInWords(event.anyDrained) : 'the last resort is over',
        };
      case 'local-preferred':
        return localPreferred(event);
      case 'reachability':
        if (event.reason !== null) return unreachable(event.virtualServer, event.reason);
        return recovery('reachability', {
          level: 'info',
          fields: { reachable: true },
          message: `clients on this node reach ${vs} again`,
        });
      case 'deleted-repeatedly':
        return deletedRepeatedly(event);
      case 'table-unreadable':
        return {
          level: 'warn',
          fields: { err: event.error, retryInMs: event.retryInMs },
          message: `${event.error.message}; trying again until it works`,
          once: { topic: 'table', words: event.error.message },
        };
      case 'connections-ended':
        limiter.clear('connections');
        return connectionsEnded(event);
      case 'connections-left':
        return connectionsLeft(event);
      case 'resource-ok':
        return recovery(event.resource, {
          level: 'info',
          fields: { resource: event.resource },
          message: `${event.resource}: correct again`,
        });
      case 'resource-created':
      case 'resource-repaired':
      case 'resource-removed': {
        const { resource, drift } = event;
        limiter.clear(resource);
        const done = event.kind.slice('resource-'.length);
        const level = event.kind === 'resource-repaired' ? 'warn' : 'info';
        return { level, fields: { resource, drift }, message: `${resource} ${done}: ${drift}` };
      }
      case 'resource-drifted': {
        const { resource, change, drift } = event;
        return {
          level: 'info',
          fields: { resource, change, drift },
          message: `would ${change} ${resource}: ${drift}`,
          once: { topic: resource, words: drift },
        };
      }
      case 'resource-failed': {
        const { resource, error } = event;
        return {
          level: 'warn',
          fields: { resource, err: error },
          message: `${resource}: ${error.message}`,
          once: { topic: resource, words: error.message },
        };
      }
      case 'discovered':
      case 'missing':
      case 'forgotten':
        return memberChange(event);
      case 'cluster-list': {
        const readable: Line = {
          level: 'info',
          fields: { from: event.list.from.text },
          message: `the list of apiservers can be read again, from ${event.list.from.text}`,
        };
        return [...recovery('cluster-list', readable), clusterList(event)];
      }
      case 'cluster-list-failed':
        return clusterListFailed(event);
      case 'cluster-list-ignored':
        return {
          level: 'warn',
          fields: { from: event.from.text, what: event.what },
          message: `ignored of the list of apiservers from ${event.from.text}: ${event.what}`,
          once: { topic: 'cluster-list-ignored', words: event.what },
        };
      case 'last-good-list':
        return lastGoodList(event);
      case 'node-address':
        return nodeAddress(event);
      case 'own-servers':
        return ownServers(event);
      case 'notifications-lost':
        return {
          level: 'warn',
          fields: { err: event.error, retryInMs: event.retryInMs },
          message: `no notifications from the kernel: ${event.error.message}; subscribing again`,
          once: { topic: 'notifications', words: event.error.message },
        };
      case 'credentials-failed':
        return {
          level: 'warn',
          fields: { what: event.what, err: event.error },
          message: `${event.what}: ${event.error.message}; using the last good ones`,
        };
      case 'credentials-ok':
        return { level: 'info', fields: { what: event.what }, message: `${event.what}: can be used again` };
      case 'ports-filtered':
        return portsFiltered(event);
      case 'keepalive-failed':
        return {
          level: 'warn',
          fields: { err: event.error },
          message: `the kernel does not check kept connections: ${event.error.message}`,
          once: { topic: 'keepalive', words: '' },
        };
      case 'state-not-saved': {
        const { what, error } = event;
        return {
          level: 'warn',
          fields: { what, err: error },
          message: `cannot save state: ${error.message}; ${UNSAVED[what]}`,
          once: { topic: `state ${what}`, words: error.message },
        };
      }
      case 'nft-missing':
        return {
          level: 'debug',
          fields: { err: event.error },
          message: `nftables was not checked: ${event.error.message}`,
        };
      case 'control-socket-failed':
        return {
          level: 'warn',
          fields: { err: event.error },
          message: `lvscare status and drain cannot reach this process: ${event.error.message}`,
        };
      case 'fault':
        return {
          level: 'error',
          fields: { where: event.where, err: event.error, stack: event.error.stack },
          message: `a bug in ${event.where}, please report it: ${event.error.message}`,
          topic: `fault ${event.where}`,
        };
    }
  }
}

function probe({ server, evidence, durationMs }: Of<'probe'>): Line {
  return {
    level: 'debug',
    fields: { rs: server.text, evidence: evidence.kind, durationMs: tenths(durationMs) },
    message: `probed ${server.text}: ${evidence.kind}, ${evidence.detail}`,
  };
}

function inconclusive({ server, detail, durationMs }: Of<'probe-inconclusive'>): Line {
  return {
    level: 'warn',
    fields: { rs: server.text, durationMs: tenths(durationMs) },
    message: `a probe of ${server.text} proves nothing: ${detail}`,
    once: { topic: `inconclusive ${server.text}`, words: detail },
  };
}

function transition({ server, before, after }: Of<'transition'>): Line {
  const evidence = after.lastEvidence;
  const hint = statusHint(evidence?.status);
  return {
    level: levelOf(after),
    fields: {
      rs: server.text,
      from: before.state,
      to: after.state,
      evidence: evidence?.kind,
      why: evidence?.detail,
      ...(hint !== null && { hint }),
    },
    message: `${server.text} is ${after.state} (was ${before.state}): ${reasonOf(after)}${hint === null ? '' : `; ${hint}`}`,
    // A further reason of `still-down` is logged once from here to the next transition.
    once: { topic: `down ${server.text}`, words: keyOf(after) },
  };
}

function stillDown({ server, health }: Of<'still-down'>): Line {
  const { state, lastEvidence: evidence } = health;
  const hint = statusHint(evidence?.status);
  return {
    level: levelOf(health),
    fields: {
      rs: server.text,
      state,
      evidence: evidence?.kind,
      why: evidence?.detail,
      ...(hint !== null && { hint }),
    },
    message: `${server.text} is still ${state}, now: ${reasonOf(health)}${hint === null ? '' : `; ${hint}`}`,
    once: { topic: `down ${server.text}`, words: keyOf(health) },
  };
}

function levelOf({ state }: Health): 'info' | 'warn' {
  return state === 'sick' || state === 'dead' ? 'warn' : 'info';
}

function held({ server, health: { relapses }, forMs }: Of<'held'>): Line {
  const times = relapses === 1 ? 'once' : `${relapses} times in a row`;
  return {
    level: 'info',
    fields: { rs: server.text, relapses, heldMs: Math.round(forMs) },
    message: `${server.text} answers again, but is held out for ${(forMs / 1000).toFixed(1)} s because it flaps: it failed ${times} soon after it recovered`,
  };
}

const WAITS: Readonly<Record<LateClients['waitsFor'], string>> = {
  connection: 'to connect',
  answer: 'for its first answer',
  acknowledgment: 'for what it sent to be acknowledged',
};

function suspected({ server, clients: { count, waitsFor, waitedMs } }: Of<'suspected'>): Line {
  const others = count === 1 ? '' : `, and ${count - 1} more`;
  return {
    level: 'info',
    fields: { rs: server.text, clients: count, waitsFor, waitedMs: Math.round(waitedMs) },
    message: `${server.text} is suspect: a client has waited ${Math.round(waitedMs)} ms ${WAITS[waitsFor]}${others}, and it does not answer a probe; no new connections for now`,
  };
}

function suspicionEnded({ server, why, durationMs }: Of<'suspicion-ended'>): Line {
  const after = `after ${Math.round(durationMs)} ms`;
  const words = {
    answered: `${server.text} answered ${after} and is suspect no longer`,
    down: `${server.text} was suspect for ${Math.round(durationMs)} ms, and is down`,
    'no verdict': `${server.text} is suspect no longer ${after}: no probe has failed yet`,
  };
  return {
    level: 'info',
    fields: { rs: server.text, why, durationMs: Math.round(durationMs) },
    message: words[why],
  };
}

function drained({ server, sinceMs, restored }: Of<'drained'>): Line {
  const fields = { rs: server.text, drained: sinceMs !== null };
  const words =
    sinceMs === null
      ? restored
        ? 'was drained, and is no longer configured'
        : 'is no longer drained by hand'
      : restored
        ? `stays drained by hand, since ${new Date(sinceMs).toISOString()}`
        : 'is drained by hand';
  return { level: 'info', fields, message: `${server.text} ${words}` };
}

function adopted({ virtualServer: { text }, found }: Of<'adopted'>): Line {
  const destinations = found?.destinations.map(({ server, weight }) => ({ rs: server.text, weight })) ?? [];
  const fields = { scheduler: found?.scheduler ?? null, destinations };
  if (found === null) return { level: 'info', fields, message: `the kernel has no ${text} yet` };
  const named = destinations.slice(0, MOST_NAMED).map(({ rs, weight }) => `${rs} with weight ${weight}`);
  const more = destinations.length > MOST_NAMED ? ` and ${destinations.length - MOST_NAMED} more` : '';
  const words = destinations.length === 0 ? 'without real servers' : `${named.join(', ')}${more}`;
  return { level: 'info', fields, message: `adopting ${text} as the kernel has it: ${words}` };
}

function action({ action: what, outcome, error }: ActionResult, drift: boolean): Line {
  const rs = 'server' in what ? what.server.text : undefined;
  const fields = {
    event: 'action',
    action: what.kind,
    ...(rs !== undefined && { rs }),
    ...('weight' in what && { weight: what.weight }),
    drift,
    outcome,
    ...(error !== null && { err: error }),
  };
  const topic = `${what.kind} ${rs ?? ''}`;
  const words = actionInWords(what);
  switch (outcome) {
    case 'ok':
      return {
        level: drift ? 'warn' : 'info',
        fields,
        topic,
        message: `${done(words)}${drift ? ': another program had changed it' : ''}`,
      };
    case 'dry-run':
      return { level: 'info', fields, topic, message: `would ${words}` };
    case 'raced':
      return { level: 'debug', fields, message: `another program was quicker to ${words}` };
    case 'failed':
      return { level: 'warn', fields, topic, message: `failed to ${words}: ${error?.message ?? ''}` };
  }
}

function localPreferred({ servers }: Of<'local-preferred'>): Line {
  const rs = texts(servers);
  const run = rs.length === 1 ? 'which runs' : 'which run';
  return {
    level: 'info',
    fields: { rs },
    message:
      rs.length === 0
        ? 'new connections go to all real servers that are up'
        : `new connections go to ${rs.join(', ')} only, ${run} on this node; the others are on standby`,
  };
}

function unreachable({ text }: Endpoint, reason: string): Line {
  return {
    level: 'warn',
    fields: { reachable: false, why: reason },
    message: `clients on this node do not reach ${text}: ${reason}; run lvscare doctor`,
    once: { topic: 'reachability', words: reason },
  };
}

function deletedRepeatedly({ virtualServer: { address, text }, active }: Of<'deleted-repeatedly'>): Line {
  return {
    level: active ? 'warn' : 'info',
    fields: { active },
    message: active
      ? `another program keeps deleting ${text}: if it is kube-proxy in ipvs mode, set ${exclusionOf(address)} in its configuration`
      : `no program has deleted ${text} for a while`,
  };
}

function connectionsEnded({ servers, count }: Of<'connections-ended'>): Line {
  const rs = texts(servers);
  const what = count === 1 ? 'a connection' : `${count} connections`;
  return {
    level: count === 0 ? 'debug' : 'info',
    fields: { rs, connections: count },
    message: `ended ${what} of this node's clients to ${rs.join(', ')}`,
  };
}

function connectionsLeft({ servers, error }: Of<'connections-left'>): Line {
  const rs = texts(servers);
  const message = `clients of ${rs.join(', ')} may hang until they send something: ${error.message}`;
  return {
    level: 'info',
    fields: { rs, err: error },
    message,
    once: { topic: 'connections', words: message },
  };
}

function portsFiltered({ ports, shownBy }: Of<'ports-filtered'>): Line {
  const fields = { ports: portsInWords(ports) };
  if (shownBy === null)
    return {
      level: 'info',
      fields,
      message: `answers to ports ${fields.ports} arrive again: probes use them`,
    };
  return {
    level: 'warn',
    fields: { ...fields, rs: shownBy.text },
    message: `source ports: ${filteredPortsInWords(ports, shownBy.text)}`,
  };
}

function memberChange(event: Of<'discovered' | 'missing' | 'forgotten'>): Line {
  const rs = event.server.text;
  switch (event.kind) {
    case 'discovered':
      return {
        level: 'info',
        fields: { rs, from: event.from.text },
        message: `${rs} is a real server from now on: ${event.from.text} lists it as an apiserver; it serves when it is up`,
      };
    case 'missing':
      return {
        level: 'info',
        fields: { rs, missing: event.missing },
        message: event.missing
          ? `${rs} is missing in the list of apiservers; it stays a real server for now`
          : `${rs} is not missing in the list of apiservers any more`,
      };
    case 'forgotten':
      return {
        level: 'info',
        fields: { rs, why: event.why },
        message: `${rs} is no real server any more: ${event.why}; draining it, then removing it`,
      };
  }
}

function clusterList({ list: { servers, from, by } }: Of<'cluster-list'>): Line {
  const rs = texts(servers);
  return {
    level: 'debug',
    fields: { rs, from: from.text, by },
    message: `${from.text} lists the apiservers ${rs.join(', ')}`,
  };
}

function clusterListFailed({ from, error }: Of<'cluster-list-failed'>): Line {
  const asked = from === null ? '' : ` from ${from.text}`;
  return {
    level: 'warn',
    fields: { from: from?.text ?? null, err: error },
    message: `the list of apiservers was not read${asked}: ${error.message}; the real servers stay as they are`,
    once: { topic: 'cluster-list', words: error.message },
  };
}

function lastGoodList({ servers, savedAtMs, problem }: Of<'last-good-list'>): Line {
  const rs = texts(servers);
  if (problem !== null)
    return {
      level: 'warn',
      fields: { rs, problem },
      message: `the saved list of apiservers is not used: ${problem}; beginning with --rs`,
    };
  const saved = new Date(savedAtMs ?? 0).toISOString();
  return {
    level: 'info',
    fields: { rs, saved },
    message: `beginning with --rs and the list of apiservers that was saved at ${saved}: ${rs.join(', ')}`,
  };
}

function nodeAddress({ address, from, gone }: Of<'node-address'>): Line {
  const message = `this node is ${address} (${from})`;
  if (gone === null) return { level: 'info', fields: { nodeAddress: address, from }, message };
  return {
    level: 'warn',
    fields: { nodeAddress: address, from, gone: gone.address },
    message: `${message}: ${gone.why}`,
  };
}

function ownServers({ servers }: Of<'own-servers'>): Line {
  const rs = texts(servers);
  const run = rs.length === 1 ? 'it runs' : 'they run';
  return {
    level: 'warn',
    fields: { rs },
    message:
      `mode "route" cannot reach ${rs.join(', ')}, because ${run} on this node: local clients sent there will fail; ` +
      'use --mode local or link',
  };
}

function texts(servers: readonly Endpoint[]): readonly string[] {
  return servers.map(({ text }) => text);
}

function reasonOf({ lastEvidence }: Health): string {
  return lastEvidence === null ? 'nothing is known' : `${lastEvidence.kind}, ${lastEvidence.detail}`;
}

/** What the log counts as one reason: a status is one, whichever checks the server names with it. */
function keyOf(health: Health): string {
  const { status } = health.lastEvidence ?? {};
  return status === undefined ? reasonOf(health) : `status ${status}`;
}

function tenths(ms: number): number {
  return Math.round(ms * 10) / 10;
}

/** An action that was carried out: `added ...` for `add ...`. */
function done(words: string): string {
  return words.replace(/^(create|add|remove)/, (verb) => (verb.endsWith('e') ? `${verb}d` : `${verb}ed`));
}

/** An action in words. */
export function actionInWords(what: Action): string {
  switch (what.kind) {
    case 'create-service':
      return `create the virtual server with scheduler ${what.settings.scheduler}`;
    case 'update-service':
      return `set the virtual server to scheduler ${what.settings.scheduler}`;
    case 'add-destination':
      return `add ${what.server.text} with weight ${what.weight}`;
    case 'update-destination':
      return `set ${what.server.text} to weight ${what.weight}`;
    case 'remove-destination':
      return `remove ${what.server.text}`;
  }
}
