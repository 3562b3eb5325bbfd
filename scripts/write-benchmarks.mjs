// Writes docs/benchmark-results.md and the headline of docs/benchmarks.md from what `npm run bench` has measured:
//   node scripts/write-benchmarks.mjs .cache/bench.json [ANOTHER-RUN.json...]
import { readFileSync, writeFileSync } from 'node:fs';
import { URL } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { PEERS } from '../dist/bench/peers/index.js';
import { combine } from '../dist/bench/report/combine.js';
import { headline } from '../dist/bench/report/headline.js';
import { resultsPage } from '../dist/bench/report/markdown.js';

const page = new URL('../docs/benchmarks.md', import.meta.url);
const results = new URL('../docs/benchmark-results.md', import.meta.url);
const PLACE = /(<!-- headline -->)[^]*?(<!-- end -->)/;

const files = process.argv.slice(2);
if (files.length === 0) throw new Error('which runs? node scripts/write-benchmarks.mjs FILE...');
const runs = files.map((file) => JSON.parse(readFileSync(file, 'utf8')));
const peers = PEERS.map(({ name }) => name);

const write = async (file, text) =>
  writeFileSync(file, await format(text, { ...(await resolveConfig(file)), parser: 'markdown' }));

const before = readFileSync(page, 'utf8');
if (!PLACE.test(before))
  throw new Error('docs/benchmarks.md has no place for it: <!-- headline --> ... <!-- end -->');
await write(
  page,
  before.replace(PLACE, (_, begin, end) => `${begin}\n\n${headline(combine(runs, peers))}\n\n${end}`),
);
await write(results, resultsPage(runs, peers));
