import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  age,
  bestFirst,
  initialMembership,
  MOST_MEMBERS,
  withList,
  withSeeds,
  worthSaving,
  type Membership,
  type MembershipScope,
} from '../../src/decisions/membership.js';
import type { HealthState } from '../../src/decisions/health.js';
import { endpoint, type Endpoint } from '../../src/values/endpoint.js';
import { cell, decisionTable, titleOf } from './decision-tables.js';
import { server } from './notation.js';

const VS = endpoint('ipv4', '10.103.97.2', 6443);
const SCOPE: MembershipScope = { family: 'ipv4', isVirtualServer: ({ text }) => text === VS.text };
const POLICY = { forgetAfterMs: 24 * 3600_000, keepSeeds: true };
const MINUTE = 60_000;

/** What no list may add. */
const ODD: Readonly<Record<string, Endpoint>> = {
  vs: VS,
  lo: endpoint('ipv4', '127.0.0.1', 6443),
  any: endpoint('ipv4', '0.0.0.0', 6443),
  link: endpoint('ipv4', '169.254.1.1', 6443),
  many: endpoint('ipv4', '224.0.0.1', 6443),
  v6: endpoint('ipv6', 'fd00::1', 6443),
  port: endpoint('ipv4', '10.0.0.65', 9345),
};

const words = (text: string): string[] => text.split(' ').filter((word) => word !== '');
const servers = (text: string): Endpoint[] => words(text).map((word) => ODD[word] ?? server(word));

function letters({ members }: Membership): string {
  return members
    .map(({ server: { address }, missingSinceMs }) => {
      const letter = String.fromCharCode(Number(address.split('.')[3]));
      return missingSinceMs === null ? letter : `${letter}?`;
    })
    .join(' ');
}

const upAre =
  (up: readonly Endpoint[]) =>
  ({ text }: Endpoint): HealthState =>
    up.some((one) => one.text === text) ? 'up' : 'dead';

function duration(text: string): number {
  const [, number, unit] = /^(\d+)([mh])$/.exec(text) ?? [];
  assert.ok(number !== undefined, text);
  return Number(number) * (unit === 'h' ? 60 : 1) * MINUTE;
}

describe('the table of the membership', () => {
  for (const row of decisionTable('membership'))
    it(titleOf(row), () => {
      const seeds = servers(cell(row, '--rs'));
      const also = words(cell(row, 'also'));
      const saved = also.filter((one) => one.endsWith('*')).map((one) => server(one.charAt(0)));
      const discovered = also.filter((one) => !one.endsWith('*')).map(server);
      const stateOf = upAre(servers(cell(row, 'up')));
      const policy = { ...POLICY, keepSeeds: cell(row, 'keep') === 'yes' };
      const lists = cell(row, 'lists')
        .split(';')
        .filter((text) => text.trim() !== '')
        .map((text) => {
          const [from = '', list = ''] = text.split(':');
          return { from: server(from.trim()), servers: servers(list) };
        });
      const [first] = seeds;
      assert.ok(first);
      let membership = initialMembership(seeds, saved, SCOPE);
      if (discovered.length > 0)
        ({ membership } = withList(
          membership,
          { servers: [...seeds, ...discovered], from: first },
          stateOf,
          -60 * MINUTE,
          SCOPE,
        ));
      for (let nowMs = 0; nowMs <= duration(cell(row, 'for')); nowMs += MINUTE) {
        if (nowMs % (5 * MINUTE) === 0)
          for (const list of lists) {
            ({ membership } = withList(membership, list, stateOf, nowMs, SCOPE));
            ({ membership } = age(membership, stateOf, nowMs, policy));
          }
        ({ membership } = age(membership, stateOf, nowMs, policy));
      }
      assert.equal(letters(membership), cell(row, 'after'));
    });
});

