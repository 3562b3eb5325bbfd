/** A table of nftables that is lvscare's: what it must contain, and how a table that exists differs. */
import type { Endpoint } from '../values/endpoint.js';

export interface NftTable {
  readonly family: 'ip' | 'ip6' | 'inet' | 'arp';
  /** With lvscare's name and the virtual server's, so that no other program and no other virtual server uses it. */
  readonly name: string;
  /** `table ip lvscare-10.103.97.2-6443`, as nft lists it. */
  readonly text: string;
  /** The commands that replace it in one transaction. */
  readonly commands: string;
  /** The objects that `nft -j -n list table` lists, without handles. */
  readonly objects: readonly NftObject[];
  /** What its rules do: `masquerade`. */
  readonly rule: string;
  /** What the kernel lacks if it has nftables, but cannot create this table; and what to do. */
  readonly lack: readonly [what: string, remedy: string];
}

/** An object of `nft -j`: its kind and its attributes. */
type NftObject = readonly [kind: string, value: Readonly<Record<string, unknown>>];

interface Content {
  /** Sets and chains, as nft reads them. */
  readonly body: string;
  /** The same as `nft -j -n` lists them, without what names the table. */
  readonly objects: readonly NftObject[];
  readonly rule: NftTable['rule'];
  readonly lack: NftTable['lack'];
}

export function nftTable(
  family: NftTable['family'],
  { address, port }: Endpoint,
  { body, objects, rule, lack }: Content,
): NftTable {
  // A name may have dots, but no colons.
  const name = `lvscare-${address.replaceAll(':', '_')}-${port}`;
  const text = `table ${family} ${name}`;
  return {
    family,
    name,
    text,
    // A delete of a table that does not exist fails: so it is added first.
    commands: `add ${text}
delete ${text}
${text} {
${body}
}`,
    objects: [
      ['table', { family, name }],
      ...objects.map(([kind, value]): NftObject => [kind, { family, table: name, ...value }]),
    ],
    rule,
    lack,
  };
}

export function equal(left: object, right: string | number): object {
  return { match: { op: '==', left, right } };
}

/**
 * How the table differs from what it must be, in words, or null if it does not.
 *
 * @param shown The output of `nft -j -n list table`.
 */
export function tableDrift(table: NftTable, shown: string): string | null {
  const objects = parse(shown);
  // The output of nft 1.0.6 ends in the middle of a table that has flags.
  return objects === null ? `${table.text} cannot be read` : difference(table, objects);
}

/** How the table differs if it contains these objects, in words, or null if it does not. */
export function difference(table: NftTable, objects: readonly NftObject[]): string | null {
  const left = [...objects];
  for (const wanted of table.objects) {
    const at = left.findIndex((found) => isSame(wanted, found));
    const found = left[at];
    if (found === undefined) return `${table.text} has no ${say(table, wanted)}`;
    const difference = compare(wanted, found);
    if (difference !== null) return `${table.text}: its ${say(table, wanted)} has ${difference}`;
    left.splice(at, 1);
  }
  const [more] = left;
  if (more === undefined) return null;
  return `${table.text} has a ${more[0]} that is not ours`;
}

/** Whether it is the wanted object, perhaps with other attributes. A rule has no name: it is the same only if its text is. */
function isSame([kind, wanted]: NftObject, [foundKind, found]: NftObject): boolean {
  return kind === foundKind && (kind === 'rule' ? isRuleOf(wanted, found) : wanted['name'] === found['name']);
}

function isRuleOf(wanted: NftObject[1], found: NftObject[1]): boolean {
  return canonical(wanted['expr']) === canonical(found['expr']);
}

/** A wanted object in words. */
function say({ rule }: NftTable, [kind, { name }]: NftObject): string {
  if (kind === 'rule') return `${rule} rule`;
  return kind === 'table' ? kind : `${kind} ${canonical(name)}`;
}

/** The first attribute that differs: `policy drop, not accept`; null if none does. */
function compare([, wanted]: NftObject, [, found]: NftObject): string | null {
  for (const key of new Set([...Object.keys(wanted), ...Object.keys(found)])) {
    // The kernel's number of the object, which changes with each replacement.
    if (key === 'handle') continue;
    // nft lists the elements of a set in its own order.
    if (key === 'elem' && isSameSet(wanted[key], found[key])) continue;
    const [right, is] = [canonical(wanted[key]), canonical(found[key])];
    if (right !== is) return `${key} ${is}, not ${right}`;
  }
  return null;
}

function isSameSet(wanted: unknown, found: unknown): boolean {
  const [one, other] = [wanted, found].map((elements) =>
    Array.isArray(elements) ? elements.map(canonical).sort().join() : null,
  );
  return one !== null && one === other;
}

/** A value as text, independent of the order of its keys. */
function canonical(value: unknown): string {
  if (value === undefined) return 'none';
  if (typeof value === 'string') return value;
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}

function parse(shown: string): NftObject[] | null {
  try {
    const { nftables } = JSON.parse(shown) as { nftables: Readonly<Record<string, NftObject[1] | null>>[] };
    return nftables
      .flatMap((object) => Object.entries(object))
      .filter(([kind]) => kind !== 'metainfo')
      .map(([kind, value]) => [kind, value ?? {}]);
  } catch {
    return null;
  }
}
