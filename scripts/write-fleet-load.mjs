// Simulates the probes of 5,000 nodes (test/fleet/simulation.ts) and writes docs/fleet-load.md and docs/fleet-load.svg. Takes some minutes.
//
//   npm run build && node scripts/write-fleet-load.mjs && npx prettier --write docs/fleet-load.md
import { writeFileSync } from 'node:fs';
import { simulate } from '../dist/test/fleet/simulation.js';

const NODES = 5000;
/** What a kube-apiserver 1.34 needs of a CPU, measured, in milliseconds: a GET /healthz over a kept connection, and a new TLS connection. */
const REQUEST_MS = 0.32;
const HANDSHAKE_MS = 1.3;
/** A check with a new TLS connection each 2 s. */
const NAIVE_CORES = (NODES / 2) * ((REQUEST_MS + HANDSHAKE_MS) / 1000);

const from = 150;
const to = 210;
const seconds = 300;
const SCENARIOS = [
  { title: 'at rest', window: [120, seconds], changes: [] },
  { title: 'all nodes start within a minute', window: [0, 120], changes: [] },
  {
    title: 'it is killed, and back after a minute',
    window: [140, seconds],
    changes: [
      { atS: from, state: 'dead' },
      { atS: to, state: 'well' },
    ],
  },
  {
    title: 'it hangs for a minute',
    window: [140, seconds],
    changes: [
      { atS: from, state: 'hung' },
      { atS: to, state: 'well' },
    ],
  },
  {
    title: 'half of the nodes do not reach it for a minute',
    window: [140, seconds],
    changes: [
      { atS: from, state: 'cut off', part: 0.5 },
      { atS: to, state: 'well' },
    ],
  },
];

const rows = [];
const panels = [];
for (const { title, window, changes } of SCENARIOS) {
  process.stderr.write(`${title}\n`);
  const loads = await simulate({ nodes: NODES, seconds, startS: 60, changes });
  const [its, others] = loads.map((load) => cut(load, window));
  panels.push({ title, cores: its.cores, others: others.cores });
  rows.push([title, ...columns(its), changes.length === 0 ? '' : Math.max(...others.cores).toFixed(2)]);
}
writeFileSync('docs/fleet-load.svg', plot(panels));
writeFileSync('docs/fleet-load.md', page(rows));

function cut({ handshakes, requests }, [begin, end]) {
  const cores = requests.map(
    (count, second) => (count * REQUEST_MS + handshakes[second] * HANDSHAKE_MS) / 1000,
  );
  return {
    handshakes: handshakes.slice(begin, end),
    requests: requests.slice(begin, end),
    cores: cores.slice(begin, end),
  };
}

function columns({ handshakes, requests, cores }) {
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const both = (values, digits) => `${mean(values).toFixed(digits)}, ${Math.max(...values).toFixed(digits)}`;
  return [both(handshakes, 0), both(requests, 0), both(cores, 2)];
}

function page(cells) {
  const table = [
    ['what happens', 'new TLS connections', 'requests', 'CPUs', 'CPUs of another one, at most'],
    ['---', '---:', '---:', '---:', '---:'],
    ...cells,
    [
      'a check with a new TLS connection each 2 s',
      `${NODES / 2}, ${NODES / 2}`,
      `${NODES / 2}, ${NODES / 2}`,
      `${NAIVE_CORES.toFixed(2)}, ${NAIVE_CORES.toFixed(2)}`,
      '',
    ],
  ];
  return `# What a large fleet asks of an apiserver

The probes of ${NODES.toLocaleString('en')} nodes with three apiservers and default options, simulated: the schedule is lvscare's own
(\`test/fleet/simulation.ts\`), the nodes and apiservers are a model. \`scripts/write-fleet-load.mjs\` writes this page. For
each second of one apiserver: the mean, and the most in any second.

${table.map((row) => `| ${row.join(' | ')} |`).join('\n')}

![CPU time of the apiserver for probes, second by second](fleet-load.svg)

The costs were measured on a kube-apiserver 1.34: ${REQUEST_MS} ms of CPU time for \`GET /healthz\` over a kept connection, ${HANDSHAKE_MS} ms
for a new TLS connection. A node probes each apiserver over a kept connection every 5 s, and over a new one each minute.

- No second is above twice the mean at rest or while all nodes start.
- When an apiserver is killed, every node notices that its connection is lost, and connects once: the kernel refuses it,
  which costs the apiserver nothing.
- When an apiserver is killed or falls silent, every node asks the other apiservers once, as witnesses: for some seconds
  they are above twice the mean, as the last column shows.
- When an apiserver that hung goes on, it answers all probes that wait for it in one second. One that was restarted is asked
  twice by every node within some seconds, and each node makes a new connection to it.
- The clients' own sockets, by which lvscare notices that an apiserver hangs, cost the apiservers nothing. While clients
  wait for one, each virtual server asks it at most once a second more, which the model leaves out.
`;
}

function plot(all) {
  const [width, height, left, top, gap] = [760, 90, 60, 26, 44];
  const highest = Math.max(NAIVE_CORES, ...all.flatMap(({ cores }) => cores)) * 1.05;
  const y = (cores, base) => (base + height - (cores / highest) * height).toFixed(1);
  const body = all.map(({ title, cores, others }, index) => {
    const base = top + index * (height + gap);
    const line = (values) =>
      values
        .map(
          (value, second) =>
            `${(left + (second / (values.length - 1)) * width).toFixed(1)},${y(value, base)}`,
        )
        .join(' ');
    return `<text x="${left}" y="${base - 8}" class="title">${title}</text>
<line x1="${left}" x2="${left + width}" y1="${base + height}" y2="${base + height}" class="axis"/>
<line x1="${left}" x2="${left + width}" y1="${y(NAIVE_CORES, base)}" y2="${y(NAIVE_CORES, base)}" class="naive"/>
<text x="${left - 6}" y="${y(NAIVE_CORES, base)}" class="label">${NAIVE_CORES.toFixed(1)}</text>
<text x="${left - 6}" y="${base + height}" class="label">0</text>
<text x="${left + width}" y="${base + height + 14}" class="label">${cores.length} s</text>
<polyline points="${line(others)}" class="other"/>
<polyline points="${line(cores)}" class="it"/>`;
  });
  const total = top + all.length * (height + gap) + 20;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${left + width + 20} ${total}" font-family="sans-serif" font-size="11">
<title>CPUs that the probes of ${NODES} nodes take of one apiserver, second by second</title>
<style>.title{font-size:13px;font-weight:600}.label{text-anchor:end;fill:#666}.axis{stroke:#999}.naive{stroke:#c0392b;stroke-dasharray:4 3}.it{fill:none;stroke:#1f6feb;stroke-width:1.3}.other{fill:none;stroke:#9bb7d9}</style>
<rect width="100%" height="100%" fill="#fff"/>
${body.join('\n')}
<text x="${left}" y="${total - 8}" fill="#1f6feb">this apiserver</text><text x="${left + 110}" y="${total - 8}" fill="#6f93bd">another one</text><text x="${left + 210}" y="${total - 8}" fill="#c0392b">a check with a new TLS connection each 2 s</text>
</svg>
`;
}
