// What is made of nft's answers, as they were captured, by a stand-in for nft.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { endpoint } from '../../src/values/endpoint.js';
import { KernelError } from '../../src/values/errors.js';
import { masquerade, noMasquerade } from '../../src/host/masquerade.js';
import { masqueradeTable } from '../../src/host/masquerade-table.js';
import { NftMissing, type Nft, type NftResult } from '../../src/host/nft.js';
import { captured } from './nft-captured.js';

const VS = endpoint('ipv4', '10.103.97.2', 6443);
const TABLE = 'table ip lvscare-10.103.97.2-6443';
const LISTED = '-j -n list table ip lvscare-10.103.97.2-6443';
const DELETED = 'delete table ip lvscare-10.103.97.2-6443';
const MADE = masqueradeTable(VS).commands;

const said = (stdout: string): NftResult => ({ ok: true, stdout, stderr: '' });
const refused = (stderr: string): NftResult => ({ ok: false, stdout: '', stderr });

/** An nft that answers each command with the next of its answers, the last one again and again. */
function fakeNft(
  answers: Readonly<Record<string, readonly NftResult[]>>,
  generation: () => number | null = () => null,
): Nft & { readonly asked: string[] } {
  const asked: string[] = [];
  const nft = (...args: readonly string[]): Promise<NftResult> => {
    const command = args.join(' ');
    const times = asked.filter((other) => other === command).length;
    asked.push(command);
    const answer = answers[command]?.[times] ?? answers[command]?.at(-1);
    return answer === undefined
      ? Promise.reject(new Error(`nobody expected ${command}`))
      : Promise.resolve(answer);
  };
  return Object.assign(nft, { asked, generation });
}

const missing: Nft = Object.assign(() => Promise.reject(new NftMissing('there is no nft', null)), {
  generation: () => null,
});

const missed = (error: NftMissing): void => {
  throw error;
};

/** What is there, and how it differs. */
const states: readonly (readonly [state: string, drift: string | null])[] = [
  ['well', null],
  ['no chain', `${TABLE} has no chain postrouting`],
  ['another hook', `${TABLE}: its chain postrouting has hook input, not postrouting`],
  ['another priority', `${TABLE}: its chain postrouting has prio 99, not 100`],
  ['another type', `${TABLE}: its chain postrouting has type filter, not nat`],
  ['another policy', `${TABLE}: its chain postrouting has policy drop, not accept`],
  ['no rule', `${TABLE} has no masquerade rule`],
  ['another port', `${TABLE} has no masquerade rule`],
  ['another verdict', `${TABLE} has no masquerade rule`],
  ['masquerade with options', `${TABLE} has no masquerade rule`],
  ['a comment', `${TABLE}: its masquerade rule has comment mine, not none`],
  ['a rule more behind', `${TABLE} has a rule that is not ours`],
  ['a rule more in front', `${TABLE} has a rule that is not ours`],
  ['the rule twice', `${TABLE} has a rule that is not ours`],
  ['a chain more', `${TABLE} has a chain that is not ours`],
  ['a set more', `${TABLE} has a set that is not ours`],
  ['dormant', `${TABLE} cannot be read`],
];

