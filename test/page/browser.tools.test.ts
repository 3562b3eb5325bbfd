/** The status page as Chromium shows it, and as axe-core finds it accessible. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, before, describe, it } from 'node:test';
import { Chromium, type Page } from '../support/chromium.js';
import { failover, fleet, NOW_MS, reportOf, server, transition, trouble, virtualServer } from './made-up.js';
import { Served, type Shown } from './served.js';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

let browser: Chromium;

before(async () => {
  browser = await Chromium.start();
});
after(() => browser[Symbol.asyncDispose]());

/** What is not as everybody could use it, as `rule: element`. */
async function barriers(page: Page): Promise<string[]> {
  await page.evaluate(AXE);
  return page.evaluate<string[]>(
    `axe.run().then(({ violations }) => violations.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => id + ': ' + html.slice(0, 120) + failureSummary)))`,
  );
}

function well(): Shown {
  return { report: reportOf([virtualServer()]), looks: [] };
}

/** One more transition, by which the second server is dead. */
function fallen(): Shown {
  const b = '10.103.97.201:6443';
  return {
    report: reportOf([
      virtualServer({
        servers: [
          server('10.103.97.200:6443'),
          server(b, {
            state: 'dead',
            sinceMs: NOW_MS,
            evidence: { kind: 'refused', detail: 'ECONNREFUSED' },
          }),
          server('10.103.97.202:6443'),
        ],
        transitions: [transition(b, 0, ['up', 'dead'], ['refused', 'ECONNREFUSED'])],
      }),
    ]),
    looks: [],
  };
}

