// docs/kubeadm.md, lived through: its commands for workers run in the lab, in order, and print what the page says.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { parse } from 'yaml';
import { Lab, until, type LabProcess } from '../../lab/index.js';
import { asTheKubeletExpands } from '../support/kubelet.js';
import { untilWeights } from './lvscare.js';
import { PROGRAM } from '../../lab/program.js';

const PAGE = readFileSync(new URL('../../../docs/kubeadm.md', import.meta.url), 'utf8');
const MANIFESTS = '/etc/kubernetes/manifests';

interface Step {
  readonly section: string;
  readonly command: string;
  readonly output: string;
}

/** The commands for workers, each with what it is to print. */
function stepsOf(page: string): Step[] {
  return [...page.matchAll(/<!-- run: worker -->\n\n```console\n([^]*?)```/g)].flatMap((match) => {
    const section = [...page.slice(0, match.index).matchAll(/^## (.*)$/gm)].at(-1)?.[1] ?? '';
    const [, ...commands] = `\n${match[1] ?? ''}`.split('\n# ');
    return commands.map((text) => {
      const [command = '', ...output] = text.replace(/\n$/, '').split('\n');
      return { section, command, output: output.join('\n') };
    });
  });
}

const steps = stepsOf(PAGE);

describe('docs/kubeadm.md', () => {
  let lab: Lab;
  let directory = '';
  let pod: { readonly process: LabProcess; readonly args: string } | null = null;

  before(async () => {
    lab = await Lab.create({ masters: 4 });
    directory = await mkdtemp(join(tmpdir(), 'lvscare-kubeadm-'));
    await mkdir(join(directory, 'manifests'));
    const path = `--path ${directory}/manifests/lvscare.yaml`;
    const wrapper = `#!/bin/sh\n[ "$1" != manifest ] || set -- "$@" ${path}\nexec ${process.execPath} ${PROGRAM} "$@"\n`;
    await writeFile(join(directory, 'lvscare'), wrapper);
    await chmod(join(directory, 'lvscare'), 0o755);
  });
  after(async () => {
    await pod?.process.stop();
    await lab.close();
    await rm(directory, { recursive: true });
  });

  async function run(command: string): Promise<string> {
    // What the machine's own kubelet runs is not touched.
    const there = command.replaceAll(MANIFESTS, `${directory}/manifests`);
    const env = {
      ...process.env,
      PATH: `${directory}:${process.env['PATH'] ?? ''}`,
      CARE_LOG_FORMAT: 'text',
    };
    const { stdout } = await lab.node.exec('bash', ['-c', there], { env });
    return stdout.replaceAll(`${directory}/manifests`, MANIFESTS).trimEnd();
  }

  /** Does as the kubelet: runs what the manifest says, and starts it again when that has changed. */
  async function kubelet(): Promise<void> {
    const text = await lab.node.exec('cat', [`${directory}/manifests/lvscare.yaml`]);
    const manifest =
      text.status === 0 ? (parse(text.stdout) as { spec: { containers: [{ args: string[] }] } }) : null;
    const variables = { POD_IP: lab.node.addresses.ipv4 };
    const args = manifest?.spec.containers[0].args.map((arg) => asTheKubeletExpands(arg, variables)) ?? null;
    if (pod !== null && pod.args === text.stdout) return;
    await pod?.process.stop();
    pod = null;
    if (args === null) return;
    const env = {
      ...process.env,
      CARE_HEALTH_CA: lab.caFile,
      CARE_DRAIN_TIMEOUT: '1s',
      CARE_LOG_FORMAT: 'text',
    };
    pod = { process: lab.node.spawn(process.execPath, [PROGRAM, ...args], { env }), args: text.stdout };
    const configured = args.filter((arg) => arg.startsWith('--rs=')).map((arg) => [arg.slice(5), 1] as const);
    for (const [rs] of configured) await pod.process.waitForLine(new RegExp(`${rs} is up`));
    await untilWeights(lab, Object.fromEntries(configured));
  }

  /** A connection through the virtual server that has come to this master, which stays all the time. */
  async function openTo(name: string): Promise<Awaited<ReturnType<typeof lab.node.open>>> {
    for (;;) {
      const connection = await lab.node.open();
      if ((await connection.whoami()).name === name) return connection;
      await connection.close();
    }
  }

  it('has commands in each of its sections for workers', () => {
    const sections = new Set(steps.map(({ section }) => section));
    assert.deepEqual(
      [...sections],
      ['Each worker', 'Another master', 'Remove a master', 'A new lvscare', 'Reset'],
    );
  });

  it('is true, and from the first manifest to the reset no client notices anything', async () => {
    let client: Awaited<ReturnType<typeof lab.node.steady>> | null = null;
    let ended: string | null = null;
    const found: Step[] = [];
    for (const { section, command } of steps) {
      found.push({ section, command, output: plain(await run(command)) });
      if (section === 'Reset' && client !== null) {
        await until(() => Promise.resolve((client?.samples.length ?? 0) > 20));
        await client.stop();
        assert.deepEqual(client.failures, []);
        assert.equal(ended, null, 'a connection that was open all the time ended');
        client = null;
      }
      await kubelet();
      if (client === null && section === 'Each worker' && command.includes('manifest')) {
        client = await lab.node.steady({ everyMs: 100 });
        const connection = await openTo('master0');
        void connection.ended.then(({ code }) => (ended = code ?? 'closed'));
      }
    }
    // All at once: who changes the page sees all that it has to say.
    assert.deepEqual(
      found,
      steps.map((step) => ({ ...step, output: plain(step.output) })),
    );
  });
});

/** Without what differs each time: times, counters, the order in which several were added, spaces at the end. */
function plain(text: string): string {
  return text
    .split('\n')
    .map((line) =>
      line
        .replace(/^\[[\d:. +-]+\]/, '[..]')
        // Of the connection table, which newer kernels make as large as they need.
        .replace(/\(size=\d+\)$/, '(size=..)')
        .replace(/(Masq +\d+) +\d+ +\d+ *$/, '$1')
        .trimEnd(),
    )
    .join('\n')
    .replaceAll(/(?:^(?:\[\.\.\] INFO: added | {2}-> \d).*(?:\n|$))+/gm, (rows) =>
      rows.split(/^/m).toSorted().join(''),
    );
}
