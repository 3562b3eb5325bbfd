// node scripts/lib/fuzz-seeds.mjs DIRECTORY: the datagrams of test/netlink/captured as seeds of test/fuzz/native/decoders.cc, a file each.
import { Buffer } from 'node:buffer';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';

const [directory] = process.argv.slice(2);
const captured = 'test/netlink/captured';
/** The first byte of an input: the protocol, in the order of `Codec` in native/codec.h. */
const PROTOCOLS = ['ipvs', 'route', 'diag'];

let count = 0;
for (const name of readdirSync(captured).filter((each) => each.endsWith('.hex'))) {
  const protocol = PROTOCOLS.findIndex((each) => name.startsWith(each));
  if (protocol < 0)
    throw new Error(`${name}: expected a name that begins with one of ${PROTOCOLS.join(', ')}`);
  for (const [, hex] of readFileSync(`${captured}/${name}`, 'ascii').matchAll(/^[<>] ([0-9a-f]+)$/gm)) {
    count += 1;
    writeFileSync(`${directory}/${count}`, Buffer.concat([Buffer.from([protocol]), Buffer.from(hex, 'hex')]));
  }
}
if (count === 0) throw new Error(`${captured} has no messages`);
