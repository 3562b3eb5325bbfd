// Connections that are idle: IPVS drops them after its TCP timeout, which lvscare leaves alone unless it is given one.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Lab, until, type LabProcess } from '../../lab/index.js';
import type { Examination } from '../../src/doctor/checks.js';
import type { Finding } from '../../src/doctor/finding.js';
import type { Status } from '../../src/status/status.js';
import { lvscare, restore, serversOf, takeCare, VS } from './lvscare.js';

const DEFAULTS = '900 120 300';
const RESOURCE = 'IPVS TCP timeout';

let lab: Lab;
const running: LabProcess[] = [];
before(async () => {
  lab = await Lab.create();
});
after(() => lab.close());
afterEach(async () => {
  for (const process of running.splice(0)) await process.stop();
  await restore(lab);
  assert.equal((await lvscare(lab.node, ['care', '--vs', VS, '--clean'])).status, 0);
  await lab.node.ipvsadm(`--set ${DEFAULTS}`);
});

/** TCP, TCP after a FIN, and UDP, in seconds. */
async function timeouts(): Promise<string> {
  return /: (\d+ \d+ \d+)/.exec(await lab.node.ipvsadm('-l --timeout'))?.[1] ?? '';
}

/** Sets 3600 s by `--run-once`. */
async function setOnce(): Promise<void> {
  const args = ['care', ...serversOf(lab), '--run-once', '--ipvs-tcp-timeout', '3600'];
  const { status, stderr } = await lvscare(lab.node, args);
  assert.equal(status, 0, stderr);
}

async function clean(): Promise<string> {
  const { status, stdout, stderr } = await lvscare(lab.node, [
    'care',
    '--vs',
    VS,
    '--clean',
    '--log-format',
    'text',
  ]);
  assert.equal(status, 0, stderr);
  return stdout + stderr;
}

describe('the TCP timeout of IPVS', () => {
  it('is left as it is unless the option is given', async () => {
    await lab.node.ipvsadm('--set 800 0 0');
    running.push(await takeCare(lab));
    // The interval is a second.
    await delay(3000);
    assert.equal(await timeouts(), '800 120 300');
    await running.pop()?.stop();
    await clean();
    assert.equal(await timeouts(), '800 120 300');
  });

  it('is set at the start, repaired after a change, and restored by --clean', async () => {
    const daemon = await takeCare(lab, ['--ipvs-tcp-timeout', '2h5m']);
    running.push(daemon);
    await daemon.waitForLine(
      /IPVS TCP timeout created: IPVS drops idle TCP connections after 900 s, not 7500 s/,
    );
    assert.equal(await timeouts(), '7500 120 300');
    await lab.node.ipvsadm('--set 60 50 40');
    await daemon.waitForLine(
      /IPVS TCP timeout repaired: IPVS drops idle TCP connections after 60 s, not 7500 s/,
    );
    assert.equal(await timeouts(), '7500 50 40');
    await running.pop()?.stop();
    assert.equal(await timeouts(), '7500 50 40', 'it outlasts lvscare, as the virtual server does');
    assert.match(await clean(), /removed IPVS TCP timeout 7500 s, which is 900 s again/);
    assert.equal(await timeouts(), '900 50 40');
  });

  it('is set by --run-once, and left by --clean while the kernel has a virtual server of another program', async () => {
    await setOnce();
    assert.equal(await timeouts(), '3600 120 300');
    await lab.node.ipvsadm('-A -t 10.96.0.1:443 -s rr');
    try {
      assert.match(
        await clean(),
        /left IPVS TCP timeout 3600 s, which was 900 s before: another program's virtual server 10\.96\.0\.1:443 may need it/,
      );
      assert.equal(await timeouts(), '3600 120 300');
    } finally {
      await lab.node.ipvsadm('-D -t 10.96.0.1:443');
    }
    await clean();
    assert.equal(await timeouts(), DEFAULTS, 'the next --clean restores it');
  });

  it('is left by --clean if another program has set it since', async () => {
    await setOnce();
    await lab.node.ipvsadm('--set 700 0 0');
    assert.doesNotMatch(await clean(), /timeout/);
    assert.equal(await timeouts(), '700 120 300');
  });

  it('is left to a program that keeps changing it, and that is trouble until both agree', async () => {
    const daemon = await takeCare(lab, ['--ipvs-tcp-timeout', '2h5m']);
    running.push(daemon);
    const other = lab.node.spawn('sh', ['-c', 'while ipvsadm --set 900 0 0; do sleep 0.3; done']);
    running.push(other);
    await daemon.waitForLine(/IPVS TCP timeout: another program keeps changing it, to 900 s last/, {
      timeoutMs: 60_000,
    });
    const repairs = (): number => daemon.text().match(/IPVS TCP timeout repaired/g)?.length ?? 0;
    assert.equal(repairs(), 3);
    const troubles = async (): Promise<readonly string[]> => {
      const { stdout } = await lvscare(lab.node, ['status', '--json', '--vs', VS]);
      const { virtualServers } = JSON.parse(stdout) as Status;
      return (virtualServers[0]?.care?.troubles ?? []).map(({ what }) => what);
    };
    await delay(3000);
    assert.deepEqual(await troubles(), [RESOURCE]);
    assert.equal(repairs(), 3);
    assert.equal(await timeouts(), DEFAULTS);
    await other.stop();
    await lab.node.ipvsadm('--set 7500 0 0');
    await until(async () => (await troubles()).length === 0, { timeoutMs: 30_000 });
  });

  it('is only reported in a dry run', async () => {
    const dry = ['--run-once', '--trust', '--dry-run', '--log-format', 'text', '--ipvs-tcp-timeout', '60'];
    const { status, stdout, stderr } = await lvscare(lab.node, ['care', ...serversOf(lab), ...dry]);
    assert.equal(status, 0);
    assert.match(
      stdout + stderr,
      /would create IPVS TCP timeout: IPVS drops idle TCP connections after 900 s, not 60 s/,
    );
    assert.equal(await timeouts(), DEFAULTS);
  });

  for (const text of ['1500ms', '-1', '597h', 'never'])
    it(`is refused if it is ${text}`, async () => {
      const { status, stdout, stderr } = await lvscare(lab.node, [
        'care',
        ...serversOf(lab),
        `--ipvs-tcp-timeout=${text}`,
      ]);
      assert.deepEqual([status, stdout], [2, '']);
      assert.equal(
        stderr,
        `--ipvs-tcp-timeout: expected whole seconds such as 7500 or 2h5m, from 1s to 596h, or 0 to leave it as it is, got "${text}"\n`,
      );
    });
});

