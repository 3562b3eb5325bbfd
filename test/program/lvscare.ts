/** The program itself, run on a lab's node. */
import { endpoint, until, VIP, type Lab, type LabNode, type LabProcess } from '../../lab/index.js';
import type { LabClient } from '../../lab/lab-client.js';
import { PROGRAM } from '../../lab/program.js';

export const VS = endpoint(VIP.ipv4);

/** Options that make a test's daemon quick. */
const QUICK = ['--interval', '1s', '--fast-interval', '100ms'];

/** `--vs` and `--rs` for a lab, all of its masters or those given. */
export function serversOf(lab: Lab, masters = lab.masters): string[] {
  return ['--vs', VS, '--rs', masters.map((master) => master.endpoint).join(','), '--health-ca', lab.caFile];
}

/** `lvscare ARGS` to its end, run by another command if one is given: `unshare ...`. */
export async function lvscare(
  node: LabClient,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  wrapper: readonly string[] = [],
): Promise<{ status: number; stdout: string; stderr: string }> {
  const [command = '', ...rest] = [...wrapper, process.execPath, PROGRAM, ...args];
  return node.exec(command, rest, { env: { ...process.env, ...env } });
}

interface StartOptions {
  /** With times that make a test's daemon quick. Default yes. */
  readonly quick?: boolean;
  /** Where. Default the node. */
  readonly on?: LabClient;
  /** Run by another command: `unshare ...`. */
  readonly wrapper?: readonly string[];
}

/** `lvscare care` in the background, with the lab's servers unless others are given, quick and on the node unless told otherwise. */
export function startCare(
  lab: Lab,
  extra: readonly string[] = [],
  servers = serversOf(lab),
  { quick = true, on = lab.node, wrapper = [] }: StartOptions = {},
): LabProcess {
  const times = quick ? QUICK : [];
  const args = ['care', ...servers, ...times, '--log-format', 'text', ...extra];
  const [command = '', ...rest] = [...wrapper, process.execPath, PROGRAM, ...args];
  return on.spawn(command, rest, { env: process.env });
}

/** The same, and waits until it has judged every server up and put it in rotation, and clients on the node reach it. */
export async function takeCare(
  lab: Lab,
  extra: readonly string[] = [],
  options: { readonly quick?: boolean } = {},
): Promise<LabProcess> {
  const daemon = startCare(lab, extra, serversOf(lab), options);
  for (const { addresses } of lab.masters) {
    await daemon.waitForLine(new RegExp(`${addresses.ipv4}:6443 is up`));
  }
  await untilWeights(lab, allOf(lab));
  // The rows do not wait for the route, which nft makes wait.
  if (!extra.includes('route') && !extra.includes('none'))
    await until(async () => (await lab.node.ip(`route get ${VIP.ipv4}`)).startsWith('local'), {
      timeoutMs: 30_000,
      everyMs: 50,
    });
  return daemon;
}

/** Puts every master right again, whatever a test that failed left behind. */
export async function restore(lab: Lab): Promise<void> {
  await lab.node.mend();
  for (const master of lab.masters) {
    await master.start().catch(() => undefined);
    await master.mend();
    await master.cont();
    await master.heal();
  }
}

/** Waits for the table to have exactly these rows of our virtual server, as ipvsadm shows them; null for none at all. */
export async function untilWeights(
  lab: Lab,
  weights: Readonly<Record<string, number>> | null,
  { timeoutMs = 60_000, everyMs = 150, virtualServer = VS, node = lab.node } = {},
): Promise<void> {
  const wanted = canonical(weights);
  let seen = '';
  try {
    await until(
      async () => {
        seen = canonical(await node.weights(virtualServer));
        return seen === wanted;
      },
      // Not more often by default: in a guest with one CPU looking costs what is looked at.
      { timeoutMs, everyMs },
    );
  } catch (error) {
    throw new Error(`the table never became ${wanted}; it is ${seen}`, { cause: error });
  }
}

function canonical(weights: Readonly<Record<string, number>> | null): string {
  return weights === null ? 'none' : JSON.stringify(Object.entries(weights).sort());
}

/** Every master of the lab with weight 1. */
export function allOf(lab: Lab): Record<string, number> {
  return Object.fromEntries(lab.masters.map((master) => [master.endpoint, 1]));
}

/** Everything that lvscare could touch, as independent tools show it: to compare before and after. */
export async function fingerprint(node: LabNode): Promise<string> {
  return [
    await node.must('ipvsadm', ['-Sn']),
    await node.ip('-4 route show table all'),
    await node.ip('-6 route show table all'),
    await node.ip('address show'),
  ]
    .join('\n')
    .replaceAll(/(valid|preferred)_lft \w+/g, '')
    .replaceAll(/expires \w+/g, '');
}

/** Asks who answers at the virtual server, `times` times over connections of their own. */
export async function answerers(lab: Lab, times: number): Promise<string[]> {
  const answers: string[] = [];
  for (let time = 0; time < times; time += 1) {
    const result = await lab.node.request();
    answers.push(result.ok ? (result.by ?? '?') : result.code);
  }
  return answers;
}
