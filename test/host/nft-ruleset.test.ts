// What is remembered of the ruleset, and how often nft runs: by a stand-in for nft and for the kernel's tables.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { arpTable } from '../../src/host/arp-table.js';
import { masqueradeTable } from '../../src/host/masquerade-table.js';
import { mssTable } from '../../src/host/mss-table.js';
import type { Nft, NftResult } from '../../src/host/nft.js';
import { NftRuleset } from '../../src/host/nft-ruleset.js';
import type { NftTable } from '../../src/host/nft-table.js';
import { endpoint } from '../../src/values/endpoint.js';

const VIRTUAL_SERVERS = Array.from({ length: 64 }, (_, index) =>
  endpoint('ipv4', '10.103.97.2', 6443 + index),
);
const [VS = endpoint('ipv4', '10.103.97.2', 6443)] = VIRTUAL_SERVERS;
const RS = [endpoint('ipv4', '10.0.0.1', 6443), endpoint('ipv4', '10.0.0.9', 6443)];
const ARP = arpTable(VS);
const MSS = mssTable(VS, RS);
const MSS_OF_ONE = mssTable(VS, RS.slice(1));
const NAT = masqueradeTable(VS);
/** Another program's. */
const FOREIGN = 'table ip nat';

/** The tables of a kernel, and the nft that lists and changes them. */
class FakeKernel {
  /** The objects of each table, by its text. */
  readonly tables = new Map<string, NftTable['objects']>();
  readonly runs: string[] = [];
  /** null if it cannot be read. */
  generation: number | null = 7;
  /** The table that cannot be written. */
  refused: string | null = null;
  /** What it has written comes out as another policy. */
  isMisread = false;

  readonly nft: Nft = Object.assign((...args: readonly string[]) => this.#run(args), {
    generation: () => this.generation,
  });

  /** A transaction of any program. */
  commit(change: () => void): void {
    change();
    if (this.generation !== null) this.generation += 1;
  }

  spoil(text: string): void {
    this.commit(() => {
      this.tables.set(text, [['table', {}]]);
    });
  }

  delete(text: string): void {
    this.commit(() => {
      this.tables.delete(text);
    });
  }

  /** Others may work before and after each step. */
  async #run(args: readonly string[]): Promise<NftResult> {
    const command = args.join(' ');
    this.runs.push(command.startsWith('add ') ? this.#written(command).join(', ') : command);
    await turn();
    const result = this.#answer(command);
    await turn();
    return result;
  }

  #answer(command: string): NftResult {
    const text = /table \S+ \S+$/.exec(command)?.[0] ?? '';
    if (command === 'list tables') return said([...this.tables.keys(), ''].join('\n'));
    if (command.startsWith('add ')) return this.#write(command);
    const objects = this.tables.get(text);
    if (objects === undefined) return { ok: false, stdout: '', stderr: 'Error: No such file or directory\n' };
    if (command.startsWith('delete ')) {
      this.delete(text);
      return said('');
    }
    const shown = JSON.stringify({ nftables: objects.map(([kind, value]) => ({ [kind]: value })) });
    return said(this.isMisread ? shown.replaceAll('accept', 'drop') : shown);
  }

  #write(commands: string): NftResult {
    const texts = this.#written(commands);
    if (this.refused !== null && texts.includes(this.refused))
      return { ok: false, stdout: '', stderr: 'Error: refused\n' };
    this.commit(() => {
      for (const part of commands.split(/\n(?=add )/)) {
        const table = known.find((each) => each.commands === part);
        this.tables.set(table?.text ?? this.#written(part).join(), table?.objects ?? []);
      }
    });
    return said('');
  }

  #written(commands: string): string[] {
    return [...commands.matchAll(/^add (table .*)$/gm)].map(([, text = '']) => text);
  }
}

const ofAll = VIRTUAL_SERVERS.flatMap((each) => [arpTable(each), mssTable(each, RS)]);
const known = [MSS_OF_ONE, NAT, ...ofAll];
const said = (stdout: string): NftResult => ({ ok: true, stdout, stderr: '' });
const listed = ({ text }: NftTable): string => `-j -n list ${text}`;

/** Has tables verified and created as the host resources of a virtual server are: one after the other. */
async function keep(ruleset: NftRuleset, tables: readonly NftTable[]): Promise<void> {
  for (const table of tables) if ((await ruleset.drift(table)) !== null) await ruleset.write(table);
}

