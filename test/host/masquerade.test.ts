// What is made of nft's answers, as they were captured, by a stand-in for nft.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { endpoint } from '../../src/values/endpoint.js';
import { KernelError } from '../../src/values/errors.js';
import { masquerade, noMasquerade } from '../../src/host/masquerade.js';
import { masqueradeTable } from '../../src/host/masquerade-table.js';
import { NftMissing, type Nft, type NftResult } from '../../src/host/nft.js';
import { NftRuleset } from '../../src/host/nft-ruleset.js';
import { captured } from './nft-captured.js';

const VS = endpoint('ipv4', '10.103.97.2', 6443);
const TABLE = 'table ip lvscare-10.103.97.2-6443';
const LISTED = '-j -n list table ip lvscare-10.103.97.2-6443';
const DELETED = 'delete table ip lvscare-10.103.97.2-6443';
const MADE = masqueradeTable(VS).commands;

const THERE = { 'list tables': [{ ok: true, stdout: `${TABLE}\n`, stderr: '' }] };

const said = (stdout: string): NftResult => ({ ok: true, stdout, stderr: '' });
const refused = (stderr: string): NftResult => ({ ok: false, stdout: '', stderr });

/** A ruleset by an nft that answers each command with the next of its answers, the last one again and again. */
function fakeRuleset(
  answers: Readonly<Record<string, readonly NftResult[]>>,
): NftRuleset & { readonly asked: string[] } {
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
  return Object.assign(new NftRuleset(Object.assign(nft, NO_GENERATION)), { asked });
}

/** Nothing is remembered then: test/host/nft-ruleset.test.ts has what is. */
const NO_GENERATION: Pick<Nft, 'generation'> = { generation: () => null };

