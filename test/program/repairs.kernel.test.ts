// How soon what rtnetlink tells of is put right: as the kernel tells it to `ip monitor`.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { Lab, until, type LabProcess } from '../../lab/index.js';
import { lvscare, takeCare, VS } from './lvscare.js';

const LINK = ['--mode', 'link', '--masquerade=false'];

/** More than a command takes in a guest that is not busy. */
const IDLE_COMMAND_MS = 100;

describe('a repair', () => {
  let lab: Lab;
  let daemon: LabProcess | null = null;
  before(async () => {
    lab = await Lab.create({ masters: 1 });
  });
  after(() => lab.close());
  afterEach(async () => {
    await daemon?.stop();
    daemon = null;
    await lvscare(lab.node, ['care', '--vs', VS, '-C']);
  });

  const SHOW = { route: '-4 route show table all', address: '-4 -o address show' } as const;
  const HELD = /inet 10\.103\.97\.2\/32/;
  for (const [options, meddle, object, lost] of [
    [
      ['--mode', 'local'],
      'route del local 10.103.97.2 dev lo table local',
      'route',
      /local 10\.103\.97\.2 dev lo/,
    ],
    [['--mode', 'route'], 'route del 10.103.97.2/32 metric 50', 'route', /10\.103\.97\.2 via .* metric 50/],
    [LINK, 'address del 10.103.97.2/32 dev lvscare', 'address', HELD],
    [LINK, 'link del lvscare', 'address', HELD],
  ] as const) {
    it(`what rtnetlink tells of is put right in less than 100 ms: ip ${meddle}`, async (context) => {
      daemon = await takeCare(lab, [...options, '--interval', '10m']);
      const monitor = lab.node.spawn('ip', ['-ts', '-4', 'monitor', object]);
      try {
        // It tells of this as soon as it listens.
        await until(async () => {
          await lab.node.ip('address add 192.0.2.9/32 dev lo');
          await lab.node.ip('address del 192.0.2.9/32 dev lo');
          return monitor.lines.length > 0;
        });
        const takenMs: number[] = [];
        const commandsMs: number[] = [];
        for (let time = 0; time < 7; time += 1) {
          await until(async () => lost.test(await lab.node.ip(SHOW[object])), { timeoutMs: 20_000 });
          const from = monitor.lines.length;
          const startMs = performance.now();
          await lab.node.ip(meddle);
          commandsMs.push(performance.now() - startMs);
          const there = new RegExp(`^\\[(\\S+)\\](?!.*Deleted).*${lost.source}`);
          const gone = new RegExp(`^\\[(\\S+)\\].*Deleted.*${lost.source}`);
          await monitor.waitForLine(gone, { from });
          await monitor.waitForLine(there, { from });
          const at = (what: RegExp): number => {
            const line = monitor.lines.slice(from).find(({ text }) => what.test(text));
            return Date.parse(what.exec(line?.text ?? '')?.[1] ?? '');
          };
          takenMs.push(at(there) - at(gone));
        }
        // Where a command takes long, so does everything.
        const [taken, command] = [median(takenMs), median(commandsMs)];
        context.diagnostic(`put right in ${taken} ms, where ip takes ${Math.round(command)} ms`);
        assert.ok(taken < 100 * Math.max(1, command / IDLE_COMMAND_MS), `${taken} ms, ${command} ms`);
      } finally {
        await monitor.stop();
      }
    });
  }
});

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? NaN;
}
