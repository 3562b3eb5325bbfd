// The masquerade table on a kernel that has nftables NAT: made by us, judged by nft.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { runCommand } from '../../src/host/command.js';
import { endpoint, type Endpoint } from '../../src/values/endpoint.js';
import { masquerade, noMasquerade } from '../../src/host/masquerade.js';
import { nftProgram } from '../../src/host/nft.js';
import { NftRuleset } from '../../src/host/nft-ruleset.js';
import { shell } from '../support/tools.js';

interface Family {
  readonly virtualServer: Endpoint;
  readonly family: 'ip' | 'ip6';
  readonly name: string;
}

const families: readonly Family[] = [
  {
    virtualServer: endpoint('ipv4', '10.103.97.2', 6443),
    family: 'ip',
    name: 'lvscare-10.103.97.2-6443',
  },
  {
    virtualServer: endpoint('ipv6', 'fd00:10:103:97::2', 6443),
    family: 'ip6',
    name: 'lvscare-fd00_10_103_97__2-6443',
  },
];

/**
 * Tables of others, in every family, some much like ours; two of them asleep, which nft 1.0.6 cannot print as JSON. It
 * has the kernel load what masquerading takes, too.
 */
const FOREIGN = `
table ip nat {
  chain POSTROUTING {
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr 10.0.0.0/8 ct state new counter masquerade
  }
}
table ip lvscare-10.103.97.2-644 {
  chain postrouting {
    type nat hook postrouting priority srcnat
  }
}
table ip lvscare-10.103.97.2-6444 {
  flags dormant
}
table ip6 lvscare-10.103.97.2-6443 {
  set s {
    type ipv6_addr
    elements = { fd00::1 }
  }
}
table ip lvscare-fd00_10_103_97__2-6443 {
}
table inet lvscare-10.103.97.2-6443 {
  flags dormant
  chain postrouting {
    type nat hook postrouting priority srcnat
  }
}
table inet lvscare-fd00_10_103_97__2-6443 {
}
table arp lvscare-10.103.97.2-6443 {
}
`;

// All tables of this network namespace go, which therefore has to be one of our own.
if (process.env['WITH_IPVS'] === undefined)
  throw new Error('run it by scripts/with-ipvs, or by scripts/test');

const kept = new NftRuleset(nftProgram());
const ruleset = (): Promise<string> => shell('nft -a list ruleset');

/** The table as nft lists it, without the kernel's numbers; null when there is none. */
async function shown(family: string, name: string): Promise<string | null> {
  const text = await shell(`nft list table ${family} ${name} 2>/dev/null || true`);
  return text === '' ? null : text.replaceAll(/\s+/g, ' ').trim();
}

describe("others' tables", () => {
  before(() => shell(`nft flush ruleset; nft -f - <<'RULES'\n${FOREIGN}\nRULES`));
  after(() => shell('nft flush ruleset'));

  it('stay as they are, byte by byte, and so does the table of another virtual server', async () => {
    const other = masquerade(kept, endpoint('ipv4', '10.103.97.2', 443));
    await other.repair();
    const before = await ruleset();
    for (const { virtualServer } of families) {
      const resource = masquerade(kept, virtualServer);
      assert.match((await resource.verify()) ?? '', /^no table/);
      await resource.repair();
      await resource.repair();
      assert.equal(await resource.verify(), null);
      assert.equal(await other.verify(), null);
      assert.notEqual(await ruleset(), before);
      assert.notEqual(await resource.remove(), null);
      assert.equal(await resource.remove(), null);
      assert.equal(await ruleset(), before);
    }
    assert.equal(await other.remove(), 'table ip lvscare-10.103.97.2-443');
  });
});