describe('the status page in a browser', { concurrency: 4 }, () => {
  const scenes: readonly (readonly [name: string, scene: Shown, options: Parameters<Chromium['open']>[1]])[] =
    [
      ['light', failover(), {}],
      ['dark, with every trouble', trouble(), { dark: true }],
      ['light, with every trouble', trouble(), {}],
      ['narrow', failover(), { width: 390 }],
      ['in between, dark', trouble(), { width: 900, dark: true }],
      ['with many virtual servers', fleet(12, 4), {}],
      ['with nothing yet', { report: reportOf([]), looks: [] }, {}],
    ];
  for (const [name, scene, options] of scenes) {
    it(`is accessible, and breaks none of its own rules: ${name}`, async () => {
      await using served = await Served.start(() => scene);
      await using page = await browser.open(served.url, options);
      assert.deepEqual(await barriers(page), []);
      assert.deepEqual(
        page.complaints.filter((text) => !text.includes('favicon.ico')),
        [],
      );
    });
  }

  it('needs no sideways scrolling, however narrow', async () => {
    for (const width of [320, 390, 720, 1000, 1240]) {
      await using served = await Served.start(() => trouble());
      await using page = await browser.open(served.url, { width });
      const needed = await page.evaluate<number>('document.documentElement.scrollWidth');
      assert.ok(needed <= width, `${needed} px at ${width} px`);
    }
  });

  it('is a plain table where JavaScript is off, and is loaded again', async () => {
    await using served = await Served.start(failover);
    await using page = await browser.open(served.url, { javaScript: false });
    const text = await page.text();
    assert.match(text, /Dead for 7 min 12 s/);
    assert.match(text, /loaded again every 15 s/);
    assert.equal(
      await page.evaluate(`document.querySelector('noscript meta[http-equiv=refresh]').content`),
      '15',
    );
    assert.deepEqual(
      await page.evaluate(
        `[...document.querySelectorAll('tbody tr')].map((row) => [...row.cells].slice(4, 7).map((cell) => cell.innerText.trim()[0]).join(' '))`,
      ),
      ['1 1 3', '– – –', '1 1 5', '0 2 5'],
    );
  });

  it('shows what happens without being loaded again, and keeps what an operator does with it', async () => {
    await using served = await Served.start(well);
    await using page = await browser.open(served.url);
    await page.evaluate(`{
      window.same = true;
      window.row = document.querySelectorAll('tbody tr')[0];
      document.querySelector('footer a').focus();
      window.getSelection().selectAllChildren(row.cells[0]);
    }`);
    served.show(fallen());
    await page.until(`document.querySelectorAll('tbody tr')[1].innerText.includes('Dead')`);
    assert.deepEqual(
      await page.evaluate(`[
        window.same,
        window.row === document.querySelectorAll('tbody tr')[0],
        document.activeElement.textContent,
        window.getSelection().toString(),
        document.title,
        document.getElementById('news').textContent,
      ]`),
      [
        true,
        true,
        'report.json',
        '10.103.97.200:6443',
        '2/3 up – node-1 – 10.103.97.2:6443',
        '10.103.97.201:6443 is dead (was up): refused, ECONNREFUSED',
      ],
    );
    assert.match(await page.evaluate(`document.querySelector('link[rel=icon]').href`), /c98a00/);
    assert.match(await page.text(), /\n12:30:20\n/);
    assert.deepEqual(
      page.complaints.filter((text) => !text.includes('favicon.ico')),
      [],
    );
  });

  it('leaves closed what an operator closed, until it gets worse', async () => {
    const { report, looks } = fleet(6, 2);
    await using served = await Served.start(() => ({ report, looks }));
    await using page = await browser.open(served.url);
    const opened = `[...document.querySelectorAll('details')].filter(({ open }) => open).map(({ dataset }) => dataset.key.slice(3))`;
    await page.evaluate(`{
      for (const details of document.querySelectorAll('details')) details.open = false;
      document.querySelectorAll('details')[3].open = true;
    }`);
    const byHand = await page.evaluate<string[]>(opened);
    assert.equal(byHand.length, 1);
    const asked = served.asked;
    await page.evaluate(`document.dispatchEvent(new Event('visibilitychange'))`);
    served.show({ report: { ...report, atMs: report.atMs + 1000 }, looks });
    await page.until(`document.querySelector('.asof').innerText.includes('12:30:21')`);
    assert.ok(served.asked > asked);
    assert.deepEqual(await page.evaluate(opened), byHand);
    const last = report.virtualServers.at(-1)?.virtualServer ?? '';
    served.show({
      report: {
        ...report,
        virtualServers: report.virtualServers.map((each) =>
          each.virtualServer === last ? { ...each, failOpen: true } : each,
        ),
      },
      looks,
    });
    await page.until(`document.querySelector('.vs.down') !== null`);
    assert.deepEqual((await page.evaluate<string[]>(opened)).toSorted(), [last, ...byHand].toSorted());
  });

  it('says since when the connection is lost, and goes on when it is back', async () => {
    await using served = await Served.start(well);
    await using page = await browser.open(served.url);
    await page.until(`document.querySelector('.live').textContent === ', live'`);
    await served.stop();
    await page.until(`!document.getElementById('lost').hidden`);
    assert.match(
      await page.text(),
      /Connection lost since \d\d:\d\d:\d\d: this page shows what was known then/,
    );
    assert.match(await page.text(), /as of 12:30:20 UTC\n/, 'it does not say that it is live');
    assert.deepEqual(await barriers(page), []);
    served.show(fallen());
    await served.restart();
    await page.until(`document.getElementById('lost').hidden`);
    assert.match(await page.text(), /Dead/);
  });

  it('takes no other page for its own', async () => {
    await using served = await Served.start(well);
    await using page = await browser.open(served.url);
    served.instead = { status: 200, body: '<h1>Log in</h1>' };
    await page.until(`!document.getElementById('lost').hidden`);
    assert.match(await page.text(), /10\.103\.97\.200/);
    served.instead = { status: 503, body: 'busy' };
    const { asked } = served;
    await page.evaluate(`new Promise((resolve) => {
      window.fetched = new PerformanceObserver(resolve);
      window.fetched.observe({ type: 'resource' });
    })`);
    assert.ok(served.asked > asked);
    assert.doesNotMatch(await page.text(), /busy/);
    served.instead = null;
    await page.until(`document.getElementById('lost').hidden`);
  });

  it('is loaded anew when another build of the program answers', async () => {
    await using served = await Served.start(well);
    await using page = await browser.open(served.url);
    await page.evaluate(`{ window.same = true; document.documentElement.dataset.build = 'an older one'; }`);
    const { asked } = served;
    const loaded = new Promise((resolve) => {
      browser.on(page.session, 'Page.loadEventFired', resolve);
    });
    await loaded;
    assert.ok(served.asked >= asked + 2);
    assert.equal(await page.evaluate('window.same'), undefined);
  });

  it('can be used by the keyboard alone', async () => {
    await using served = await Served.start(() => fleet(6, 2));
    await using page = await browser.open(served.url);
    const where = `(document.activeElement.textContent.trim().split('\\n')[0])`;
    await page.press('Tab');
    assert.equal(await page.evaluate(where), 'Skip to the virtual servers');
    assert.ok(
      await page.evaluate(`document.activeElement.getBoundingClientRect().left >= 0`),
      'it is to be seen',
    );
    await page.press('Enter');
    assert.equal(await page.evaluate('document.activeElement.id'), 'main');
    await page.press('Tab');
    assert.match(await page.evaluate(where), /10\.103\.97\.\d+:6443$/);
    assert.notEqual(await page.evaluate(`getComputedStyle(document.activeElement).outlineStyle`), 'none');
    const open = `document.activeElement.parentElement.open`;
    const before = await page.evaluate<boolean>(open);
    await page.press('Enter');
    assert.equal(await page.evaluate(open), !before);
    // To the end and out again: nothing holds on to the focus.
    const visited: string[] = [];
    for (let time = 0; time < 12; time += 1) {
      await page.press('Tab');
      visited.push(await page.evaluate(where));
    }
    assert.ok(visited.includes('metrics'));
  });

  it('runs nothing that came from the network', async () => {
    const hostile = `<img src=x onerror="window.hurt=1"><script>window.hurt=1</script>`;
    const scene = {
      report: reportOf([
        virtualServer({
          servers: [server('10.0.0.1:6443', { state: 'sick', evidence: { kind: 'tls', detail: hostile } })],
          troubles: [{ what: hostile, message: hostile, sinceMs: NOW_MS }],
        }),
      ]),
      looks: [],
    };
    await using served = await Served.start(() => scene);
    await using page = await browser.open(served.url);
    const { asked } = served;
    await page.evaluate(`document.dispatchEvent(new Event('visibilitychange'))`);
    served.show({ ...scene, report: { ...scene.report, atMs: NOW_MS + 1000 } });
    await page.until(`document.querySelector('.asof').innerText.includes('12:30:21')`);
    assert.ok(served.asked > asked);
    assert.equal(await page.evaluate('window.hurt'), undefined);
    assert.equal(await page.evaluate(`document.querySelectorAll('#page img, #page script').length`), 0);
    assert.ok((await page.text()).includes(hostile));
  });
});