const missing = new NftRuleset(
  Object.assign(() => Promise.reject(new NftMissing('there is no nft', null)), NO_GENERATION),
);

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
      const ruleset = fakeRuleset({ ...THERE, [LISTED]: [said(captured(state))] });
      assert.equal(await masquerade(ruleset, VS).verify(), drift);
      assert.deepEqual(ruleset.asked, ['list tables', LISTED], 'no change');
    });
  }

  it('that shows its flags is wrong, as newer ones than nft 1.0.6 show them', async () => {
    const shown = captured('well').replace(
      /("name": "lvscare[^"]*", "handle": \d+)/,
      '$1, "flags": "dormant"',
    );
    const ruleset = fakeRuleset({ ...THERE, [LISTED]: [said(shown)] });
    assert.equal(await masquerade(ruleset, VS).verify(), `${TABLE}: its table has flags dormant, not none`);
  });

  it("is not there: others' may be, also one whose name begins like it", async () => {
    const ruleset = fakeRuleset({
      'list tables': [said(`table ip6 lvscare-10.103.97.2-6443\n${TABLE}0\ntable ip nat\n`)],
    });
    assert.equal(await masquerade(ruleset, VS).verify(), `no ${TABLE}`);
    assert.equal(await masquerade(ruleset, VS).remove(), null);
  });

  it('that is there and cannot be listed is wrong', async () => {
    const ruleset = fakeRuleset({ ...THERE, [LISTED]: [refused('Error: syntax error\n')] });
    assert.equal(await masquerade(ruleset, VS).verify(), `${TABLE} cannot be read: syntax error`);
  });

  it('that another program removes before it is listed is not there', async () => {
    const ruleset = fakeRuleset({ ...THERE, [LISTED]: [refused(captured('no table'))] });
    assert.equal(await masquerade(ruleset, VS).verify(), `no ${TABLE}`);
  });

  it('is created in one run of nft, since a route waits for it', async () => {
    const ruleset = fakeRuleset({ [MADE]: [said('')], 'list tables': [said('')] });
    const resource = masquerade(ruleset, VS);
    assert.equal(await resource.verify(), `no ${TABLE}`);
    await resource.repair();
    assert.deepEqual(ruleset.asked, ['list tables', MADE]);
  });

  it('is replaced in one run of nft, and checked again', async () => {
    const ruleset = fakeRuleset({
      ...THERE,
      [MADE]: [said('')],
      [LISTED]: [said(captured('another port')), said(captured('well'))],
    });
    const resource = masquerade(ruleset, VS);
    await resource.verify();
    await resource.repair();
    assert.deepEqual(ruleset.asked, ['list tables', LISTED, MADE, LISTED]);
  });

  it('that does not come out as it was made is an error, not done again and again in silence', async () => {
    const ruleset = fakeRuleset({ ...THERE, [MADE]: [said('')], [LISTED]: [said(captured('another port'))] });
    const resource = masquerade(ruleset, VS);
    await resource.verify();
    await assert.rejects(resource.repair(), {
      name: 'KernelError',
      message: `created ${TABLE}, but ${TABLE} has no masquerade rule`,
    });
  });

  it('is removed, and named', async () => {
    const ruleset = fakeRuleset({ ...THERE, [DELETED]: [said('')] });
    assert.equal(await masquerade(ruleset, VS).remove(), TABLE);
  });

  it('that another program removes at the same time is no failure', async () => {
    const ruleset = fakeRuleset({
      'list tables': [said(`${TABLE}\n`), said('')],
      [DELETED]: [refused(captured('no table'))],
    });
    assert.equal(await masquerade(ruleset, VS).remove(), null);
  });

  it('that cannot be removed is an error', async () => {
    const ruleset = fakeRuleset({
      'list tables': [said(`${TABLE}\n`)],
      [DELETED]: [refused(captured('without privilege: list tables'))],
    });
    await assert.rejects(masquerade(ruleset, VS).remove(), {
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
      fakeRuleset({ [LISTED]: [answer], 'list tables': [answer], [MADE]: [answer] }),
      VS,
    );
    const message = /: not permitted: run as root, or with the capability NET_ADMIN$/;
    for (const asked of [() => resource.verify(), () => resource.remove(), () => resource.repair()])
      await assert.rejects(asked, { name: 'KernelError', message });
  });

  for (const lack of ['nfnetlink', 'nf_tables']) {
    it(`because the kernel has no ${lack}, there is no table, and none can be made`, async () => {
      const answer = refused(captured(`without ${lack}: list tables`));
      const ruleset = fakeRuleset({ [LISTED]: [answer], 'list tables': [answer], [MADE]: [answer] });
      assert.equal(await masquerade(ruleset, VS).verify(), `no ${TABLE}`);
      assert.equal(await masquerade(ruleset, VS).remove(), null);
      await assert.rejects(masquerade(ruleset, VS).repair(), {
        name: 'KernelError',
        message: 'the kernel has no nftables: load it with modprobe nf_tables',
      });
    });
  }

  it('because the kernel has no NAT, it says which modules make it', async () => {
    const ruleset = fakeRuleset({ [MADE]: [refused(captured('without nft_chain_nat: make'))] });
    await assert.rejects(masquerade(ruleset, VS).repair(), (error: unknown) => {
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
    const ruleset = fakeRuleset({ 'list tables': [said('table ip nat\n')] });
    const resource = noMasquerade(ruleset, VS, missed);
    assert.equal(await resource.verify(), null);
    assert.equal(await resource.verify(), null);
    assert.deepEqual(ruleset.asked, ['list tables']);
  });

  it('takes a table away that is left', async () => {
    const ruleset = fakeRuleset({
      'list tables': [said(`${TABLE}\n`), said(`${TABLE}\n`), said('')],
      [DELETED]: [said('')],
    });
    const resource = noMasquerade(ruleset, VS, missed);
    assert.equal(await resource.verify(), `${TABLE}, because --masquerade is off`);
    await resource.repair();
    assert.equal(await resource.verify(), null);
    assert.ok(ruleset.asked.includes(DELETED));
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
    const ruleset = fakeRuleset({
      'list tables': [refused(captured('without privilege: list tables')), said(`${TABLE}\n`)],
    });
    const resource = noMasquerade(ruleset, VS, missed);
    await assert.rejects(resource.verify(), /not permitted/);
    assert.equal(await resource.verify(), `${TABLE}, because --masquerade is off`);
  });
});