for (const { virtualServer, family, name } of families) {
  const table = `table ${family} ${name}`;
  const rule = `ct original ${family} daddr ${virtualServer.address} meta l4proto tcp ct original proto-dst 6443`;
  const resource = masquerade(kept, virtualServer);
  const OURS =
    `${table} { chain postrouting { type nat hook postrouting priority srcnat; policy accept; ` +
    `${rule} masquerade } }`;

  describe(`a masquerade table, ${family}`, () => {
    before(() => shell('nft flush ruleset'));
    afterEach(() => shell(`nft 'add ${table}; delete ${table}'`));

    it('is made, found right, and taken away', async () => {
      assert.equal(await resource.verify(), `no ${table}`);
      await resource.repair();
      assert.equal(await shown(family, name), OURS);
      assert.equal(await resource.verify(), null);
      assert.equal(await resource.remove(), table);
      assert.equal(await ruleset(), '');
      assert.equal(await resource.remove(), null);
    });

    it('that is well is not made again', async () => {
      await resource.repair();
      const before = await ruleset();
      assert.equal(await resource.verify(), null);
      assert.equal(await ruleset(), before, 'with the same handles');
    });

    it('that is left is taken away when it is off', async () => {
      await resource.repair();
      const off = noMasquerade(kept, virtualServer, fail);
      assert.equal(await off.verify(), `${table}, because --masquerade is off`);
      await off.repair();
      assert.equal(await off.verify(), null);
      assert.equal(await ruleset(), '');
    });
  });
}

describe('a masquerade table that another program changes', () => {
  it('is repaired, whatever was done to it', async () => {
    const [{ virtualServer, family, name }] = families as [Family];
    const resource = masquerade(kept, virtualServer);
    const chain = `chain ${family} ${name} postrouting`;
    const changes: readonly (readonly [commands: string, drift: RegExp])[] = [
      [`delete table ${family} ${name}`, /^no table/],
      [`flush ${chain}`, /has no masquerade rule$/],
      [`flush ${chain}; delete ${chain}`, /has no chain postrouting$/],
      [`insert rule ${family} ${name} postrouting counter accept`, /has a rule that is not ours$/],
      [`flush ${chain}; add rule ${family} ${name} postrouting masquerade`, /has no masquerade rule$/],
      [
        `chain ${family} ${name} postrouting { policy drop; }`,
        /chain postrouting has policy drop, not accept$/,
      ],
      [
        `flush ${chain}; delete ${chain}; add ${chain} { type nat hook postrouting priority 99; }`,
        /chain postrouting has prio 99, not 100$/,
      ],
      [`add chain ${family} ${name} more`, /has a chain that is not ours$/],
      [`add table ${family} ${name} { flags dormant; }`, /cannot be read$|has flags/],
    ];
    await resource.repair();
    const ours = await shown(family, name);
    for (const [commands, drift] of changes) {
      await shell(`nft '${commands}'`);
      assert.match((await resource.verify()) ?? 'none', drift, commands);
      await resource.repair();
      assert.equal(await shown(family, name), ours, commands);
    }
    await resource.remove();
  });
});

describe('a process that may do nothing but NET_ADMIN, as in the static pod', () => {
  it('can do all of it; one without is refused, with what it needs', async () => {
    const drop = ['--no-new-privs', '--inh-caps=-all', '--ambient-caps=-all'];
    const rulesetWith = (bounds: string): NftRuleset =>
      new NftRuleset(
        nftProgram((command, args, options) =>
          runCommand('setpriv', [`--bounding-set=${bounds}`, ...drop, '--', command, ...args], options),
        ),
      );
    const [{ virtualServer, family, name }] = families as [Family];
    const pod = masquerade(rulesetWith('-all,+net_admin'), virtualServer);
    await pod.repair();
    assert.equal(await pod.verify(), null);
    assert.notEqual(await shown(family, name), null);
    const unprivileged = masquerade(rulesetWith('-all'), virtualServer);
    const message = /: not permitted: run as root, or with the capability NET_ADMIN$/;
    for (const asked of [
      () => unprivileged.verify(),
      () => unprivileged.repair(),
      () => unprivileged.remove(),
    ])
      await assert.rejects(asked, { name: 'KernelError', message });
    assert.equal(await pod.remove(), `table ${family} ${name}`);
  });
});

function fail(error: Error): void {
  throw error;
}
