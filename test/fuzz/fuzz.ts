/** What all fuzzers share: for how long they run, what they make up, and what they demand of the code. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { it } from 'node:test';
import fc from 'fast-check';
import { timeLimit } from '../../lab/time-limit.js';

const SECONDS = process.env['FUZZ_SECONDS'];
/** For how long each fuzzer runs; FUZZ_SECONDS is for longer runs by hand. */
const RUN_MS = Number(SECONDS ?? '0.6') * 1000;
/** In the suite the same inputs each time, so that it fails for what was changed; by hand others each time. */
const SEED = SECONDS === undefined ? { seed: 1 } : {};
/**
 * The longest that an input may keep the main thread busy. In the suite other tests take caches and turns of the CPU: there it only finds what
 * takes far too long.
 */
const MOST_MS = SECONDS === undefined ? 200 : 50;

/** A test that tries made-up inputs. What fails is printed with its seed, and is as small as fast-check could make it. */
export function fuzz<Input>(
  name: string,
  inputs: fc.Arbitrary<Input>,
  check: (input: Input) => void | Promise<void>,
): void {
  it(name, async () => {
    const property = fc.asyncProperty(inputs, async (input) => {
      await check(input);
    });
    await fc.assert(property, { ...SEED, numRuns: 10_000_000, interruptAfterTimeLimit: RUN_MS });
  });
}

/**
 * Runs the action, which must not take long: in CPU time, which other processes do not change much, and at best of three tries.
 *
 * @param mostMs More than the default only for commands, which have no other work to delay.
 */
export async function quickly<Value>(action: () => Value | Promise<Value>, mostMs = MOST_MS): Promise<Value> {
  let leastMs = Infinity;
  for (let tries = 1; ; tries += 1) {
    const [startedMs, before] = [performance.now(), process.cpuUsage()];
    const value = await action();
    const { user, system } = process.cpuUsage(before);
    leastMs = Math.min(leastMs, performance.now() - startedMs, (user + system) / 1000);
    if (leastMs <= timeLimit(mostMs)) return value;
    if (tries === 3) assert.fail(`it took ${leastMs.toFixed()} ms`);
  }
}

/** For a command that ends when it has read something: {@link quickly}. */
export const COMMAND_MS = 500;

/** Asserts that a text is a line, or lines, that a terminal shows as they are. */
export function harmless(text: string, { lines = false, most = 20_000 } = {}): void {
  const shown = lines ? text.replaceAll('\n', '') : text;
  const found = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.exec(shown);
  assert.equal(found, null, `a control character in ${JSON.stringify(text.slice(0, 500))}`);
  assert.ok(text.length <= most, `${text.length} characters`);
}

/** Pieces that have a meaning to a terminal, a parser or JavaScript. */
const PIECES = [
  '\0',
  '\n',
  '\r',
  '\u001b[2J',
  '\u007f',
  '\u009b31m',
  '\u202e',
  '\u2028',
  '\ufeff',
  '\ud800',
  '__proto__',
  'constructor',
  'toString',
  'null',
  '-1',
  '1e999',
  '99999999999999999999',
  '"',
  "'",
  '\\',
  '\\"',
  '%',
  '[',
  '{',
  '- ',
  '? ',
  ': ',
  '&a ',
  '*a ',
  '!!binary ',
  ',',
  '=',
  '/',
];

/** Any characters, also those that no encoding has. */
export const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc.string({ maxLength: 100 }),
  fc.array(fc.constantFrom(...PIECES), { maxLength: 30 }).map((pieces) => pieces.join('')),
);

/** Any bytes, as texts of one character for each. */
export const anyBytes = fc
  .uint8Array({ maxLength: 2000 })
  .map((bytes) => Buffer.from(bytes).toString('latin1'));

interface Edit {
  readonly kind: 'insert' | 'delete' | 'replace' | 'repeat';
  readonly at: number;
  readonly length: number;
  readonly times: number;
  readonly piece: string;
}

/** Texts of a corpus, changed at a few places: cut, mixed, and with parts that repeat up to a number of characters. */
export function mutated(
  corpus: readonly string[],
  more: readonly string[] = [],
  most = 16_384,
): fc.Arbitrary<string> {
  const edit: fc.Arbitrary<Edit> = fc.record({
    kind: fc.constantFrom('insert', 'delete', 'replace', 'repeat'),
    at: fc.nat(0xffff),
    length: fc.nat(40),
    times: fc.oneof(fc.nat(5), fc.nat(most)),
    piece: fc.oneof(fc.constantFrom(...PIECES, ...more), fc.constantFrom(...corpus), anyText),
  });
  return fc
    .tuple(fc.constantFrom(...corpus), fc.array(edit, { maxLength: 6 }))
    .map(([text, edits]) => edits.reduce((before, each) => edited(before, each).slice(0, most), text));
}

function edited(text: string, { kind, at: place, length, times, piece }: Edit): string {
  const at = place % (text.length + 1);
  const [before, part, after] = [text.slice(0, at), text.slice(at, at + length), text.slice(at + length)];
  switch (kind) {
    case 'insert':
      return before + piece + part + after;
    case 'delete':
      return before + after;
    case 'replace':
      return before + piece + after;
    case 'repeat':
      return before + part.repeat(part === '' ? 0 : times) + after;
  }
}

/** Values of JSON, with keys that have a meaning to JavaScript or to lvscare. */
export function anyJson(keys: readonly string[]): fc.Arbitrary<unknown> {
  const key = fc.oneof(fc.constantFrom(...keys, 'toString', '__proto__', 'length'), fc.string());
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 5, withCrossShrink: true },
      fc.constantFrom(null, true, false, 0, -1, 1e308, '', ...keys),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      anyText,
      fc.array(tie('value'), { maxLength: 4 }),
      fc.array(fc.tuple(key, tie('value')), { maxLength: 5 }).map((entries) => {
        const made = JSON.parse('{}') as Record<string, unknown>;
        for (const [name, one] of entries)
          Object.defineProperty(made, name, {
            value: one,
            enumerable: true,
            configurable: true,
            writable: true,
          });
        return made;
      }),
    ),
  }));
  return value;
}

/** A value of JSON with some of its parts replaced, as another version might have them. */
export function changedJson(value: unknown, keys: readonly string[]): fc.Arbitrary<unknown> {
  const paths = pathsOf(value);
  return fc
    .array(fc.tuple(fc.constantFrom(...paths), anyJson(keys)), { minLength: 1, maxLength: 3 })
    .map((changes) => {
      const copy = { root: structuredClone(value) };
      for (const [path, one] of changes) replaceAt(copy, ['root', ...path], one);
      return copy.root;
    });
}

function pathsOf(value: unknown): string[][] {
  if (typeof value !== 'object' || value === null) return [[]];
  return [[], ...Object.entries(value).flatMap(([key, one]) => pathsOf(one).map((path) => [key, ...path]))];
}

function replaceAt(root: object, path: readonly string[], value: unknown): void {
  let at: unknown = root;
  for (const key of path.slice(0, -1)) {
    if (typeof at !== 'object' || at === null) return;
    at = (at as Readonly<Record<string, unknown>>)[key];
  }
  if (typeof at === 'object' && at !== null) Reflect.set(at, path.at(-1) ?? '', value);
}

/** What a file of test/fuzz/corpus contains. */
export function corpusFile(name: string): string {
  return readFileSync(new URL(`../../../test/fuzz/corpus/${name}`, import.meta.url), 'utf8');
}