describe('the membership', () => {
  const [A, B, C, D] = ['A', 'B', 'C', 'D'].map(server) as [Endpoint, Endpoint, Endpoint, Endpoint];
  const allUp = (): HealthState => 'up';

  it('says of each server what it ignored it for, and of a list why it changes nothing', () => {
    const before = initialMembership([A], [], SCOPE);
    const list = { servers: servers('vs lo any link many v6 port'), from: A };
    const { membership, ignored } = withList(before, list, allUp, 0, SCOPE);
    assert.equal(membership, before);
    assert.deepEqual(ignored, [
      '10.103.97.2:6443: it is a virtual server',
      '127.0.0.1:6443: it is a loopback address',
      '0.0.0.0:6443: it is an unspecified address',
      '169.254.1.1:6443: it is a link-local address',
      '224.0.0.1:6443: it is a multicast or reserved address',
      '[fd00::1]:6443: it is IPv6, unlike the virtual server',
      '10.0.0.65:9345: no server of --rs has port 9345',
      'the list has no server that can be used',
    ]);
    assert.deepEqual(withList(before, { servers: [], from: A }, allUp, 0, SCOPE).ignored, [
      'the list is empty',
    ]);
  });

  it('ignores IPv6 addresses of no single host, too', () => {
    const seed = endpoint('ipv6', 'fd00::1', 6443);
    const odd = ['::', '::1', 'fe80::1', 'ff02::1', '::ffff:10.0.0.1'].map((one) =>
      endpoint('ipv6', one, 6443),
    );
    const { membership } = withList(
      initialMembership([seed], [], SCOPE),
      { servers: [seed, ...odd], from: seed },
      allUp,
      0,
      { ...SCOPE, family: 'ipv6' },
    );
    assert.deepEqual(
      membership.members.map((member) => member.server.text),
      ['[fd00::1]:6443'],
    );
  });

  it('has 64 members at most, however long the list is', () => {
    const many = Array.from({ length: 200 }, (_, host) =>
      endpoint('ipv4', `10.1.0.${String(host + 1)}`, 6443),
    );
    const { membership, ignored } = withList(
      initialMembership([A], [], SCOPE),
      { servers: many, from: A },
      allUp,
      0,
      SCOPE,
    );
    assert.equal(membership.members.length, MOST_MEMBERS);
    assert.equal(ignored.length, 200 - MOST_MEMBERS + 1);
    assert.equal(initialMembership([A], many, SCOPE).members.length, MOST_MEMBERS);
  });

  it('keeps what the cluster lists when --rs has it no more, and nothing else of --rs', () => {
    const { membership } = withList(
      initialMembership([A, B], [], SCOPE),
      { servers: [A, C], from: A },
      allUp,
      0,
      SCOPE,
    );
    const other = withSeeds(membership, [A, B], [D]);
    assert.deepEqual(
      other.members.map((member) => `${member.server.address} ${member.source}`),
      ['10.0.0.68 seed', '10.0.0.65 discovered', '10.0.0.67 discovered'],
    );
  });

  it('gives a new server the place of one that is missing and not up, when all 64 are taken', () => {
    const madeUp = Array.from({ length: MOST_MEMBERS - 3 }, (_, host) =>
      endpoint('ipv4', `10.1.0.${String(host + 1)}`, 6443),
    );
    const real = (state: Endpoint): HealthState => (madeUp.includes(state) ? 'dead' : 'up');
    let { membership } = withList(
      initialMembership([A], [], SCOPE),
      { servers: [A, B, C, ...madeUp], from: C },
      real,
      0,
      SCOPE,
    );
    assert.equal(membership.members.length, MOST_MEMBERS);
    const withNew = (nowMs: number): readonly string[] => {
      const listed = withList(membership, { servers: [A, B, C, D], from: A }, real, nowMs, SCOPE);
      ({ membership } = age(listed.membership, real, nowMs, POLICY));
      return listed.ignored;
    };
    assert.deepEqual(withNew(MINUTE), ['10.0.0.68:6443: there are 64 real servers already']);
    ({ membership } = withList(membership, { servers: [A, B, C, D], from: B }, real, MINUTE, SCOPE));
    // The list of C that has them does not count any more.
    withNew(21 * MINUTE);
    ({ membership } = withList(membership, { servers: [A, B, C, D], from: B }, real, 21 * MINUTE, SCOPE));
    withNew(22 * MINUTE);
    assert.deepEqual(withNew(23 * MINUTE), []);
    assert.equal(membership.members.length, MOST_MEMBERS);
    assert.ok(membership.members.some(({ server }) => server.text === D.text));
  });

  it('does not have a forgotten seed again because the seeds are given again, but a new one', () => {
    const policy = { ...POLICY, keepSeeds: false };
    let membership = initialMembership([A, B, C], [], SCOPE);
    const stateOf = upAre([A, B]);
    for (let nowMs = 0; nowMs <= 25 * 60 * MINUTE; nowMs += 5 * MINUTE) {
      for (const from of [A, B])
        ({ membership } = withList(membership, { servers: [A, B], from }, stateOf, nowMs, SCOPE));
      ({ membership } = age(membership, stateOf, nowMs, policy));
    }
    const texts = ({ members }: Membership): readonly string[] => members.map(({ server }) => server.text);
    assert.deepEqual(texts(membership), [A.text, B.text]);
    const again = withSeeds(membership, [A, B, C], [A, B, C, D]);
    assert.deepEqual(texts(again), [A.text, B.text, D.text]);
    assert.deepEqual(texts(withSeeds(again, [A, B, D], [A, B, C, D])), [A.text, B.text, C.text, D.text]);
  });

  it('takes no saved server that a list could not add', () => {
    const saved = [VS, endpoint('ipv4', '127.0.0.1', 6443), endpoint('ipv6', '2001:db8::1', 6443), B];
    const { members } = initialMembership([A], saved, SCOPE);
    assert.deepEqual(
      members.map(({ server }) => server.text),
      [A.text, B.text],
    );
  });

  it('goes on to follow the lists when every seed was forgotten', () => {
    const policy = { ...POLICY, keepSeeds: false };
    let membership = initialMembership([A], [], SCOPE);
    const read = (from: Endpoint, list: readonly Endpoint[], nowMs: number): readonly string[] => {
      const listed = withList(membership, { servers: list, from }, allUp, nowMs, SCOPE);
      ({ membership } = age(listed.membership, allUp, nowMs, policy));
      return listed.ignored;
    };
    for (let minutes = 0; minutes <= 15; minutes += 1)
      for (const from of [A, B, C]) read(from, [B, C], minutes * MINUTE);
    assert.equal(letters(membership), 'B C');
    assert.deepEqual(read(B, [B, C, D], 16 * MINUTE), []);
    assert.equal(letters(membership), 'B C D');
  });

  it('begins anew to count when the lists show no more that a server is missing', () => {
    const stateOf = upAre([A, B]);
    const reading = (from: Endpoint, list: readonly Endpoint[]) => ({ servers: list, from });
    let { membership } = withList(
      initialMembership([A], [], SCOPE),
      reading(A, [A, B, C]),
      stateOf,
      0,
      SCOPE,
    );
    const hour = 60 * MINUTE;
    for (let nowMs = hour; nowMs < 26 * hour; nowMs += 5 * MINUTE) {
      // For half an hour in the middle no list can be read.
      const isOut = nowMs >= 12 * hour && nowMs < 12.5 * hour;
      for (const from of isOut ? [] : [A, B])
        ({ membership } = withList(membership, reading(from, [A, B]), stateOf, nowMs, SCOPE));
      ({ membership } = age(membership, stateOf, nowMs, POLICY));
    }
    assert.equal(letters(membership), 'A B C?');
  });

  it('forgets nothing after a stop of the process, however long that was', () => {
    const stateOf = upAre([A, B]);
    let { membership } = withList(
      initialMembership([A], [], SCOPE),
      { servers: [A, B, C], from: A },
      stateOf,
      -60 * MINUTE,
      SCOPE,
    );
    for (const from of [A, B])
      ({ membership } = withList(membership, { servers: [A, B], from }, stateOf, 0, SCOPE));
    ({ membership } = age(membership, stateOf, 0, POLICY));
    assert.equal(letters(membership), 'A B C?');
    ({ membership } = age(membership, stateOf, 48 * 3600_000, POLICY));
    assert.equal(letters(membership), 'A B C');
  });

  it('asks those that are up, the listed ones first, and all while none is up', () => {
    const stateOf = upAre([A, B, D]);
    let { membership } = withList(
      initialMembership([A], [], SCOPE),
      { servers: [A, B, C, D], from: A },
      stateOf,
      -60 * MINUTE,
      SCOPE,
    );
    for (const from of [B, D])
      ({ membership } = withList(membership, { servers: [B, D], from }, stateOf, 0, SCOPE));
    ({ membership } = age(membership, stateOf, 0, POLICY));
    assert.equal(letters(membership), 'A? B C? D');
    assert.deepEqual(bestFirst(membership.members, stateOf), [B, D, A]);
    assert.deepEqual(bestFirst(membership.members, upAre([])), [B, D, A, C]);
    assert.deepEqual(worthSaving(membership.members), [B, C, D], 'a seed that is missing is in --rs');
  });

  it('never forgets a seed, the last listed server that is up, or one that any two lists disagree about', () => {
    const all = [A, B, C, D];
    const subset = fc.subarray(all);
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom(...all), subset, subset, fc.integer({ min: 0, max: 900 })), {
          maxLength: 60,
        }),
        (steps) => {
          let membership = initialMembership([A], [B, C], SCOPE);
          let nowMs = 0;
          for (const [from, list, up, minutes] of steps) {
            nowMs += minutes * MINUTE;
            const before = membership.members.filter((member) => upAre(up)(member.server) === 'up').length;
            ({ membership } = withList(membership, { servers: list, from }, upAre(up), nowMs, SCOPE));
            ({ membership } = age(membership, upAre(up), nowMs, POLICY));
            const after = membership.members.filter((member) => upAre(up)(member.server) === 'up').length;
            assert.equal(membership.members[0]?.server, A);
            assert.ok(before === 0 || after > 0);
            assert.ok(membership.members.length <= MOST_MEMBERS);
          }
        },
      ),
    );
  });
});
