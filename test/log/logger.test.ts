import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { timeLimit } from '../../lab/time-limit.js';
import type { LogConfig } from '../../src/config/care-config.js';

const loggerModule = new URL('../../src/log/logger.js', import.meta.url).href;

/** What a program prints that logs one line at each level and ends at once. */
async function printed(config: LogConfig, terminal: boolean): Promise<string[]> {
  const program = `
    import { createLogger } from ${JSON.stringify(loggerModule)};
    const { log } = await createLogger(${JSON.stringify(config)}, { terminal: ${terminal}, colours: ${terminal} });
    log.debug('looking');
    log.info({ rs: '10.0.0.1:6443', to: 'up' }, 'it is up');
    log.warn({ err: new Error('because', { cause: Object.assign(new Error('no such file'), { code: 'ENOENT' }) }) }, 'it is down');
    log.error('it is a fault');
    process.exit();`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program], {
    timeout: timeLimit(20_000),
  });
  return stdout.split('\n').filter((line) => line !== '');
}

interface JsonLine {
  readonly level: string;
  readonly time: string;
  readonly msg: string;
}

describe('the logger', { concurrency: true }, () => {
  for (const [format, terminal] of [
    ['json', true],
    ['json', false],
    ['auto', false],
  ] as const) {
    it(`${format} ${terminal ? 'on' : 'off'} a terminal is a JSON object per line, none of them lost`, async () => {
      const lines = (await printed({ level: 'info', format }, terminal)).map(
        (line) => JSON.parse(line) as JsonLine,
      );
      assert.deepEqual(
        lines.map(({ level, msg }) => [level, msg]),
        [
          ['info', 'it is up'],
          ['warn', 'it is down'],
          ['error', 'it is a fault'],
        ],
      );
      const [first, second] = lines;
      assert.ok(first !== undefined && second !== undefined);
      const { time, ...rest } = first;
      assert.equal(new Date(time).toISOString(), time);
      assert.deepEqual(rest, {
        level: 'info',
        event: 'note',
        rs: '10.0.0.1:6443',
        to: 'up',
        msg: 'it is up',
      });
      assert.deepEqual((second as JsonLine & { err: unknown }).err, {
        type: 'Error',
        message: 'because: no such file',
        code: 'ENOENT',
      });
    });
  }

  for (const [format, terminal] of [
    ['text', true],
    ['text', false],
    ['auto', true],
  ] as const) {
    it(`${format} ${terminal ? 'on' : 'off'} a terminal is a readable line, ${terminal ? 'with' : 'without'} colours`, async () => {
      const lines = await printed({ level: 'info', format }, terminal);
      const escape = String.fromCharCode(27);
      assert.equal(lines.join('').includes(`${escape}[`), terminal);
      const plain = lines.map((line) => line.replaceAll(new RegExp(`${escape}\\[\\d+m`, 'g'), ''));
      assert.deepEqual(
        plain.map((line) => line.replace(/^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} [+-]\d{4}\] /, '')),
        ['INFO: it is up', 'WARN: it is down', 'ERROR: it is a fault'],
      );
    });
  }

  it('does not wait for a reader that does not read, keeps what fits, and says how much did not', async () => {
    const program = `
      import { createLogger } from ${JSON.stringify(loggerModule)};
      const { log, flush } = await createLogger({ level: 'info', format: 'json' }, { terminal: process.stdout.isTTY, colours: false });
      for (let number = 0; number < 20000; number += 1) log.info({ number }, 'x'.repeat(100));
      process.stderr.write('all said');
      process.stdin.once('data', () => { setTimeout(() => { flush(); process.exit(); }, 1000); });`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
      timeout: timeLimit(20_000),
    });
    const ended = once(child, 'exit');
    // Nobody has read a byte by then.
    await once(child.stderr, 'data');
    child.stdin.write('read');
    const lines = (await text(child.stdout)).trimEnd().split('\n');
    await ended;
    const said = lines.map(
      (line) => JSON.parse(line) as { number?: number; event: string; dropped?: number },
    );
    const numbers = said.flatMap(({ number }) => (number === undefined ? [] : [number]));
    assert.deepEqual(
      numbers,
      Array.from(numbers, (_, index) => index),
      'the first ones, in their order, each whole',
    );
    assert.ok(numbers.length > 5000 && numbers.length < 20_000, `${numbers.length} lines`);
    assert.deepEqual(
      said.filter(({ event }) => event === 'log-dropped').map(({ dropped }) => dropped),
      [20_000 - numbers.length],
    );
  });

  it('says no more than its level', async () => {
    assert.equal((await printed({ level: 'debug', format: 'json' }, false)).length, 4);
    assert.equal((await printed({ level: 'error', format: 'json' }, false)).length, 1);
  });
});