function stage(tables: readonly NftTable[] = []): { kernel: FakeKernel; ruleset: NftRuleset } {
  const kernel = new FakeKernel();
  for (const { text, objects } of tables) kernel.tables.set(text, objects);
  return { kernel, ruleset: new NftRuleset(kernel.nft) };
}

describe('the runs of nft', () => {
  it('are three for the two tables of a virtual server that starts, and none while the ruleset is the same', async () => {
    const { kernel, ruleset } = stage();
    await keep(ruleset, [ARP, MSS]);
    assert.equal(await ruleset.has(NAT), false);
    await keep(ruleset, [ARP, MSS]);
    assert.deepEqual(kernel.runs, ['list tables', ARP.text, MSS.text]);
  });

  it('are hardly more for the tables of 64 virtual servers that start at the same time', async () => {
    const { kernel, ruleset } = stage();
    await Promise.all(VIRTUAL_SERVERS.map((each) => keep(ruleset, [arpTable(each), mssTable(each, RS)])));
    for (const table of ofAll) assert.deepEqual(kernel.tables.get(table.text), table.objects);
    assert.ok(kernel.runs.length <= 6, kernel.runs.join('\n'));
  });

  it('are one for each table that is there at the start, and then none', async () => {
    const { kernel, ruleset } = stage([ARP, MSS]);
    await keep(ruleset, [ARP, MSS]);
    await keep(ruleset, [ARP, MSS]);
    assert.deepEqual(kernel.runs, ['list tables', listed(ARP), listed(MSS)]);
  });

  it('is one for a table with other real servers than before, whose difference is known', async () => {
    const { kernel, ruleset } = stage([ARP, MSS]);
    await keep(ruleset, [ARP, MSS]);
    kernel.runs.length = 0;
    assert.match((await ruleset.drift(MSS_OF_ONE)) ?? '', /its set servers has elem .*10\.0\.0\.1/);
    await ruleset.write(MSS_OF_ONE);
    await keep(ruleset, [ARP, MSS_OF_ONE]);
    assert.deepEqual(kernel.runs, [MSS.text]);
  });

  it('is one for each table after a change by another program', async () => {
    const { kernel, ruleset } = stage();
    await keep(ruleset, [ARP, MSS]);
    kernel.runs.length = 0;
    kernel.spoil(FOREIGN);
    await keep(ruleset, [ARP, MSS]);
    await keep(ruleset, [ARP, MSS]);
    assert.deepEqual(kernel.runs, [listed(ARP), listed(MSS)]);
  });

  it('is none for a table that is asked for while another one is written', async () => {
    const { kernel, ruleset } = stage([ARP]);
    await keep(ruleset, [ARP]);
    kernel.runs.length = 0;
    const written = ruleset.write(MSS);
    await turn();
    assert.equal(await ruleset.drift(ARP), null);
    await written;
    assert.deepEqual(kernel.runs, [MSS.text]);
  });

  it('are as many as there are questions while the generation is not known', async () => {
    const { kernel, ruleset } = stage([ARP]);
    kernel.generation = null;
    await keep(ruleset, [ARP]);
    await keep(ruleset, [ARP]);
    assert.deepEqual(kernel.runs, ['list tables', listed(ARP), listed(ARP)]);
  });
});

