// Repairs that notifications of rtnetlink start. How long they take is shown by `npm run bench`.
import { after, afterEach, before, describe, it } from 'node:test';
import { Lab, until, type LabProcess } from '../../lab/index.js';
import { lvscare, takeCare, VS } from './lvscare.js';

const LINK = ['--mode', 'link', '--masquerade=false'];

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
  const ADDRESS = /inet 10\.103\.97\.2\/32/;
  for (const [options, meddle, object, held] of [
    [
      ['--mode', 'local'],
      'route del local 10.103.97.2 dev lo table local',
      'route',
      /local 10\.103\.97\.2 dev lo/,
    ],
    [['--mode', 'route'], 'route del 10.103.97.2/32 metric 50', 'route', /10\.103\.97\.2 via .* metric 50/],
    [LINK, 'address del 10.103.97.2/32 dev lvscare', 'address', ADDRESS],
    [LINK, 'link del lvscare', 'address', ADDRESS],
  ] as const) {
    it(`of what rtnetlink reports does not wait for the interval: ip ${meddle}`, async () => {
      daemon = await takeCare(lab, [...options, '--interval', '10m']);
      const there = async (): Promise<boolean> => held.test(await lab.node.ip(SHOW[object]));
      for (let time = 0; time < 3; time += 1) {
        await until(there, { what: `${object} is there` });
        // When ip ends, the kernel has deleted it.
        await lab.node.ip(meddle);
      }
      await until(there, { what: `${object} is there again` });
    });
  }
});
