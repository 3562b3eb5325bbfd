// `lvscare doctor` on a node that is well, and on nodes that are not: the right line each, and nothing changed.
import assert from 'node:assert/strict';
import { access, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { Lab, until, VIP, type LabProcess } from '../../lab/index.js';
import { run } from '../../lab/run.js';
import { goLinkMode } from '../support/go-program.js';
import { inGuest } from '../support/netlink.js';
import { allOf, fingerprint, lvscare, restore, serversOf, takeCare, untilWeights, VS } from './lvscare.js';
import { LOADER, unload } from './modules.js';
import { PROGRAM } from '../../lab/program.js';

interface Finding {
  readonly name: string;
  readonly verdict: string;
  readonly evidence: string;
  readonly remedy: string | null;
}

interface Doctored {
  readonly status: number;
  readonly findings: readonly Finding[];
  readonly skipped: readonly { readonly name: string; readonly why: string }[];
  /** By what was not well. */
  readonly wrong: Readonly<Record<string, Finding>>;
}

let lab: Lab;
let directory = '';
const running: LabProcess[] = [];
before(async () => {
  // Where a guest's modules are is not to be seen, and the sysctls exist only while they are loaded.
  assert.equal((await run('modprobe', ['ip_vs_rr'])).status, 0);
  lab = await Lab.create();
  directory = await mkdtemp(join(tmpdir(), 'doctor-'));
});
after(async () => {
  await lab.close();
  await rm(directory, { recursive: true });
});
afterEach(async () => {
  for (const process of running.splice(0)) await process.stop();
  await restore(lab);
  assert.equal((await lvscare(lab.node, ['care', '--vs', VS, '--clean'])).status, 0);
});

/** A mount namespace in which /etc has these files and nothing else. */
async function etc(files: Readonly<Record<string, string>>): Promise<string[]> {
  const made = await mkdtemp(join(directory, 'etc-'));
  for (const [file, text] of Object.entries(files)) {
    await mkdir(dirname(join(made, file)), { recursive: true });
    await writeFile(join(made, file), text);
  }
  return ['unshare', '--mount', 'sh', '-c', `mount --bind ${made} /etc && exec "$@"`, 'sh'];
}

/** Runs doctor, which has to change nothing. */
async function doctor(args: readonly string[], wrapper: readonly string[] = []): Promise<Doctored> {
  // ipvsadm would have IPVS loaded.
  const kernel = (): Promise<string> => (inGuestWithoutIpvs ? Promise.resolve('') : fingerprint(lab.node));
  // Who is at work beside it may have modules loaded.
  const modules = async (): Promise<string> =>
    running.length > 0
      ? ''
      : ((await readFile('/proc/modules', 'utf8')).match(/^\S+/gm) ?? []).sort().join(' ');
  const before = [await kernel(), await modules()];
  // Node itself would say that these are not there, where /etc is another one.
  const env = { NODE_EXTRA_CA_CERTS: undefined };
  const { status, stdout, stderr } = await lvscare(lab.node, ['doctor', '--json', ...args], env, wrapper);
  assert.equal(stderr, '');
  const { findings, skipped, fit } = JSON.parse(stdout) as Omit<Doctored, 'status' | 'wrong'> & {
    fit: boolean;
  };
  const loaded = await modules();
  assert.deepEqual([await kernel(), loaded], before);
  assert.equal(fit, status === 0);
  assert.equal(
    findings.some(({ verdict }) => verdict === 'fail'),
    status === 1,
  );
  const wrong = Object.fromEntries(
    findings.filter(({ verdict }) => verdict !== 'ok').map((finding) => [finding.name, finding]),
  );
  for (const { name, remedy } of Object.values(wrong)) assert.notEqual(remedy ?? '', '', name);
  return { status, findings, skipped, wrong };
}
let inGuestWithoutIpvs = false;

/** The one thing that is wrong. */
async function onlyFinding(
  name: string,
  verdict: 'warn' | 'fail',
  evidence: RegExp,
  args: readonly string[] = serversOf(lab),
  wrapper: readonly string[] = [],
): Promise<Finding> {
  const { status, wrong } = await doctor(args, wrapper);
  assert.deepEqual(Object.keys(wrong), [name], JSON.stringify(wrong, null, 1));
  const found = wrong[name];
  assert.ok(found !== undefined);
  assert.equal(found.verdict, verdict);
  assert.match(found.evidence, evidence);
  assert.equal(status, verdict === 'fail' ? 1 : 0);
  return found;
}

/** Runs every `ip`, `ipvsadm` and `sysctl` command in the remedies, as an operator would that reads nothing else. */
async function runCommandsOf(wrong: Doctored['wrong']): Promise<void> {
  const commands = Object.values(wrong).flatMap(({ remedy }) =>
    [...(remedy ?? '').matchAll(/\b(?:ip|ipvsadm|sysctl) (?:address|link|route|-)[^;,]*/g)].map(
      ([command]) => command,
    ),
  );
  for (const command of commands) await lab.node.exec('sh', ['-c', command]);
}

function fake(command: string, ...args: string[]): Promise<LabProcess> {
  const script = `exec -a "$0" ${process.execPath} -e "console.log('here'); setInterval(() => 0, 1e9)" -- "$@"`;
  const started = lab.node.spawn('bash', ['-c', script, command, ...args]);
  running.push(started);
  return started.waitForLine(/here/).then(() => started);
}

describe('lvscare doctor on a node that is well', () => {
  it('before lvscare was there finds it fit', async () => {
    const { status, wrong } = await doctor(serversOf(lab));
    assert.deepEqual([status, wrong], [0, {}]);
    assert.equal(await lab.node.weights(), null);
  });

  it('before lvscare was there refuses --rs without --vs', async () => {
    const refused = await lvscare(lab.node, ['doctor', '--rs', '10.0.0.2:1']);
    assert.equal(refused.status, 2);
    assert.equal(refused.stderr, '--vs: expected the virtual server beside --rs, got nothing\n');
  });

  it('reports nothing but ok while lvscare runs, as text and as JSON', async () => {
    const daemon = await takeCare(lab);
    running.push(daemon);
    const { status, findings, wrong } = await doctor(serversOf(lab));
    assert.deepEqual([status, wrong], [0, {}]);
    const names = findings.map(({ name }) => name);
    for (const { endpoint } of lab.masters)
      for (const name of [`rs ${endpoint}`, `certificate ${endpoint}`]) assert.ok(names.includes(name), name);
    for (const name of ['ipvs', 'scheduler', 'capabilities', 'clock', 'through-vip', 'node-address'])
      assert.ok(names.includes(name), names.join());
    const evidence = new Map(findings.map((finding) => [finding.name, finding.evidence]));
    assert.equal(evidence.get('instance'), `process ${daemon.pid} manages ${VS}`);
    assert.match(evidence.get('node-address') ?? '', new RegExp(`^${lab.node.addresses.ipv4} on `));

    const { status: same, stdout } = await lvscare(lab.node, ['doctor', ...serversOf(lab)]);
    assert.equal(same, 0);
    const lines = stdout.split('\n');
    assert.deepEqual(
      lines.slice(0, findings.length).map((line) => /^(\w+) +([\w-]+(?: [\w.:[\]]+)?): /.exec(line)?.[2]),
      names,
    );
    assert.match(stdout, new RegExp(`^${findings.length} ok, 0 warn, 0 fail; not checked:$`, 'm'));
  });

  it('takes its options from the static pod, else from the running lvscare, else from an ownership record', async () => {
    // Of a pod's address only the kubelet knows.
    const args = ['care', ...serversOf(lab), '--metrics-addr=[$(POD_IP)]:9288']
      .map((arg) => `        - "${arg}"\n`)
      .join('');
    const pod = `kind: Pod\nspec:\n  containers:\n    - image: lvscare\n      args:\n${args}`;
    const wrapper = await etc({ 'kubernetes/manifests/lvscare.yaml': pod });
    const { status, findings } = await doctor([], wrapper);
    assert.equal(status, 0, JSON.stringify(findings));
    assert.match(
      findings[0]?.evidence ?? '',
      new RegExp(`^${VS} with .*/etc/kubernetes/manifests/lvscare\\.yaml`),
    );
    assert.ok(findings.some(({ name }) => name === `rs ${lab.master(2).endpoint}`));

    const daemon = await takeCare(lab);
    running.push(daemon);
    const atWork = await doctor([]);
    assert.deepEqual([atWork.status, Object.keys(atWork.wrong)], [0, ['taken-options']]);
    assert.equal(
      atWork.wrong['taken-options']?.evidence,
      `doctor probes without --health-ca of process ${daemon.pid}: it takes neither files nor secrets from another process`,
    );
    assert.deepEqual((await doctor(['--health-ca', lab.caFile])).wrong, {});
    assert.match(
      atWork.findings[0]?.evidence ?? '',
      new RegExp(`^${VS} with .*\\(process ${daemon.pid}\\)$`),
    );

    await running.pop()?.stop();
    const recorded = await doctor(['--health-ca', lab.caFile]);
    assert.equal(recorded.status, 0);
    assert.match(recorded.findings[0]?.evidence ?? '', new RegExp(`^${VS} with .*\\(/run/lvscare\\)$`));
  });

  it('ignores the options of a process that only has the name of lvscare: it would read files and send what they contain', async () => {
    await fake('lvscare', 'care', ...serversOf(lab), '--health-token-file', lab.caFile);
    const { findings } = await doctor([]);
    assert.match(
      findings[0]?.evidence ?? '',
      /^no virtual server is known: there is neither --vs nor a static pod of lvscare/,
    );
  });

  it('ignores the options of root without capabilities that has the name of the instance lock, and names that process', async () => {
    const script = `require('node:net').createServer().listen('\\0lvscare/${VS}'.padEnd(108, '\\0'), () => console.log('here'))`;
    const args = ['care', ...serversOf(lab), '--health-token-file', lab.caFile].join(' ');
    const command = `exec -a lvscare setpriv --bounding-set=-all --inh-caps=-all bash -c 'exec -a lvscare ${process.execPath} -e "$0" -- ${args}' "$0"`;
    const squatter = lab.node.spawn('bash', ['-c', command, script]);
    running.push(squatter);
    await squatter.waitForLine(/here/);
    const { findings } = await doctor([]);
    assert.match(findings[0]?.evidence ?? '', /^no virtual server is known/);
    const found = await onlyFinding('instance', 'warn', /\(uid 0\) has the name of the instance lock/);
    assert.equal(found.remedy, `kill ${squatter.pid}`);
    // Beside it an lvscare runs: the lock is held, and its options are those of the process with NET_ADMIN alone.
    running.push(await takeCare(lab));
    assert.match((await doctor([])).findings[0]?.evidence ?? '', /\(\/run\/lvscare\)$/);
  });

  it('reads no file that never ends, and nothing of another user, for a process that is named kube-proxy', async () => {
    await fake('kube-proxy', '--config=/proc/kmsg');
    const { findings, skipped } = await doctor(serversOf(lab));
    assert.match(
      findings.find(({ name }) => name === 'kube-proxy')?.evidence ?? '',
      new RegExp(
        `cannot be read: /proc/${running.at(-1)?.pid ?? 0}/root/proc/kmsg is no KubeProxyConfiguration$`,
      ),
    );
    await running.pop()?.stop();
    assert.ok(skipped.every(({ name }) => name !== 'kube-proxy'));
    const user = lab.node.spawn('bash', [
      '-c',
      `exec setpriv --reuid=65534 --regid=65534 --clear-groups bash -c 'exec -a kube-proxy ${process.execPath} -e "console.log(1); setInterval(() => 0, 1e9)" -- --config=/proc/kmsg'`,
    ]);
    running.push(user);
    await user.waitForLine(/1/);
    const withUser = await doctor(serversOf(lab));
    assert.equal(withUser.skipped.find(({ name }) => name === 'kube-proxy')?.why, 'no kube-proxy runs here');
  });

  it('does not report what the running lvscare keeps as left over, also if the command line names the virtual server', async () => {
    const evidenceOf = (findings: readonly Finding[], name: string): string | undefined =>
      findings.find((finding) => finding.name === name)?.evidence;
    const vs = ['--vs', VS, '--health-ca', lab.caFile];
    running.push(await takeCare(lab, ['--mode', 'route']));
    for (const args of [serversOf(lab), vs]) {
      const { status, findings, wrong } = await doctor(args);
      assert.deepEqual([status, wrong], [0, {}]);
      assert.match(evidenceOf(findings, 'arguments') ?? '', /\(the command line and process \d+\)$/);
      assert.equal(evidenceOf(findings, 'routes'), `there is a route to ${VIP.ipv4}/32`);
    }
    await running.pop()?.stop();

    // Clients would need masquerading, for which this kernel has no nftables nat.
    running.push(await takeCare(lab, ['--mode', 'link', '--masquerade=false', '--iface', 'vs0']));
    const linked = await doctor(serversOf(lab));
    assert.equal(evidenceOf(linked.findings, 'vip-address'), `vs0 has ${VIP.ipv4}, as mode link requires`);
  });

  it('has the static pod of the virtual server that is named below what is given', async () => {
    const pod = (vs: string, ...args: readonly string[]): string =>
      `kind: Pod\nspec:\n  containers:\n    - image: lvscare\n      args: ${JSON.stringify(['care', '--vs', vs, ...args])}\n`;
    const wrapper = await etc({
      'kubernetes/manifests/a.yaml': pod('10.103.97.3:6443', '--rs', '10.0.0.9:6443', '--mode', 'link'),
      'kubernetes/manifests/b.yaml': pod(VS, '--rs', '10.0.0.9:6443', '--mode', 'route'),
    });
    const { status, findings, wrong } = await doctor(serversOf(lab), wrapper);
    assert.deepEqual([status, Object.keys(wrong)], [0, ['instance']]);
    assert.match(wrong['instance']?.evidence ?? '', /^no lvscare is running, although \S+b\.yaml starts one/);
    const servers = lab.masters.map(({ endpoint }) => endpoint).join(', ');
    assert.equal(
      findings[0]?.evidence,
      `${VS} with ${servers} (the command line and /etc/kubernetes/manifests/b.yaml)`,
    );
    assert.match(findings.find(({ name }) => name === 'mode')?.evidence ?? '', /^route: /);
  });

  it('does not say that the Go program left nothing where it cannot look', async () => {
    assert.equal((await run('modprobe', ['ip_set'])).status, 0);
    const without = ['unshare', '--mount', 'sh', '-c', 'mount -t tmpfs none /usr/sbin && exec "$@"', 'sh'];
    const { skipped } = await doctor(serversOf(lab), without);
    assert.equal(
      skipped.find(({ name }) => name === 'go-leftovers')?.why,
      'ipset is not installed, so rules of the Go lvscare cannot be found',
    );
  });

  it('ends at once on a signal, whatever hangs', async () => {
    assert.equal((await run('modprobe', ['ip_set'])).status, 0);
    const programs = await mkdtemp(join(directory, 'bin-'));
    const hangs = join(programs, 'hangs');
    await writeFile(join(programs, 'ipset'), `#!/bin/sh\n: > ${hangs}\nexec sleep 60\n`, { mode: 0o755 });
    const env = { ...process.env, PATH: `${programs}:${process.env['PATH'] ?? ''}` };
    const started = lab.node.spawn(process.execPath, [PROGRAM, 'doctor', ...serversOf(lab)], { env });
    running.push(started);
    await until(
      () =>
        access(hangs).then(
          () => true,
          () => false,
        ),
      { timeoutMs: 30_000 },
    );
    // One that does not end is killed, and has another status.
    assert.equal(await started.stop(), 1);
    assert.match(started.text('stderr'), /^lvscare: stopped before everything was looked at$/m);
    assert.equal(started.text('stdout'), '');
  });

  it('refuses wrong arguments in one line, with exit code 2', async () => {
    const { status, stdout, stderr } = await lvscare(lab.node, ['doctor', '--vs', '10.0.0.1']);
    assert.deepEqual([status, stdout], [2, '']);
    assert.match(stderr, /^--vs: expected .*, got "10\.0\.0\.1"\n$/);
  });
});

describe('lvscare doctor on a node that is not', () => {
  it('no NET_ADMIN', async () => {
    const without = ['setpriv', '--inh-caps', '-net_admin', '--bounding-set', '-net_admin'];
    const { status, wrong } = await doctor(serversOf(lab), without);
    assert.equal(status, 1);
    assert.equal(wrong['capabilities']?.verdict, 'fail');
    assert.match(wrong['capabilities'].evidence, /has no NET_ADMIN/);
    assert.match(wrong['capabilities'].remedy ?? '', /add NET_ADMIN/);
  });

  it('the address on another interface', async () => {
    await lab.node.ip('link add other0 type dummy');
    await lab.node.ip(`address add ${VIP.ipv4}/32 dev other0`);
    try {
      const { remedy } = await onlyFinding('vip-address', 'fail', /^other0 has \S+\/32: /);
      assert.match(remedy ?? '', /^choose a --vs .* stop the program that added it/);
    } finally {
      await lab.node.ip('link del other0');
    }
  });

  it("a route of an earlier start's mode route is removed by its remedy, and that to another host by none", async () => {
    const other = `${VIP.ipv4} via ${lab.master(0).addresses.ipv4}`;
    await lab.node.ip(`route add ${VIP.ipv4}/32 via ${lab.node.addresses.ipv4} metric 50`);
    const left = await onlyFinding('routes', 'warn', /metric 50, from an earlier start in mode route/);
    await runCommandsOf({ left });
    assert.doesNotMatch(await lab.node.ip('route show'), /metric 50/);
    await lab.node.ip(`route add ${other}`);
    try {
      const needed = await onlyFinding('routes', 'warn', /a host may have this address/);
      await runCommandsOf({ needed });
      assert.ok((await lab.node.ip('route show')).includes(other));
    } finally {
      await lab.node.ip(`route del ${other}`);
    }
  });

  it("the node's own address: no remedy takes it away, and the node still works", async () => {
    const { ipv4 } = lab.node.addresses;
    const args = serversOf(lab);
    args[1] = `${ipv4}:6443`;
    const { status, wrong } = await doctor(args);
    assert.equal(status, 1);
    assert.match(wrong['vip-address']?.evidence ?? '', /^eth0 has \S+\/24: /);
    await runCommandsOf(wrong);
    assert.ok((await lab.node.ip('address show')).includes(`inet ${ipv4}/24`));
    assert.equal(
      (await lab.node.exec('ping', ['-c', '1', '-W', '2', lab.master(0).addresses.ipv4])).status,
      0,
    );
  });

  it("the node's own address as a cloud gives it, /32 with a gateway that is on the link", async () => {
    const { ipv4 } = lab.node.addresses;
    const gateway = lab.master(0).addresses.ipv4;
    const [found] = await lab.node.ipJson(`address show to ${ipv4}`);
    const link = String(found?.['ifname']);
    await lab.node.ip(`address del ${ipv4}/24 dev ${link}`);
    await lab.node.ip(`address add ${ipv4}/32 dev ${link}`);
    await lab.node.ip(`route add ${gateway}/32 dev ${link}`);
    await lab.node.ip(`route add default via ${gateway}`);
    try {
      for (const [vip, check] of [
        [ipv4, 'vip-address'],
        [gateway, 'routes'],
      ] as const) {
        const args = serversOf(lab, [lab.master(0)]);
        args[1] = `${vip}:6444`;
        const { wrong } = await doctor(args);
        assert.equal(wrong[check]?.verdict, 'fail', JSON.stringify(wrong));
        await runCommandsOf(wrong);
        assert.equal((await lab.node.exec('ping', ['-c', '1', '-W', '2', gateway])).status, 0);
        assert.match(await lab.node.ip('route show default'), new RegExp(`via ${gateway}`));
      }
    } finally {
      await lab.node.ip('route del default').catch(() => undefined);
      await lab.node.ip(`route del ${gateway}/32 dev ${link}`).catch(() => undefined);
      await lab.node.ip(`address del ${ipv4}/32 dev ${link}`).catch(() => undefined);
      await lab.node.ip(`address add ${ipv4}/24 dev ${link}`);
    }
  });

  it("another program's virtual server", async () => {
    await lab.node.ipvsadm(`-A -t ${VS} -s rr`);
    await lab.node.ipvsadm(`-a -t ${VS} -r 10.103.97.250:443 -m`);
    const { status, wrong } = await doctor(serversOf(lab));
    assert.equal(status, 1);
    assert.equal(wrong['virtual-server']?.verdict, 'fail');
    assert.match(
      wrong['virtual-server'].evidence,
      /exists with 10\.103\.97\.250:443, which --rs does not name/,
    );
    await runCommandsOf(wrong);
    assert.deepEqual(await lab.node.weights(), { '10.103.97.250:443': 1 }, 'the remedies leave it');
    await lab.node.ipvsadm(`-D -t ${VS}`);
  });

  it('a certificate that has expired', async () => {
    const { addresses, endpoint } = lab.master(1);
    const names = [addresses.ipv4, VIP.ipv4].map((address) => `IP:${address}`);
    await lab
      .master(1)
      .present(await lab.certificates.create('old', { name: 'x', alternativeNames: names, expired: true }));
    const { status, wrong } = await doctor(serversOf(lab));
    assert.equal(status, 1);
    assert.deepEqual(Object.keys(wrong), [`rs ${endpoint}`, `certificate ${endpoint}`]);
    assert.match(wrong[`certificate ${endpoint}`]?.evidence ?? '', /^its certificate expired at /);
    assert.match(wrong[`certificate ${endpoint}`]?.remedy ?? '', /kubeadm certs renew apiserver/);
  });

  it('a certificate that is not for the virtual server', async () => {
    const { addresses, endpoint } = lab.master(1);
    const options = { name: 'x', alternativeNames: [`IP:${addresses.ipv4}`] };
    await lab.master(1).present(await lab.certificates.create('own', options));
    const { remedy } = await onlyFinding(
      `certificate ${endpoint}`,
      'fail',
      /is not for 10\.103\.97\.2: it is for IP:/,
    );
    assert.match(remedy ?? '', /certSANs/);
  });

  it('a real server that is down', async () => {
    await lab.master(2).kill();
    await onlyFinding(`rs ${lab.master(2).endpoint}`, 'fail', /^refused: /);
  });

  it('kube-proxy in ipvs mode that does not leave the address alone', async () => {
    const config = join(directory, 'kube-proxy.conf');
    await writeFile(config, 'ipvs:\n  excludeCIDRs: null\nkind: KubeProxyConfiguration\nmode: ipvs\n');
    await fake('/usr/local/bin/kube-proxy', `--config=${config}`);
    const { remedy } = await onlyFinding('kube-proxy', 'fail', /mode ipvs .* deletes 10\.103\.97\.2:6443/);
    assert.match(remedy ?? '', /ipvs\.excludeCIDRs: \["10\.103\.97\.2\/32"\]/);
    await writeFile(
      config,
      'ipvs:\n  excludeCIDRs:\n  - 10.103.97.2/32\nkind: KubeProxyConfiguration\nmode: ipvs\n',
    );
    assert.deepEqual((await doctor(serversOf(lab))).wrong, {});
  });

  it('a wrong line in the hosts file', async () => {
    // The remedy leads clients to the virtual server, so it must exist before.
    running.push(await takeCare(lab));
    const wrapper = await etc({ hosts: '127.0.0.1 localhost\n10.103.97.77 apiserver.cluster.local\n' });
    const wrong = /10\.103\.97\.77 is neither 10\.103\.97\.2 nor a real server/;
    const { remedy } = await onlyFinding(
      'hosts apiserver.cluster.local',
      'fail',
      wrong,
      serversOf(lab),
      wrapper,
    );
    // It is what mends it.
    const hosts = join(directory, 'hosts');
    await writeFile(
      hosts,
      '127.0.0.1 localhost\n10.103.97.77 other apiserver.cluster.local # x\n10.103.97.77 apiserver.cluster.local\n',
    );
    await lab.node.must('sh', ['-c', (remedy ?? '').replace('/etc/hosts', hosts)]);
    assert.equal(
      await readFile(hosts, 'utf8'),
      '127.0.0.1 localhost\n10.103.97.77 other # x\n10.103.97.2 apiserver.cluster.local\n',
      'other names keep their address',
    );
  });

  it('a second lvscare, the Go program', async () => {
    const daemon = await takeCare(lab);
    running.push(daemon);
    const program = join(directory, 'lvscare');
    await writeFile(program, "console.log('here'); setInterval(() => 0, 1e9);");
    const second = lab.node.spawn(process.execPath, [program, 'care', '--vs', VS, '--rs', '10.0.0.1:6443']);
    running.push(second);
    await second.waitForLine(/here/);
    const line = new RegExp(
      `process ${second.pid} .*manages ${VS} while process ${daemon.pid} holds its instance lock`,
    );
    await onlyFinding('instance', 'fail', line);
  });

  it('what the Go program left', async () => {
    await lab.node.must('bash', ['-c', goLinkMode(VIP.ipv4, 6443)]);
    const { status, wrong } = await doctor(serversOf(lab));
    assert.equal(status, 0);
    assert.deepEqual(Object.keys(wrong).sort(), ['go-leftovers', 'vip-address']);
    assert.match(wrong['go-leftovers']?.evidence ?? '', /VIRTUAL-SERVICES.*ipset VIRTUAL-IP/);
    assert.match(wrong['vip-address']?.remedy ?? '', /^ip link del lvscare$/);
  });

  it('a clock that differs', async () => {
    // One apiserver alone, whose host is an hour ahead by what it says.
    const { certificateFile, keyFile } = lab.master(0).certificate;
    await lab.master(0).kill();
    const program =
      `const fs = require('node:fs'), https = require('node:https');` +
      `https.createServer({ cert: fs.readFileSync('${certificateFile}'), key: fs.readFileSync('${keyFile}') }, (_, response) => ` +
      `response.writeHead(200, { date: new Date(Date.now() + 3600e3).toUTCString() }).end()).listen(6443, '${lab.master(0).addresses.ipv4}', () => console.log('here'))`;
    const node = await lab.nodeAt(0);
    const ahead = node.spawn(process.execPath, ['-e', program]);
    running.push(ahead);
    await ahead.waitForLine(/here/);
    await onlyFinding('clock', 'warn', /10\.103\.97\.200:6443 by \+3(599|600) s/);
  });

  for (const [what, rules] of [
    ['that is INVALID', ['-A INPUT -m conntrack --ctstate INVALID -j DROP']],
    [
      'that it does not track, by its policy',
      ['-A OUTPUT -m conntrack --ctstate NEW,RELATED,ESTABLISHED -j ACCEPT', '-P OUTPUT DROP'],
    ],
  ] as const)
    it(`a firewall that drops what IPVS forwards and ${what}: clients time out, and the remedy cures it`, async () => {
      running.push(await takeCare(lab));
      await lab.node.sysctl('net.ipv4.vs.conntrack', 0);
      const iptables = (rule: string): Promise<string> => lab.node.must('iptables-legacy', rule.split(' '));
      assert.equal((await lab.node.request()).ok, true);
      try {
        for (const rule of rules) await iptables(rule);
        assert.equal((await lab.node.request()).ok, false);
        const { remedy } = await onlyFinding('through-vip', 'fail', /although real servers answer$/);
        const [command = ''] = /^sysctl -w net\.ipv4\.vs\.conntrack=1/.exec(remedy ?? '') ?? [];
        await lab.node.must('sh', ['-c', command]);
        assert.equal((await lab.node.request()).ok, true);
        assert.deepEqual((await doctor(serversOf(lab))).wrong, {});
      } finally {
        for (const rule of rules.toReversed())
          await iptables(rule.replace('-A ', '-D ').replace(/^(-P \w+) DROP/, '$1 ACCEPT'));
        await lab.node.sysctl('net.ipv4.vs.conntrack', 0);
      }
    });

  it('an lvscare that hangs', async () => {
    const daemon = await takeCare(lab);
    running.push(daemon);
    process.kill(daemon.pid, 'SIGSTOP');
    try {
      await onlyFinding('instance', 'warn', /manages \S+, but does not answer: no answer within 3 s$/);
    } finally {
      process.kill(daemon.pid, 'SIGCONT');
    }
  });

  it('sysctls that are read-only', async () => {
    await lab.node.sysctl('net.ipv4.vs.expire_nodest_conn', 0);
    const pod = ['unshare', '--mount', 'sh', '-c', 'mount -o bind,ro /proc/sys /proc/sys && exec "$@"', 'sh'];
    const readOnly = /^0, not 1, and it cannot be written here \(EROFS\)/;
    const name = 'sysctl net.ipv4.vs.expire_nodest_conn';
    const { remedy } = await onlyFinding(name, 'warn', readOnly, serversOf(lab), pod);
    assert.match(remedy ?? '', /^sysctl -w net\.ipv4\.vs\.expire_nodest_conn=1/);
  });

  it('nothing that answers through the virtual server', async () => {
    running.push(await takeCare(lab));
    await untilWeights(lab, allOf(lab));
    // Before IPVS takes it: what comes after that goes to a real server.
    const rule = ['OUTPUT', '-d', VIP.ipv4, '-j', 'DROP'];
    await lab.node.must('iptables-legacy', ['-t', 'mangle', '-A', ...rule]);
    try {
      await onlyFinding('through-vip', 'fail', /^silent: .*, although real servers answer$/);
    } finally {
      await lab.node.must('iptables-legacy', ['-t', 'mangle', '-D', ...rule]);
    }
  });
});

describe(
  'lvscare doctor without IPVS',
  { skip: inGuest ? false : 'needs a guest: the modules of a machine are not ours to unload' },
  () => {
    let loader = '';
    before(async () => {
      loader = (await readFile(LOADER, 'utf8')).trim();
      await lvscare(lab.node, ['care', '--vs', VS, '--clean']);
      await unload();
      await writeFile(LOADER, '/bin/false');
      inGuestWithoutIpvs = true;
    });
    after(async () => {
      inGuestWithoutIpvs = false;
      await writeFile(LOADER, loader);
      assert.equal((await run('modprobe', ['ip_vs'])).status, 0);
    });

    it('says so, and loads nothing', async () => {
      const { status, wrong } = await doctor(serversOf(lab));
      assert.equal(status, 1);
      assert.deepEqual(Object.keys(wrong), ['ipvs', 'scheduler']);
      for (const name of ['ipvs', 'scheduler']) {
        assert.equal(wrong[name]?.verdict, 'fail');
        assert.match(wrong[name].evidence, /is not loaded, and kernel\.modprobe is \/bin\/false/);
        assert.match(wrong[name].remedy ?? '', /^modprobe ip_vs/);
      }
    });
  },
);
