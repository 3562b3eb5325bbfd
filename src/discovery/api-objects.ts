/** What the API says of the apiservers, in JSON. Each reader throws an error of one line for what it cannot use. */
import { parseEndpoint } from '../config/parse-endpoint.js';
import { inOneLine } from '../text/one-line.js';
import { endpoint, type Endpoint } from '../values/endpoint.js';

/** The servers of an EndpointSlice, with its name. */
export interface Slice {
  readonly name: string;
  readonly servers: readonly Endpoint[];
}

interface SliceList {
  readonly slices: readonly Slice[];
  /** What a watch begins after. */
  readonly resourceVersion: string;
}

type WatchEvent =
  | { readonly kind: 'changed'; readonly slice: Slice }
  | { readonly kind: 'deleted'; readonly name: string }
  /** It changes nothing. */
  | { readonly kind: 'bookmark' }
  /** The watch is over: the version that it began after is too old. */
  | { readonly kind: 'expired' };

/** Far more apiservers than any cluster has. */
const MOST_SERVERS = 64;
const MOST_NAME = 253;
const MOST_VERSION = 100;

export function parseSliceList(text: string): SliceList {
  const list = new Value(parseJson(text), 'the list');
  list.expectKind('discovery.k8s.io/v1', 'EndpointSliceList');
  const resourceVersion = list.at('metadata').text('resourceVersion', MOST_VERSION);
  // Items of a list have no kind of their own.
  return { slices: list.items('items', MOST_SERVERS).map(sliceIn), resourceVersion };
}

/** One line of a watch. */
export function parseWatchEvent(line: string): WatchEvent {
  const event = new Value(parseJson(line), 'the event');
  const [type, object] = [event.text('type', 20), event.at('object')];
  switch (type) {
    case 'ADDED':
    case 'MODIFIED':
      object.expectKind('discovery.k8s.io/v1', 'EndpointSlice');
      return { kind: 'changed', slice: sliceIn(object) };
    case 'DELETED':
      return { kind: 'deleted', name: object.at('metadata').text('name', MOST_NAME) };
    case 'BOOKMARK':
      return { kind: 'bookmark' };
    case 'ERROR': {
      const code = object.field('code');
      if (code === 410) return { kind: 'expired' };
      const message = object.field('message');
      throw new Error(
        `the watch failed: ${inOneLine(typeof message === 'string' ? message : 'no reason given', 200)}`,
      );
    }
    default:
      throw new Error(`the event has an unknown type, ${inOneLine(type)}`);
  }
}

/** The servers of the Endpoints object `kubernetes`. */
export function parseEndpoints(text: string): readonly Endpoint[] {
  const object = new Value(parseJson(text), 'the object');
  object.expectKind('v1', 'Endpoints');
  const servers = object.items('subsets', MOST_SERVERS).flatMap((subset) => {
    const addresses = subset.items('addresses', MOST_SERVERS);
    return addresses.length === 0
      ? []
      : addresses.map((each) => serverAt(each.text('ip', 100), portOf(subset)));
  });
  return distinct(servers);
}

/** All servers of some slices, each once. */
export function serversOf(slices: Iterable<Slice>): readonly Endpoint[] {
  return distinct([...slices].flatMap(({ servers }) => servers));
}

/** The message of a Status, which is the body of most answers that are no success; null if it is something else. */
export function statusMessage(text: string): string | null {
  try {
    const message = new Value(parseJson(text), 'the status').field('message');
    return typeof message === 'string' && message !== '' ? inOneLine(message, 200) : null;
  } catch {
    return null;
  }
}

function sliceIn(slice: Value): Slice {
  const name = slice.at('metadata').text('name', MOST_NAME);
  const ofAddresses = ['IPv4', 'IPv6'].includes(slice.text('addressType', 20));
  const ready = ofAddresses
    ? slice
        .items('endpoints', MOST_SERVERS)
        .filter((each) => !each.has('conditions') || each.at('conditions').field('ready') !== false)
    : [];
  const addresses = ready.flatMap((each) => each.texts('addresses', MOST_SERVERS));
  return { name, servers: distinct(addresses.map((address) => serverAt(address, portOf(slice)))) };
}

/** The port that is named `https`. */
function portOf(owner: Value): number {
  const ports = owner.items('ports', MOST_SERVERS).filter((port) => port.field('name') === 'https');
  const [number, protocol] = [ports[0]?.field('port'), ports[0]?.field('protocol') ?? 'TCP'];
  if (typeof number !== 'number' || protocol !== 'TCP')
    throw new Error(`${owner.where} has no TCP port https`);
  return number;
}

function serverAt(address: string, port: number): Endpoint {
  let found: Endpoint;
  try {
    found = parseEndpoint(endpoint(address.includes(':') ? 'ipv6' : 'ipv4', address, port).text, '');
  } catch (error) {
    throw new Error(`it has a server at ${inOneLine(address)} port ${port}`, { cause: error });
  }
  // An apiserver refuses to advertise these, so a list with one is no apiserver's.
  if (/^(127\.|169\.254\.|::1$|fe[89ab])/.test(found.address))
    throw new Error(`it has a server at ${found.text}`);
  return found;
}

function distinct(servers: readonly Endpoint[]): readonly Endpoint[] {
  if (servers.length > MOST_SERVERS) throw new Error(`it has more than ${MOST_SERVERS} servers`);
  return [...new Map(servers.map((server) => [server.text, server])).values()];
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error('it is not JSON', { cause: error });
  }
}

/** A value of JSON, with its name for messages. */
class Value {
  readonly where: string;
  readonly #value: unknown;

  constructor(value: unknown, where: string) {
    this.#value = value;
    this.where = where;
  }

  /** Undefined if it is not an object, or has no such field of its own. */
  field(key: string): unknown {
    const value = this.#value;
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    return (value as Readonly<Record<string, unknown>>)[key];
  }

  /** Whether there is such a field, and not null. */
  has(key: string): boolean {
    return (this.field(key) ?? null) !== null;
  }

  at(key: string): Value {
    return new Value(this.field(key), `${key} of ${this.where}`);
  }

  text(key: string, most: number): string {
    const value = this.field(key);
    if (typeof value !== 'string' || value === '' || value.length > most)
      throw new Error(`${this.where} has no ${key} of 1 to ${most} characters`);
    return value;
  }

  /** Absent or null is an empty list, as Go writes it. */
  items(key: string, most: number): readonly Value[] {
    const value = this.field(key) ?? [];
    if (!Array.isArray(value)) throw new Error(`${key} of ${this.where} is not a list`);
    if (value.length > most) throw new Error(`${key} of ${this.where} has more than ${most} items`);
    return value.map((item: unknown) => new Value(item, `an item of ${key}`));
  }

  texts(key: string, most: number): readonly string[] {
    return this.items(key, most).map((item) => {
      if (typeof item.#value !== 'string') throw new Error(`${item.where} is not a text`);
      return item.#value;
    });
  }

  expectKind(apiVersion: string, kind: string): void {
    const found = ['kind', 'apiVersion'].map((key) => this.field(key));
    if (found[0] === kind && found[1] === apiVersion) return;
    const said = found.map((value) => (typeof value === 'string' ? value : 'none')).join(' of ');
    throw new Error(`expected ${kind} of ${apiVersion}, got ${inOneLine(said)}`);
  }
}