describe('a table that another program changes', () => {
  it('is found, whatever it was', async () => {
    const { kernel, ruleset } = stage();
    await keep(ruleset, [ARP, MSS]);
    kernel.delete(ARP.text);
    assert.equal(await ruleset.drift(ARP), `no ${ARP.text}`);
    kernel.spoil(MSS.text);
    assert.notEqual(await ruleset.drift(MSS), null);
    kernel.spoil(NAT.text);
    assert.equal(await ruleset.has(NAT), true);
  });

  it('is found if that was while another table of ours was written, before nft did so or after', async () => {
    for (const turns of [0, 1, 2, 3]) {
      const { kernel, ruleset } = stage();
      await keep(ruleset, [ARP, MSS]);
      const written = ruleset.write(MSS_OF_ONE);
      for (let count = 0; count < turns; count += 1) await turn();
      kernel.spoil(ARP.text);
      await written;
      assert.notEqual(await ruleset.drift(ARP), null, `after ${turns} turns`);
    }
  });

  it('is found if that was while nft refused to write another one', async () => {
    const { kernel, ruleset } = stage();
    await keep(ruleset, [ARP]);
    kernel.refused = MSS.text;
    const refused = assert.rejects(ruleset.write(MSS), { name: 'KernelError' });
    await turn();
    kernel.spoil(ARP.text);
    await refused;
    assert.notEqual(await ruleset.drift(ARP), null);
  });

  it('is found at whatever time that is: while lvscare lists, reads, writes or removes', async () => {
    const tables = [ARP, MSS, MSS_OF_ONE, NAT];
    const table = fc.constantFrom(...tables);
    const step = fc.oneof(
      fc.record({ kind: fc.constant('pause' as const), table }),
      fc.record({ kind: fc.constantFrom('write', 'drift', 'remove', 'has'), table }),
      { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('spoil', 'delete', 'foreign'), table }) },
    );
    const property = fc.asyncProperty(fc.array(step, { maxLength: 24, size: 'max' }), async (steps) => {
      const { kernel, ruleset } = stage();
      const working: Promise<unknown>[] = [];
      for (const { kind, table: about } of steps)
        switch (kind) {
          case 'pause':
            await turn();
            break;
          case 'write':
          case 'drift':
          case 'remove':
          case 'has':
            // A table that is found different may be spoilt again before it is read back.
            working.push(ruleset[kind](about).catch(() => undefined));
            break;
          case 'spoil':
          case 'delete':
            kernel[kind](about.text);
            break;
          case 'foreign':
            kernel.spoil(FOREIGN);
        }
      await Promise.all(working);
      for (const each of tables) {
        const content = kernel.tables.get(each.text);
        const drift = await ruleset.drift(each);
        assert.equal(drift === null, isDeepStrictEqual(content, each.objects), each.text);
        assert.equal(drift === `no ${each.text}`, content === undefined, each.text);
        assert.equal(await ruleset.has(each), content !== undefined, each.text);
      }
    });
    await fc.assert(property, { numRuns: 1000 });
  });
});

describe('tables that are written in one transaction', () => {
  it('are written one by one if one of them is refused, which alone has failed', async () => {
    const { kernel, ruleset } = stage();
    kernel.refused = MSS.text;
    const written = await Promise.allSettled([ARP, NAT, MSS].map((table) => ruleset.write(table)));
    assert.deepEqual(
      written.map(({ status }) => status),
      ['fulfilled', 'fulfilled', 'rejected'],
    );
    assert.deepEqual([...kernel.tables.keys()].sort(), [ARP.text, NAT.text].sort());
    assert.equal(await ruleset.drift(MSS), `no ${MSS.text}`);
  });

  it('are no longer than an argument may be', async () => {
    const many = Array.from({ length: 3000 }, (_, index) =>
      endpoint('ipv4', `10.1.${index >> 8}.${index & 255}`, 6443),
    );
    const { kernel, ruleset } = stage();
    const lengths: number[] = [];
    const nft = Object.assign(
      (...args: readonly string[]) => {
        lengths.push(args.join(' ').length);
        return kernel.nft(...args);
      },
      { generation: kernel.nft.generation },
    );
    const measured = new NftRuleset(nft);
    await Promise.all(VIRTUAL_SERVERS.slice(0, 8).map((each) => measured.write(mssTable(each, many))));
    assert.equal(kernel.tables.size, 8);
    assert.ok(Math.max(...lengths) < 128 << 10, String(Math.max(...lengths)));
    assert.equal(await ruleset.has(MSS), true);
  });

  it('fail together if nft cannot be run, and are written by the next attempt', async () => {
    const { kernel } = stage();
    let isBroken = true;
    const nft = Object.assign(
      (...args: readonly string[]) =>
        isBroken ? Promise.reject(new Error('nft: it did not end')) : kernel.nft(...args),
      { generation: kernel.nft.generation },
    );
    const ruleset = new NftRuleset(nft);
    const failed = await Promise.allSettled([ARP, MSS].map((table) => ruleset.write(table)));
    assert.deepEqual(
      failed.map(({ status }) => status),
      ['rejected', 'rejected'],
    );
    isBroken = false;
    await keep(ruleset, [ARP, MSS]);
    assert.equal(await ruleset.drift(ARP), null);
  });
});

describe('a table that nft lists otherwise than it was written', () => {
  it('is an error of each repair, and no repair again and again', async () => {
    const { kernel, ruleset } = stage([ARP]);
    kernel.isMisread = true;
    assert.match((await ruleset.drift(ARP)) ?? '', /policy drop/);
    await assert.rejects(ruleset.write(ARP), {
      name: 'KernelError',
      message: /^created .*, but .*policy drop/,
    });
    await assert.rejects(ruleset.write(ARP), { name: 'KernelError' });
    kernel.isMisread = false;
    await ruleset.write(ARP);
    assert.equal(await ruleset.drift(ARP), null);
  });
});
