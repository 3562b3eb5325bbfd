/** `lvscare drain` and `lvscare undrain`, composed. */
import { machineNow, systemClock } from '../daemon/clock.js';
import type { DrainConfig } from '../config/status-config.js';
import { UsageError } from '../config/usage-error.js';
import type { Endpoint } from '../values/endpoint.js';
import { runningInstances, type CallResult, type RunningInstances } from '../daemon/running-instances.js';
import type { Output } from '../cli/output.js';
import { outcomeInWords, refusalOfLast } from '../status/drain-outcome.js';
import { isDrainOutcome } from '../status/shape.js';

/** What came of it in one virtual server. */
type Result =
  | { readonly kind: 'done'; readonly lines: readonly string[] }
  | { readonly kind: 'failed'; readonly line: string }
  /** It has no such real server. */
  | { readonly kind: 'unknown'; readonly known: readonly string[] };

/** What the operator wants of the real server. */
interface Wish {
  readonly drained: boolean;
  readonly force: boolean;
}

/** Longer than a pass takes on a node that is short of CPU. */
const PATIENCE_MS = 8000;
/** For how long one that is being started is waited for, and how often it is looked for. */
const STARTING_MS = 5000;
const AGAIN_MS = 250;

/**
 * Takes a real server out of every virtual server that has it, or of the given one, or back. Resolves to whether all of it
 * was done; rejects with a UsageError when there is no such real server.
 */
// ts-unused-exports:disable-next-line
export async function runDrainCommand(
  { realServer, virtualServer, force }: DrainConfig,
  drained: boolean,
  output: Output,
): Promise<boolean> {
  const around = runningInstances();
  const asked = virtualServer === null ? await around.list() : [virtualServer];
  if (asked.length === 0)
    throw new Error('no lvscare is running in this network namespace, and none left a record of its servers');
  const results = await Promise.all(
    asked.map((one) => setDrained(around, one, realServer, { drained, force })),
  );
  const unknown = results.flatMap((result) => (result.kind === 'unknown' ? [result] : []));
  if (unknown.length === results.length) {
    const known = [...new Set(unknown.flatMap((result) => result.known))].sort().join(', ');
    const of = `a real server of ${asked.map(({ text }) => text).join(' or ')}`;
    throw new UsageError(
      `lvscare ${drained ? 'drain' : 'undrain'}`,
      known === '' ? `${of}, of which none is known` : `${of}: ${known}`,
      realServer.text,
    );
  }
  for (const result of results) {
    if (result.kind === 'done') for (const line of result.lines) output.out(`${line}\n`);
    if (result.kind === 'failed') output.note(`lvscare: ${result.line}`);
  }
  return results.every(({ kind }) => kind !== 'failed');
}

async function setDrained(
  around: RunningInstances,
  virtualServer: Endpoint,
  realServer: Endpoint,
  wish: Wish,
): Promise<Result> {
  const send = (): Promise<CallResult> => {
    const query = new URLSearchParams({
      // After it nothing is waited for, so nothing may change.
      deadline: String(machineNow() + PATIENCE_MS),
      ...(wish.force ? { force: '' } : {}),
    });
    return around.call(virtualServer, {
      method: wish.drained ? 'PUT' : 'DELETE',
      path: `/drains/${encodeURIComponent(realServer.text)}?${query.toString()}`,
      timeoutMs: PATIENCE_MS,
    });
  };
  const result = await callUntilStarted(send);
  if (result.kind !== 'none') return resultOf(virtualServer, realServer, result);
  const remembered = await around.exclusively(virtualServer, () =>
    remember(around, virtualServer, realServer, wish),
  );
  // One that was started meanwhile may have looked before.
  if (remembered.kind !== 'done' || !(await around.isRunning(virtualServer))) return remembered;
  return resultOf(virtualServer, realServer, await callUntilStarted(send));
}

/** One that is at work and has no socket may be about to have one. */
async function callUntilStarted(send: () => Promise<CallResult>): Promise<CallResult> {
  const deadline = systemClock.now() + STARTING_MS;
  for (;;) {
    const result = await send();
    if (result.kind !== 'hidden' || systemClock.now() >= deadline) return result;
    await systemClock.sleep(AGAIN_MS, new AbortController().signal);
  }
}

function resultOf({ text }: Endpoint, realServer: Endpoint, result: CallResult): Result {
  const failed = (why: string): Result => ({
    kind: 'failed',
    line: `${text}: its lvscare cannot be reached: ${why}`,
  });
  switch (result.kind) {
    case 'none':
      return failed('it has ended');
    case 'late':
      return failed(`${result.why}; it ignores this request if it reads it later`);
    case 'silent':
    case 'hidden':
      return failed(result.why);
    case 'answered': {
      const { status, body } = result;
      if (status === 200 && isDrainOutcome(body)) return { kind: 'done', lines: outcomeInWords(body) };
      const { known, error } = (body ?? {}) as Partial<Record<'known' | 'error', unknown>>;
      if (status === 404 && Array.isArray(known)) return { kind: 'unknown', known: known.map(String) };
      if (status === 409 && typeof error === 'string') return { kind: 'failed', line: `${text}: ${error}` };
      return failed(typeof error === 'string' ? error : `it answers ${status} for ${realServer.text}`);
    }
  }
}

/** Where no lvscare is running: for the next one. The kernel stays as it is, since it is not known which others are up. */
async function remember(
  around: RunningInstances,
  virtualServer: Endpoint,
  { text }: Endpoint,
  { drained, force }: Wish,
): Promise<Result> {
  const known = (await around.record(virtualServer))?.realServers ?? [];
  const file = around.drained(virtualServer);
  const before = await file.read();
  // What is no longer configured may still be taken back.
  if (!known.includes(text) && (drained || !before.has(text))) return { kind: 'unknown', known };
  if (drained && !force && !before.has(text)) {
    const servers = known.map((server) => ({
      server,
      state: 'unknown' as const,
      drained: before.has(server) ? {} : null,
    }));
    const why = refusalOfLast(text, servers);
    if (why !== null) return { kind: 'failed', line: `${virtualServer.text}: ${why}` };
  }
  const after = new Map(before);
  if (!drained) after.delete(text);
  else if (!before.has(text)) after.set(text, Date.now());
  try {
    await file.write(after);
  } catch (error) {
    return {
      kind: 'failed',
      line: `${virtualServer.text}: this cannot be remembered: ${(error as Error).message}`,
    };
  }
  const what = drained
    ? `${text} will be drained when lvscare is started`
    : `${text} will not be drained when lvscare is started`;
  const now = drained ? `; until then: ipvsadm -e -t ${virtualServer.text} -r ${text} -m -w 0` : '';
  return {
    kind: 'done',
    lines: [`${virtualServer.text}: ${what}; none is running, and the kernel stays as it is${now}`],
  };
}
