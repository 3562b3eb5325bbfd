// Writes the tables of docs/metrics.md from what the program declares (after `npm run build`). With --check it only says, by
// its exit code, whether they are up to date.
import { readFileSync, writeFileSync } from 'node:fs';
import { URL } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { Registry } from 'prom-client';
import { declareFamilies, declareProcessFamilies } from '../dist/src/metrics/families.js';

const page = new URL('../docs/metrics.md', import.meta.url);
const COMMON = ['local_address', 'local_port', 'proto', 'remote_address', 'remote_port'];

/** The families that a function declares. */
function declared(declare) {
  const registry = new Registry();
  declare(registry);
  return registry.getMetricsAsArray();
}

function row({ name, help, type, labelNames }) {
  const own = labelNames.filter((label) => !COMMON.includes(label)).map((label) => `\`${label}\``);
  return `| \`${name}\` | ${type} | ${own.join(', ')} | ${help.replaceAll('|', '\\|')} |`;
}

function table(families) {
  return [
    '| metric | type | own labels | what it says, and what to do |',
    '| --- | --- | --- | --- |',
    ...families.map(row),
  ].join('\n');
}

const kernel = ({ name }) => name.startsWith('lvscare_ipvs_');
const families = declared(declareFamilies);
const ofServer = ({ labelNames }) => labelNames.includes('remote_address');
const tables = {
  'real servers': families.filter((family) => !kernel(family) && ofServer(family)),
  'virtual server': families.filter((family) => !kernel(family) && !ofServer(family)),
  kernel: families.filter(kernel),
  program: declared(declareProcessFamilies),
};

const before = readFileSync(page, 'utf8');
let after = before;
for (const [name, declaredThere] of Object.entries(tables)) {
  const begin = `<!-- metrics: ${name} -->`;
  const pattern = new RegExp(`${begin}[\\s\\S]*?<!-- end -->`);
  if (!pattern.test(after))
    throw new Error(`docs/metrics.md has no place for ${name}: ${begin} ... <!-- end -->`);
  after = after.replace(pattern, () => `${begin}\n\n${table(declaredThere)}\n\n<!-- end -->`);
}
after = await format(after, { ...(await resolveConfig(page)), parser: 'markdown' });

if (!process.argv.includes('--check')) writeFileSync(page, after);
else if (after !== before) {
  console.error('docs/metrics.md is not what the program has; run node scripts/write-metrics-page.mjs');
  process.exitCode = 1;
}
