// Writes the table of docs/kubernetes.md from what the last `npm run test:kubernetes` left in .cache/log/kubernetes.jsonl.
import { readFileSync, writeFileSync } from 'node:fs';
import { URL } from 'node:url';
import { format, resolveConfig } from 'prettier';

const page = new URL('../docs/kubernetes.md', import.meta.url);
const results = new URL('../.cache/log/kubernetes.jsonl', import.meta.url);
const PLACE = /(<!-- table: kubernetes -->)[^]*?(<!-- end -->)/;

const rows = readFileSync(results, 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line))
  .sort((one, other) => rank(one) - rank(other) || one.title.localeCompare(other.title));
const table = [
  `On Kubernetes ${rows[0].version}:`,
  '',
  '| what happens | requests | failed | slow | out after | back after |',
  '| --- | ---: | ---: | ---: | ---: | ---: |',
  ...rows.map(
    ({ title, requests, failed, failures, slow, outMs, backMs }) =>
      `| ${title} | ${requests} | ${failed}${reasons(failures)} | ${slow} | ${seconds(outMs)} | ${seconds(backMs)} |`,
  ),
].join('\n');

const before = readFileSync(page, 'utf8');
if (!PLACE.test(before))
  throw new Error('docs/kubernetes.md has no place for it: <!-- table: kubernetes --> ... <!-- end -->');
const text = before.replace(PLACE, (_, begin, end) => `${begin}\n\n${table}\n\n${end}`);
writeFileSync(page, await format(text, { ...(await resolveConfig(page)), parser: 'markdown' }));

/** What is about kube-proxy comes last. */
function rank({ title }) {
  return title.startsWith('kube-proxy') ? 1 : 0;
}

function reasons(failures) {
  const parts = Object.entries(failures).map(([code, count]) => `${code} ${count}`);
  return parts.length === 0 ? '' : ` (${parts.join(', ')})`;
}

function seconds(ms) {
  return ms === null ? '' : `${(ms / 1000).toFixed(1)} s`;
}
