/**
 * Netlink messages as trees of attributes: read, edited and written without the addon, to judge what it says.
 * Only little-endian machines, which is where the captures come from.
 */

const HEADER_BYTES = 16;
const NESTED = 0x8000;

export interface Attribute {
  /** Without NLA_F_NESTED and NLA_F_NET_BYTEORDER. */
  readonly type: number;
  readonly payload: Buffer;
}

export interface Message {
  readonly type: number;
  readonly flags: number;
  /** The family's own header, between netlink's and the attributes: genlmsghdr, ifinfomsg, rtmsg... */
  readonly familyHeader: Buffer;
  readonly attributes: readonly Attribute[];
}

export function parseMessage(bytes: Buffer, familyHeaderBytes: number): Message {
  const length = bytes.readUInt32LE(0);
  const attributesAt = HEADER_BYTES + familyHeaderBytes;
  return {
    type: bytes.readUInt16LE(4),
    flags: bytes.readUInt16LE(6),
    familyHeader: bytes.subarray(HEADER_BYTES, attributesAt),
    attributes: parseAttributes(bytes.subarray(attributesAt, length)),
  };
}

export function parseAttributes(bytes: Buffer): Attribute[] {
  const attributes: Attribute[] = [];
  for (let at = 0; at + 4 <= bytes.length;) {
    const length = bytes.readUInt16LE(at);
    if (length < 4 || at + length > bytes.length) throw new Error(`bad attribute at ${at}`);
    attributes.push({
      type: bytes.readUInt16LE(at + 2) & 0x3fff,
      payload: bytes.subarray(at + 4, at + length),
    });
    at += aligned(length);
  }
  return attributes;
}

/** `message` with the attributes inside its nested attribute `nest` edited, and every length made right. */
export function editNested(
  bytes: Buffer,
  familyHeaderBytes: number,
  nest: number,
  edit: (inner: Attribute[]) => readonly Attribute[],
): Buffer {
  const message = parseMessage(bytes, familyHeaderBytes);
  const attributes = message.attributes.map((attribute) =>
    attribute.type === nest
      ? { type: nest | NESTED, payload: writeAttributes(edit(parseAttributes(attribute.payload))) }
      : attribute,
  );
  return withLength(
    Buffer.concat([bytes.subarray(0, HEADER_BYTES), message.familyHeader, writeAttributes(attributes)]),
  );
}

function writeAttributes(attributes: readonly Attribute[]): Buffer {
  return Buffer.concat(
    attributes.map(({ type, payload }) => {
      const bytes = Buffer.alloc(aligned(4 + payload.length));
      bytes.writeUInt16LE(4 + payload.length, 0);
      bytes.writeUInt16LE(type, 2);
      payload.copy(bytes, 4);
      return bytes;
    }),
  );
}

/** A copy whose nlmsg_len is its real length. */
export function withLength(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  if (copy.length >= 4) copy.writeUInt32LE(copy.length, 0);
  return copy;
}

/**
 * The first `length` bytes, with nlmsg_len and the length of every attribute that reaches beyond the end cut to what is
 * left: a message that is short but consistent. `nests` says which types are nests, at the first depth, the second...
 */
export function consistentPrefix(
  bytes: Buffer,
  length: number,
  familyHeaderBytes: number,
  nests: readonly (readonly number[])[],
): Buffer {
  const prefix = withLength(bytes.subarray(0, length));
  cutAttributes(prefix, HEADER_BYTES + familyHeaderBytes, nests);
  return prefix;
}

function cutAttributes(
  bytes: Buffer,
  from: number,
  [nests, ...deeper]: readonly (readonly number[])[],
): void {
  for (let at = from; at + 4 <= bytes.length;) {
    const length = bytes.readUInt16LE(at);
    if (length < 4) return;
    if (at + length > bytes.length) {
      bytes.writeUInt16LE(bytes.length - at, at);
      if (nests?.includes(bytes.readUInt16LE(at + 2) & 0x3fff) === true) cutAttributes(bytes, at + 4, deeper);
      return;
    }
    at += aligned(length);
  }
}

function aligned(length: number): number {
  return (length + 3) & ~3;
}