describe('an idle connection', () => {
  const idle = async (): Promise<Finding | undefined> => {
    const { stdout } = await lvscare(lab.node, ['doctor', '--json', ...serversOf(lab)]);
    return (JSON.parse(stdout) as Examination).findings.find(({ name }) => name === 'idle-connections');
  };
  /** The connections of IPVS to the virtual server that are established, one a line. */
  const established = async (): Promise<string[]> =>
    (await lab.node.must('ipvsadm', ['-Lnc']))
      .split('\n')
      .filter((line) => /ESTABLISHED.* 10\.103\.97\.2:6443/.test(line));
  const TIMEOUT_S = 3;

  for (const [mode, then, outcome] of [
    ['local', 'is reset', /ECONNRESET/],
    ['link', 'is reset', /ECONNRESET/],
    ['route', 'gets no answer', /TIMEOUT/],
  ] as const)
    it(`is dropped after the timeout: in mode ${mode} a client that sends ${then}, one that waits learns nothing, and doctor names both`, async () => {
      running.push(await takeCare(lab, ['--mode', mode, '--ipvs-tcp-timeout', String(TIMEOUT_S)]));
      const [waiting, sending] = [await lab.node.open(), await lab.node.open()];
      await Promise.all([waiting.whoami(), sending.whoami()]);
      let isEnded = false;
      void Promise.race([waiting.ended, sending.ended]).then(() => (isEnded = true));
      await until(async () => (await established()).length === 0, { timeoutMs: 30_000 });
      await delay(1000);
      assert.equal(isEnded, false, 'no client learns of it');
      const found = await idle();
      assert.equal(found?.verdict, 'warn');
      assert.match(
        found.evidence,
        /^IPVS drops connections after 3 s without a packet: it has dropped 2 connections of clients on this node, which hang or are reset \([\d.]+:\d+, [\d.]+:\d+\)/,
      );
      assert.match(found.remedy ?? '', /--ipvs-tcp-timeout 7500/);
      await sending.ask('/whoami');
      await assert.rejects(sending.expect(/master/, 5000), outcome);
      assert.equal(await Promise.race([waiting.ended, delay(100)]), undefined);
      await Promise.all([waiting.close(), sending.close()]);
    });

  it('is kept by a longer timeout, which applies to a connection from its next packet on', async () => {
    await lab.node.ipvsadm(`--set ${TIMEOUT_S} 0 0`);
    running.push(await takeCare(lab, ['--ipvs-tcp-timeout', '60']));
    const connection = await lab.node.open();
    const before = await connection.whoami();
    await delay(2 * TIMEOUT_S * 1000);
    assert.equal((await established()).length, 1);
    assert.equal((await idle())?.verdict, 'ok');
    assert.equal((await connection.whoami()).name, before.name);
    await connection.close();
  });
});
