// The Go program's command line: every flag, default, variable and habit. Rows about what is asked or logged run the built
// program, the others read the configuration only. What they do to a kernel is in drop-in.kernel.test.ts.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { IncomingMessage } from 'node:http';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LabProcess } from '../../lab/process.js';
import { run } from '../../lab/run.js';
import { readCommandLine } from '../../src/cli/command-line.js';
import { readCareConfig, type CareConfig } from '../../src/config/care-config.js';
import { readSettings } from '../../src/config/config-file.js';
import { issuer, type Issued } from '../probe/issuer.js';
import { web, type Listening } from '../probe/servers.js';
import { PROGRAM } from '../../lab/program.js';

const VS = '10.103.97.2:6443';

/** What a real server was asked. */
interface Asked {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** What `lvscare care` says it is about to do, in its first line. */
interface Start {
  readonly vs: string;
  readonly rs: readonly string[];
  readonly scheduler: string;
  readonly mode: string;
  readonly masquerade: boolean;
  readonly intervalMs: number;
}

interface Row {
  readonly what: string;
  /** Beside `--vs`, `--rs` and `--dry-run`, of which `{good}`, `{plain}`, ... are the servers of this test. */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Default `{good}`; null for none, when `args` or `env` have it. */
  readonly rs?: string | null;
  /** What is said at the start, beside the virtual server. */
  readonly starts?: Partial<Start>;
  /** What the real server is asked. */
  readonly asks?: Partial<Omit<Asked, 'headers'>> & { readonly headers?: Readonly<Record<string, string>> };
  /** Some lines of the log, `up` unless told otherwise. */
  readonly says?: readonly RegExp[];
  /** What no line says before these. */
  readonly neverSays?: RegExp;
}

const UP = /is up \(was unknown\)/;

const rows: readonly Row[] = [
  {
    what: 'defaults',
    starts: { vs: VS, scheduler: 'rr', mode: 'local', intervalMs: 5000, masquerade: false },
    asks: { method: 'GET', url: '/healthz', body: '' },
    says: [/NOT VERIFIED/, UP],
  },
  { what: '--vs=... and --rs=...', args: ['--rs={good}'], rs: null },
  {
    what: '--rs, repeated and comma-joined',
    args: ['--rs', '{plain},{silent}'],
    starts: { rs: ['{good}', '{plain}', '{silent}'] },
  },
  {
    what: '--rs, comma-joined with spaces',
    args: ['--rs', ' {plain} , {silent}'],
    starts: { rs: ['{good}', '{plain}', '{silent}'] },
  },
  ...['rr', 'lc', 'dh', 'sh', 'wrr', 'wlc'].map((scheduler) => ({
    what: `--scheduler ${scheduler}`,
    args: ['--scheduler', scheduler],
    starts: { scheduler },
  })),
  { what: '-i', args: ['-i', 'lvs0'], says: [UP] },
  { what: '--iface', args: ['--iface=lvs0'], says: [UP] },
  { what: '--logger DEBG', args: ['--logger', 'DEBG'], says: [/"level":"debug"/, UP] },
  { what: '--logger INFO', args: ['--logger', 'INFO'], neverSays: /"level":"debug"/ },
  { what: '--logger debug, in the usual spelling', args: ['--logger', 'debug'], says: [/"level":"debug"/] },
  { what: '--mode route', args: ['--mode', 'route'], starts: { mode: 'route', masquerade: false } },
  { what: '--mode link', args: ['--mode', 'link'], starts: { mode: 'link', masquerade: true } },
  { what: '--mode, empty', args: ['--mode', ''], starts: { mode: 'none' } },
  { what: '--mode=', args: ['--mode='], starts: { mode: 'none' } },
  { what: '--interval in whole seconds', args: ['--interval', '7'], starts: { intervalMs: 7000 } },
  { what: '--interval as a duration', args: ['--interval', '1m30s'], starts: { intervalMs: 90_000 } },
  { what: '--interval below a second', args: ['--interval', '500ms'], starts: { intervalMs: 500 } },
  { what: '--interval 0', args: ['--interval', '0'], starts: { intervalMs: 5000 } },
  { what: '--ip', args: ['--ip', '192.0.2.7'] },
  { what: '--ip, empty', args: ['--ip', ''] },
  {
    what: '--masqueradebit',
    args: ['--masqueradebit', '14'],
    says: [/--masqueradebit is accepted .* no effect/, UP],
  },
  { what: '--health-path', args: ['--health-path', '/livez'], asks: { url: '/livez' } },
  { what: '--health-path without a slash', args: ['--health-path', 'readyz'], asks: { url: '/readyz' } },
  {
    what: '--health-path with a query, which the Go program escapes',
    args: ['--health-path', '/readyz?verbose&exclude=etcd'],
    asks: { url: '/readyz?verbose&exclude=etcd' },
  },
  { what: '--health-schem https', args: ['--health-schem', 'https'], asks: { url: '/healthz' } },
  { what: '--health-schem http', args: ['--health-schem', 'http'], rs: '{plain}', asks: { url: '/healthz' } },
  {
    what: '--health-scheme, spelled right',
    args: ['--health-scheme', 'http'],
    rs: '{plain}',
    asks: { url: '/healthz' },
  },
  { what: '--health-req-method', args: ['--health-req-method', 'POST'], asks: { method: 'POST' } },
  {
    what: '--health-req-method, in lower case',
    args: ['--health-req-method', 'put'],
    asks: { method: 'PUT' },
  },
  {
    what: '--health-req-body',
    args: ['--health-req-method', 'POST', '--health-req-body', '{"a": 1}'],
    asks: { method: 'POST', body: '{"a": 1}' },
  },
  {
    what: '--health-req-headers, comma-joined',
    args: ['--health-req-headers', 'X-One=1,X-Two=2'],
    asks: { headers: { 'x-one': '1', 'x-two': '2' } },
  },
  {
    what: '--health-req-headers, repeated',
    args: ['--health-req-headers', 'X-One=1', '--health-req-headers', 'X-Two=2'],
    asks: { headers: { 'x-one': '1', 'x-two': '2' } },
  },
  {
    what: '--health-req-headers, one with commas in its value',
    args: ['--health-req-headers', 'Accept=text/html,application/json'],
    asks: { headers: { accept: 'text/html,application/json' } },
  },
  {
    what: '--health-req-headers, quoted as CSV',
    args: ['--health-req-headers', '"Accept=text/html,application/json",X-Two=a=b'],
    asks: { headers: { accept: 'text/html,application/json', 'x-two': 'a=b' } },
  },
  {
    what: '--health-status',
    args: ['--health-path', '/401', '--health-status', '401'],
    says: [/is up .*status 401/],
  },
  {
    what: '--health-status, several, and some that are accepted anyway',
    args: ['--health-path', '/403', '--health-status', '401,403,200,201'],
    says: [/is up .*status 403/],
  },
  { what: 'without --health-status', args: ['--health-path', '/401'], says: [/is sick .*401/] },
  {
    what: '--health-insecure-skip-verify',
    args: ['--health-insecure-skip-verify'],
    neverSays: /NOT VERIFIED/,
  },
  {
    what: '--health-insecure-skip-verify=true',
    args: ['--health-insecure-skip-verify=true'],
    neverSays: /NOT VERIFIED/,
  },
  {
    what: '--health-insecure-skip-verify true, of which the second word is a stray argument',
    args: ['--health-insecure-skip-verify', 'true'],
    says: [/ignoring the stray argument .*true/, UP],
  },
  {
    what: '--health-insecure-skip-verify=false',
    args: ['--health-insecure-skip-verify=false'],
    says: [/is sick .*certificate/],
  },
  { what: '--health-timeout', args: ['--health-timeout', '300ms'], rs: '{silent}', says: [/is sick .*slow/] },
  {
    what: '--health-timeout in whole seconds',
    args: ['--health-timeout', '1'],
    rs: '{silent}',
    says: [/is sick .*slow/],
  },
  { what: '--run-once=false and -C=false', args: ['--run-once=false', '-C=false'] },
  {
    what: 'stray arguments',
    args: ['now', 'please'],
    says: [/stray argument .*now/, /stray argument .*please/, UP],
  },
  {
    what: 'ENABLE_KLOG_FLAGS',
    env: { ENABLE_KLOG_FLAGS: 'true' },
    args: [
      '--v=4',
      '-v',
      '5',
      '-v2',
      '--logtostderr',
      '--alsologtostderr=false',
      '--vmodule',
      'care=3',
      '--log_dir=/tmp',
    ],
    says: [/-v is accepted .* no effect/, /--log_dir is accepted .* no effect/, UP],
  },
  {
    what: 'ENABLE_KLOG_FLAGS without such a flag',
    env: { ENABLE_KLOG_FLAGS: 'true' },
    neverSays: /no effect/,
  },
  { what: 'LVSCARE_NODE_IP', env: { LVSCARE_NODE_IP: '192.0.2.7' } },
  ...['CARE', 'IPVS'].map((prefix) => ({
    what: `a flag before ${prefix}_SCHEDULER`,
    args: ['--scheduler', 'sh'],
    env: { [`${prefix}_SCHEDULER`]: 'wlc' },
    starts: { scheduler: 'sh' },
  })),
  {
    what: 'CARE_MASQUERADEBIT, which has no effect',
    env: { CARE_MASQUERADEBIT: '3' },
    says: [/CARE_MASQUERADEBIT is accepted/, UP],
  },
  {
    what: 'CARE_ before IPVS_',
    env: { CARE_SCHEDULER: 'sh', IPVS_SCHEDULER: 'wlc' },
    starts: { scheduler: 'sh' },
  },
];

/** A variable of either prefix, and the options that say the same; what becomes of those is in the rows above. */
const variables: readonly (readonly [name: string, value: string, options: readonly string[]])[] = [
  ['VS', VS, ['--vs', VS]],
  ['RS', '{good},{plain}', ['--rs', '{good},{plain}']],
  ['SCHEDULER', 'wlc', ['--scheduler', 'wlc']],
  ['MODE', 'link', ['--mode', 'link']],
  ['LOGGER', 'DEBG', ['--logger', 'DEBG']],
  ['INTERVAL', '9', ['--interval', '9']],
  ['INTERVAL', '', []],
  ['HEALTH_PATH', '/livez', ['--health-path', '/livez']],
  ['HEALTH_SCHEM', 'http', ['--health-schem', 'http']],
  ['HEALTH_REQ_METHOD', 'POST', ['--health-req-method', 'POST']],
  ['HEALTH_REQ_HEADERS', 'X-One=1,X-Two=2', ['--health-req-headers', 'X-One=1,X-Two=2']],
  ['HEALTH_STATUS', '401,403', ['--health-status', '401,403']],
  ['HEALTH_INSECURE_SKIP_VERIFY', 'false', ['--health-insecure-skip-verify=false']],
  ['HEALTH_TIMEOUT', '300ms', ['--health-timeout', '300ms']],
  ['MASQUERADEBIT', '3', ['--masqueradebit', '3']],
];

/** What the Go program takes, or fails at in another way, and ours refuses in one line with exit code 2. */
const refused: readonly { readonly what: string; readonly args: readonly string[]; readonly says: RegExp }[] =
  [
    { what: 'no --vs', args: ['--rs', '127.0.0.1:1'], says: /^--vs: expected the virtual server/ },
    { what: 'no --rs', args: ['--vs', VS], says: /^--rs: expected at least one real server/ },
    {
      what: 'a negative --interval',
      args: ['--vs', VS, '--rs', '127.0.0.1:1', '--interval', '-1'],
      says: /^--interval: /,
    },
    {
      what: 'a real server that is named twice',
      args: ['--vs', VS, '--rs', '127.0.0.1:1,127.0.0.1:1'],
      says: /^--rs: expected each real server once/,
    },
    {
      what: 'the flags of klog when nobody asked for them',
      args: ['--vs', VS, '--rs', '127.0.0.1:1', '--v=4'],
      says: /^--v: /,
    },
    { what: '--clean, and false after a space', args: ['--vs', VS, '-C', 'false'], says: /a switch after =/ },
  ];

describe('in the place of the Go program', { concurrency: 4 }, () => {
  let directory = '';
  const servers: Record<string, Listening> = {};
  const asked: Asked[] = [];

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'lvscare-drop-in-'));
    const issue = issuer(directory);
    const pair = await issue({ subject: '/CN=apiserver', names: ['IP:127.0.0.1'], signer: null });
    servers['good'] = await web({ cert: pair.cert, key: pair.key }, answer);
    servers['plain'] = await web(null, answer);
    servers['silent'] = await web(
      { cert: pair.cert, key: pair.key } satisfies Pick<Issued, 'cert' | 'key'>,
      () => undefined,
    );
  });
  after(async () => {
    for (const server of Object.values(servers)) await server[Symbol.asyncDispose]();
    await rm(directory, { recursive: true });
  });

  /** Any path is healthy, but that of a status. The header tells the rows of the table from each other. */
  const answer: Parameters<typeof web>[1] = (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      asked.push({ method, url, headers, body: Buffer.concat(chunks).toString() });
      response.statusCode = Number(/^\/(4\d\d)$/.exec(url)?.[1] ?? 200);
      response.end('ok');
    });
  };

  function filled(text: string): string {
    return text.replaceAll(
      /\{(good|plain|silent)\}/g,
      (_, name: string) => servers[name]?.endpoint.text ?? '',
    );
  }

  function start(args: readonly string[], env: Readonly<Record<string, string>> = {}): LabProcess {
    const { PATH = '' } = process.env;
    const more = Object.fromEntries(Object.entries(env).map(([name, value]) => [name, filled(value)]));
    return new LabProcess(process.execPath, [PROGRAM, 'care', ...args.map(filled)], {
      env: { PATH, ...more },
    });
  }

  async function configOf(
    args: readonly string[],
    env: Readonly<Record<string, string>>,
  ): Promise<CareConfig> {
    const given = Object.fromEntries(Object.entries(env).map(([name, value]) => [name, filled(value)]));
    const command = await readCommandLine(['care', ...args.map(filled)], 80, given);
    assert.ok(command.kind === 'run');
    return readCareConfig(await readSettings(command.given, given, command.spelled), given);
  }

  /** What the configuration says that `lvscare care` is about to do. */
  async function configured(args: readonly string[], env: Readonly<Record<string, string>>): Promise<Start> {
    const { virtualServer, realServers, mode, masquerade, policy } = await configOf(args, env);
    const { scheduler, intervalMs } = policy;
    const rs = realServers.map(({ text }) => text);
    return { vs: virtualServer.text, rs, scheduler, mode, masquerade, intervalMs };
  }

  function agrees(said: Start, starts: Partial<Start>): void {
    const expected = JSON.parse(filled(JSON.stringify(starts))) as Partial<Start>;
    for (const [name, value] of Object.entries(expected))
      assert.deepEqual(said[name as keyof Start], value, name);
  }

  for (const [index, row] of rows.entries()) {
    const { what, args = [], env = {}, rs = '{good}', asks, says = [UP], neverSays } = row;
    const starts = { vs: VS, ...row.starts };
    const usual = ['--vs', VS, ...(rs === null ? [] : ['--rs', rs])];
    if (asks === undefined && row.says === undefined && neverSays === undefined) {
      it(what, async () => {
        agrees(await configured([...usual, ...args], env), starts);
      });
      continue;
    }
    it(what, async () => {
      // Nobody else asks with this: it is what a request of this row is known by.
      const mark = `row-${index}`;
      const own = asks?.headers === undefined && asks !== undefined;
      const marked = own && !Object.keys(env).some((name) => name.endsWith('HEADERS'));
      const headers = marked ? ['--health-req-headers', `X-Row=${mark}`] : [];
      const daemon = start([...usual, '--dry-run', ...headers, ...args], env);
      try {
        for (const line of [/taking care of/, ...says]) await daemon.waitForLine(line);
        const text = daemon.lines.map((line) => line.text).join('\n');
        if (neverSays !== undefined) assert.doesNotMatch(text, neverSays);
        agrees(JSON.parse(/^.*taking care of.*$/m.exec(text)?.[0] ?? '{}') as Start, starts);
        if (asks !== undefined) {
          const { headers = { 'x-row': mark }, ...rest } = asks;
          const found = asked.find((one) =>
            Object.entries(headers).every(([name, value]) => one.headers[name] === value),
          );
          assert.ok(found !== undefined, `nobody asked with ${JSON.stringify(headers)}`);
          for (const [name, value] of Object.entries(rest))
            assert.equal(found[name as keyof typeof rest], value, name);
        }
      } finally {
        await daemon.stop();
      }
      assert.equal(await daemon.exited, 0);
    });
  }

  for (const prefix of ['CARE', 'IPVS'])
    for (const [name, value, options] of variables)
      it(`${prefix}_${name}${value === '' ? ', empty' : ''}`, async () => {
        const usual = [...(name === 'VS' ? [] : ['--vs', VS]), ...(name === 'RS' ? [] : ['--rs', '{good}'])];
        const byOptions = await configOf([...usual, ...options], {});
        // The notes name what was spelled.
        const { notes, ...byVariable } = await configOf(usual, { [`${prefix}_${name}`]: value });
        assert.deepEqual({ ...byVariable, notes: byOptions.notes }, byOptions);
        assert.equal(notes.length, byOptions.notes.length);
      });

  for (const { what, args, says } of refused) {
    it(`refuses ${what}`, async () => {
      const { status, stdout, stderr } = await run(process.execPath, [PROGRAM, 'care', ...args]);
      assert.equal(status, 2);
      assert.equal(stdout, '');
      assert.match(stderr, /^[^\n]+\n$/);
      assert.match(stderr, says);
    });
  }

  it('version prints the fields of the Go program as JSON, and one line with --short', async () => {
    const long = await run(process.execPath, [PROGRAM, 'version']);
    const build = JSON.parse(long.stdout) as Record<string, unknown>;
    for (const field of ['gitVersion', 'gitCommit', 'buildDate'])
      assert.equal(typeof build[field], 'string', field);
    const short = await run(process.execPath, [PROGRAM, 'version', '--short']);
    assert.equal(short.stdout, `${String(build['gitVersion'])}\n`);
  });

  it('--config: a file comes after the command line and the environment, and before the defaults', async () => {
    const file = join(directory, 'care.json');
    const content = {
      vs: VS,
      rs: [filled('{good}')],
      scheduler: 'sh',
      interval: 7,
      mode: 'none',
      'dry-run': true,
    };
    await writeFile(file, JSON.stringify(content));
    const daemon = start(['--config', file, '--mode', 'route'], { CARE_INTERVAL: '8' });
    try {
      const said = JSON.parse((await daemon.waitForLine(/taking care of/)).text) as Start;
      const { scheduler, intervalMs, mode } = said;
      assert.deepEqual({ scheduler, intervalMs, mode }, { scheduler: 'sh', intervalMs: 8000, mode: 'route' });
    } finally {
      await daemon.stop();
    }
  });
});
