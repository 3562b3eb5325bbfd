/** `lvscare status`, composed. */
import { harmlessJson } from '../text/one-line.js';
import { systemClock } from '../daemon/clock.js';
import type { StatusConfig } from '../config/status-config.js';
import { countedTable } from '../ipvs/ipvs-table.js';
import { runningInstances, type RunningInstances } from '../daemon/running-instances.js';
import { Ipvs } from '../netlink/index.js';
import type { Screen } from '../cli/output.js';
import { CHECK_CODES, checkStatus } from '../status/check.js';
import { gatherStatus, knowsAnything, type Asked } from '../status/gather.js';
import { isStatus } from '../status/shape.js';
import { page, screen } from '../status/screen.js';
import { drainedStatus, type Status } from '../status/status.js';
import { statusLines } from '../status/table.js';

const EVERY_MS = 1000;
const PATIENCE_MS = 3000;

/**
 * Shows what can be told of the virtual servers, once, or each second until the signal aborts.
 *
 * @returns Whether anything could be told; when it was watched, that it was. With `--check` the exit code.
 */
// ts-unused-exports:disable-next-line
export async function runStatusCommand(
  { virtualServer, json, watch, check }: StatusConfig,
  output: Screen,
  signal: AbortSignal,
): Promise<boolean | number> {
  await using ipvs = Ipvs.open();
  const around = runningInstances();
  const look = async (): Promise<Status> =>
    gatherStatus(virtualServer === null ? await around.list() : [virtualServer], {
      nowMs: Date.now,
      ask: (one) => ask(around, one),
      kernel: async (one) => await countedTable(ipvs, one),
      drained: async (one) => drainedStatus(await around.drained(one).read()),
    });
  if (watch) {
    await watchStatus(look, json, output, signal);
    return true;
  }
  const status = await look();
  if (check) {
    const { lines, verdict } = checkStatus(status);
    if (lines.length > 0) output.out(text(lines));
    else output.note(NOTHING_KNOWN);
    return CHECK_CODES[verdict];
  }
  const { columns: width = null } = output.size() ?? {};
  if (json) output.out(`${harmlessJson(status, 2)}\n`);
  else if (status.virtualServers.length > 0)
    output.out(text(statusLines(status, { width, paint: output.paint })));
  if (status.virtualServers.length === 0) output.note(NOTHING_KNOWN);
  return knowsAnything(status);
}

const NOTHING_KNOWN =
  'no lvscare is running in this network namespace, and none left anything; --vs shows what the kernel has';

async function ask(
  around: RunningInstances,
  virtualServer: Parameters<RunningInstances['call']>[0],
): Promise<Asked> {
  const answer = await around.call(virtualServer, { method: 'GET', path: '/status', timeoutMs: PATIENCE_MS });
  if (answer.kind === 'hidden' || answer.kind === 'late') return { kind: 'silent', why: answer.why };
  if (answer.kind !== 'answered') return answer;
  if (answer.status === 200 && isStatus(answer.body)) return { kind: 'answered', status: answer.body };
  return {
    kind: 'silent',
    why: `its answer makes no sense (status ${answer.status}); is it another version?`,
  };
}

/** On a terminal in place, elsewhere one after the other. */
async function watchStatus(
  look: () => Promise<Status>,
  json: boolean,
  output: Screen,
  signal: AbortSignal,
): Promise<void> {
  const ended = (): boolean => signal.aborted;
  const inPlace = !json && output.size() !== null;
  let alarm = new AbortController();
  let status: Status | null = null;
  const draw = (): void => {
    if (status === null || ended()) return;
    const size = output.size();
    if (json) output.out(`${harmlessJson(status)}\n`);
    else if (size === null) output.out(`${text(linesOf(status, null))}\n`);
    else output.out(page(linesOf(status, size.columns), size.columns, size.rows));
  };
  const linesOf = (shown: Status, width: number | null): readonly string[] =>
    shown.virtualServers.length === 0 ? [NOTHING_KNOWN] : statusLines(shown, { width, paint: output.paint });
  signal.addEventListener('abort', () => {
    alarm.abort();
  });
  if (inPlace) {
    output.onResize(draw);
    output.out(screen.enter);
  }
  try {
    while (!ended()) {
      status = await look();
      draw();
      alarm = new AbortController();
      if (!ended()) await systemClock.sleep(EVERY_MS, alarm.signal);
    }
  } finally {
    if (inPlace) output.out(screen.leave);
  }
}

function text(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join('');
}