describe('a masquerade table', () => {
  for (const [state, drift] of states) {
    it(`with ${state} is found ${drift === null ? 'right' : 'wrong'}`, async () => {
      const nft = fakeNft({ [LISTED]: [said(captured(state))] });
      assert.equal(await masquerade(nft, VS).verify(), drift);
      assert.deepEqual(nft.asked, [LISTED], 'one process, and no change');
    });
  }

  it('that shows its flags is wrong, as newer ones than nft 1.0.6 show them', async () => {
    const shown = captured('well').replace(
      /("name": "lvscare[^"]*", "handle": \d+)/,
      '$1, "flags": "dormant"',
    );
    const nft = fakeNft({ [LISTED]: [said(shown)] });
    assert.equal(await masquerade(nft, VS).verify(), `${TABLE}: its table has flags dormant, not none`);
  });

  it("is not there: others' may be, also one whose name begins like it", async () => {
    const nft = fakeNft({
      [LISTED]: [refused(captured('no table'))],
      'list tables': [said(`table ip6 lvscare-10.103.97.2-6443\n${TABLE}0\ntable ip nat\n`)],
    });
    assert.equal(await masquerade(nft, VS).verify(), `no ${TABLE}`);
    assert.equal(await masquerade(nft, VS).remove(), null);
  });

  it('that is there and cannot be listed is wrong', async () => {
    const nft = fakeNft({
      [LISTED]: [refused('Error: syntax error\n')],
      'list tables': [said(`${TABLE}\n`)],
    });
    assert.equal(await masquerade(nft, VS).verify(), `${TABLE} cannot be read: syntax error`);
  });

  it('is listed again only when the ruleset has changed since it was right', async () => {
    let generation: number | null = 7;
    const nft = fakeNft({ [LISTED]: [said(captured('well'))] }, () => generation);
    const resource = masquerade(nft, VS);
    const check = async (): Promise<string | null> => {
      nft.asked.length = 0;
      return await resource.verify();
    };
    // nftables may not be loaded before the first two, so its generation is not read.
    for (const asked of [[LISTED], [LISTED], [], []]) {
      assert.equal(await check(), null);
      assert.deepEqual(nft.asked, asked);
    }
    generation = null;
    assert.equal(await check(), null, 'it is not known');
    assert.deepEqual(nft.asked, [LISTED]);
  });

  it('is found changed when the ruleset has another generation', async () => {
    let generation = 7;
    const nft = fakeNft(
      { [LISTED]: [said(captured('well')), said(captured('well')), said(captured('no rule'))] },
      () => generation,
    );
    const resource = masquerade(nft, VS);
    for (let time = 0; time < 3; time += 1) assert.equal(await resource.verify(), null);
    generation = 8;
    assert.equal(await resource.verify(), `${TABLE} has no masquerade rule`);
    assert.equal(await resource.verify(), `${TABLE} has no masquerade rule`, 'as long as it is so');
  });

  it('is created in one run of nft, since a route waits for it', async () => {
    const nft = fakeNft({ [MADE]: [said('')], [LISTED]: [refused(captured('no table'))] });
    const resource = masquerade(nft, VS);
    assert.equal(await resource.verify(), `no ${TABLE}`);
    await resource.repair();
    assert.deepEqual(nft.asked, [LISTED, MADE]);
  });

  it('is replaced in one run of nft, and checked again', async () => {
    const nft = fakeNft({
      [MADE]: [said('')],
      [LISTED]: [said(captured('another port')), said(captured('well'))],
    });
    const resource = masquerade(nft, VS);
    await resource.verify();
    await resource.repair();
    assert.deepEqual(nft.asked, [LISTED, MADE, LISTED]);
  });

  it('that does not come out as it was made is an error, not done again and again in silence', async () => {
    const nft = fakeNft({ [MADE]: [said('')], [LISTED]: [said(captured('another port'))] });
    await assert.rejects(masquerade(nft, VS).repair(), {
      name: 'KernelError',
      message: `created ${TABLE}, but ${TABLE} has no masquerade rule`,
    });
  });

  it('is removed, and named', async () => {
    const nft = fakeNft({ 'list tables': [said(`${TABLE}\n`)], [DELETED]: [said('')] });
    assert.equal(await masquerade(nft, VS).remove(), TABLE);
  });

  it('that another program removes at the same time is no failure', async () => {
    const nft = fakeNft({
      'list tables': [said(`${TABLE}\n`), said('')],
      [DELETED]: [refused(captured('no table'))],
    });
    assert.equal(await masquerade(nft, VS).remove(), null);
  });

  it('that cannot be removed is an error', async () => {
    const nft = fakeNft({
      'list tables': [said(`${TABLE}\n`)],
      [DELETED]: [refused(captured('without privilege: list tables'))],
    });
    await assert.rejects(masquerade(nft, VS).remove(), {
      name: 'KernelError',
      message: `nft delete ${TABLE}: not permitted: run as root, or with the capability NET_ADMIN`,
    });
  });

  it('has a name for each virtual server', () => {
    const names = [
      VS,
      endpoint('ipv4', '10.103.97.2', 6444),
      endpoint('ipv6', 'fd00:10:103:97::2', 6443),
      endpoint('ipv6', '::ffff:10.103.97.2', 6443),
    ].map((virtualServer) => masqueradeTable(virtualServer).text);
    assert.deepEqual(names, [
      TABLE,
      'table ip lvscare-10.103.97.2-6444',
      'table ip6 lvscare-fd00_10_103_97__2-6443',
      'table ip6 lvscare-__ffff_10.103.97.2-6443',
    ]);
  });
});

