/** What `lvscare care` prints, to a pipe; test/program/terminal.tools.test.ts has the terminal. By --dry-run, which needs no kernel with IPVS and changes nothing. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, open, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { answering, closedPort, web } from '../probe/servers.js';
import { PROGRAM } from '../../lab/program.js';

const SOURCES = fileURLToPath(new URL('../../../src', import.meta.url));
const DOCS = fileURLToPath(new URL('../../../docs/logs.md', import.meta.url));

interface JsonLine {
  readonly level: string;
  readonly time: string;
  readonly event: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

/** Runs it until both servers were judged, then ends it by a signal. Resolves to all that it printed. */
async function printed(
  more: readonly string[],
): Promise<{ stdout: string; stderr: string; servers: readonly [string, string] }> {
  await using good = await web(null, answering(200));
  const bad = await closedPort();
  const servers = [good.endpoint.text, bad.text] as const;
  const args = [
    ...[PROGRAM, 'care', '--vs', '10.103.97.2:6443', '--rs', servers.join(',')],
    ...['--dry-run', '--health-schem', 'http', '--interval', '1s', '--fast-interval', '100ms', ...more],
  ];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, stderr, ended] = ['', '', false];
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    if (ended || !servers.every((server) => new RegExp(`${server} is (up|dead)`).test(stdout))) return;
    ended = true;
    child.kill('SIGTERM');
  });
  await once(child, 'close');
  return { stdout, stderr, servers };
}

describe('what lvscare care prints', { concurrency: true }, () => {
  it('to a pipe is a JSON object a line from the first on, each with its event, and nothing else', async () => {
    const { stdout, stderr, servers } = await printed([
      'stray',
      '--masqueradebit',
      '0',
      '--log-level',
      'debug',
    ]);
    assert.equal(stderr, '');
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as JsonLine);
    for (const { time, level, event, msg } of lines) {
      assert.equal(new Date(time).toISOString(), time);
      assert.match(level, /^(debug|info|warn|error)$/);
      assert.match(event, /^[a-z]+(-[a-z]+)*$/);
      assert.notEqual(msg, '');
    }
    const of = (event: string): JsonLine[] => lines.filter((line) => line.event === event);
    assert.equal(of('stray-argument')[0]?.msg, 'ignoring the stray argument "stray"');
    const [start] = of('start');
    assert.ok(start !== undefined);
    assert.deepEqual(start['rs'], servers);
    for (const field of ['version', 'commit', 'pid', 'vs', 'scheduler', 'mode', 'masquerade', 'intervalMs'])
      assert.notEqual(start[field], undefined, field);
    assert.ok('nodeAddress' in start);
    assert.equal(start['dryRun'], true);
    assert.deepEqual(
      of('transition')
        .map(({ rs, from, to, evidence }) => [rs, from, to, evidence])
        .toSorted(),
      [
        [servers[0], 'unknown', 'up', 'ok'],
        [servers[1], 'unknown', 'dead', 'refused'],
      ].toSorted(),
    );
    assert.equal(of('stopping')[0]?.['signal'], 'SIGTERM');
    assert.equal(lines.at(-1)?.event, 'stopped');

    const documented = eventsOf(readFileSync(DOCS, 'utf8'));
    for (const { event } of lines) assert.ok(documented.has(event), `docs/logs.md knows ${event}`);
  });

  it('is dropped when its reader is gone, and lvscare goes on', async () => {
    let asked = 0;
    let askedAgain: () => void = () => undefined;
    const again = new Promise<void>((resolve) => (askedAgain = resolve));
    await using server = await web(null, (_request, response) => {
      response.end('ok');
      asked += 1;
      if (asked === 4) askedAgain();
    });
    const child = spawn(
      process.execPath,
      [
        ...[
          PROGRAM,
          'care',
          '--vs',
          '10.103.97.2:6443',
          '--rs',
          server.endpoint.text,
          '--health-schem',
          'http',
        ],
        ...['--dry-run', '--interval', '200ms', '--log-level', 'debug'],
      ],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    await once(child.stdout, 'data');
    child.stdout.destroy();
    await again;
    child.kill('SIGTERM');
    assert.deepEqual(await once(child, 'exit'), [0, null]);
    assert.equal(stderr, '');
  });

  it('waits for no reader: it goes on, and ends on a signal', async () => {
    let asked = 0;
    let enough: () => void = () => undefined;
    const often = new Promise<void>((resolve) => (enough = resolve));
    await using server = await web(null, (_request, response) => {
      response.end('ok');
      asked += 1;
      if (asked === 500) enough();
    });
    const directory = await mkdtemp(join(tmpdir(), 'lvscare-output-'));
    const path = join(directory, 'pipe');
    execFileSync('mkfifo', [path]);
    // For reading as well, so that there is a reader: one who never reads.
    const pipe = await open(path, 'r+');
    try {
      const servers = ['--vs', '10.103.97.2:6443', '--rs', server.endpoint.text, '--health-schem', 'http'];
      const pace = ['--dry-run', '--interval', '10ms', '--fast-interval', '10ms', '--log-level', 'debug'];
      const child = spawn(process.execPath, [PROGRAM, 'care', ...servers, ...pace], {
        stdio: ['ignore', pipe.fd, 'inherit'],
      });
      const exited = once(child, 'exit');
      // A line of at least 200 bytes for each, of which the pipe has room for 64 KiB.
      await often;
      child.kill('SIGTERM');
      assert.deepEqual(await exited, [0, null]);
    } finally {
      await pipe.close();
      await rm(directory, { recursive: true });
    }
  });
});

/** The events that the page's table names. */
function eventsOf(page: string): Set<string> {
  const [, events = ''] = page.split('## Events');
  return new Set([...events.matchAll(/^\| `([a-z-]+)` /gm)].map(([, event = '']) => event));
}

describe('docs/logs.md', () => {
  it('names each event that the sources name, and no other', async () => {
    const sources = (await readdir(SOURCES, { recursive: true })).filter((name) => name.endsWith('.ts'));
    const texts = await Promise.all(sources.map((name) => readFile(join(SOURCES, name), 'utf8')));
    const kinds = await readFile(join(SOURCES, 'control-loop/events.ts'), 'utf8');
    const named = new Set(
      [...texts.join('\n').matchAll(/event: '([a-z-]+)'/g), ...kinds.matchAll(/kind: '([a-z-]+)'/g)].map(
        ([, event = '']) => event,
      ),
    );
    // It is only counted.
    named.delete('exchange');
    assert.deepEqual([...eventsOf(readFileSync(DOCS, 'utf8'))].toSorted(), [...named].toSorted());
  });
});