describe('without an answer from nft', () => {
  it('nothing is known', async () => {
    const resource = masquerade(missing, VS);
    await assert.rejects(resource.verify(), NftMissing);
    await assert.rejects(resource.repair(), NftMissing);
    await assert.rejects(resource.remove(), NftMissing);
  });

  it('for want of privilege it says what it takes', async () => {
    const answer = refused(captured('without privilege: list tables'));
    const resource = masquerade(
      fakeNft({ [LISTED]: [answer], 'list tables': [answer], [MADE]: [answer] }),
      VS,
    );
    const message = /: not permitted: run as root, or with the capability NET_ADMIN$/;
    for (const asked of [() => resource.verify(), () => resource.remove(), () => resource.repair()])
      await assert.rejects(asked, { name: 'KernelError', message });
  });

  for (const lack of ['nfnetlink', 'nf_tables']) {
    it(`because the kernel has no ${lack}, there is no table, and none can be made`, async () => {
      const answer = refused(captured(`without ${lack}: list tables`));
      const nft = fakeNft({ [LISTED]: [answer], 'list tables': [answer], [MADE]: [answer] });
      assert.equal(await masquerade(nft, VS).verify(), `no ${TABLE}`);
      assert.equal(await masquerade(nft, VS).remove(), null);
      await assert.rejects(masquerade(nft, VS).repair(), {
        name: 'KernelError',
        message: 'the kernel has no nftables: load it with modprobe nf_tables',
      });
    });
  }

  it('because the kernel has no NAT, it says which modules make it', async () => {
    const nft = fakeNft({ [MADE]: [refused(captured('without nft_chain_nat: make'))] });
    await assert.rejects(masquerade(nft, VS).repair(), (error: unknown) => {
      assert.ok(error instanceof KernelError);
      assert.match(
        error.message,
        /^the kernel has no nftables NAT \(.*No such file or directory.*\): load it with modprobe -a nft_chain_nat nft_ct nft_masq$/,
      );
      return true;
    });
  });
});

describe('without --masquerade', () => {
  it('checks once, and is done', async () => {
    const nft = fakeNft({ 'list tables': [said('table ip nat\n')] });
    const resource = noMasquerade(nft, VS, missed);
    assert.equal(await resource.verify(), null);
    assert.equal(await resource.verify(), null);
    assert.deepEqual(nft.asked, ['list tables']);
  });

  it('takes a table away that is left', async () => {
    const nft = fakeNft({
      'list tables': [said(`${TABLE}\n`), said(`${TABLE}\n`), said('')],
      [DELETED]: [said('')],
    });
    const resource = noMasquerade(nft, VS, missed);
    assert.equal(await resource.verify(), `${TABLE}, because --masquerade is off`);
    await resource.repair();
    assert.equal(await resource.verify(), null);
    assert.ok(nft.asked.includes(DELETED));
  });

  it('needs no nft, and reports that it did not check', async () => {
    const told: string[] = [];
    const resource = noMasquerade(missing, VS, ({ message }) => told.push(message));
    assert.equal(await resource.verify(), null);
    assert.equal(await resource.verify(), null);
    assert.equal(await resource.remove(), null);
    assert.deepEqual(told, ['there is no nft', 'there is no nft']);
  });

  it('checks again when it could not', async () => {
    const nft = fakeNft({
      'list tables': [refused(captured('without privilege: list tables')), said(`${TABLE}\n`)],
    });
    const resource = noMasquerade(nft, VS, missed);
    await assert.rejects(resource.verify(), /not permitted/);
    assert.equal(await resource.verify(), `${TABLE}, because --masquerade is off`);
  });
});
