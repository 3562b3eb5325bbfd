import { readFileSync } from 'node:fs';

/** What a tool said to the kernel for one command, and what the kernel said back; see captured/capture.py. */
interface Exchange {
  readonly command: string;
  /** The first line that the tool printed, if it failed. */
  readonly printed: string | null;
  /** What it printed if it succeeded. */
  readonly shown: readonly string[];
  readonly sent: readonly Buffer[];
  readonly received: readonly Buffer[];
}

/** Reads `test/netlink/captured/<name>.hex`. */
export function captured(name: string): Exchange[] {
  const source = new URL(`../../../test/netlink/captured/${name}.hex`, import.meta.url);
  const exchanges: {
    command: string;
    printed: string | null;
    shown: string[];
    sent: Buffer[];
    received: Buffer[];
  }[] = [];
  for (const line of readFileSync(source, 'ascii').split('\n')) {
    const command = /^# command: (.*)$/.exec(line)?.[1];
    if (command !== undefined) {
      exchanges.push({ command, printed: null, shown: [], sent: [], received: [] });
      continue;
    }
    const exchange = exchanges.at(-1);
    if (exchange === undefined || line === '') continue;
    const bytes = Buffer.from(line.slice(2), 'hex');
    if (line.startsWith('# printed: ')) exchange.printed = line.slice('# printed: '.length);
    else if (line.startsWith('#| ')) exchange.shown.push(line.slice('#| '.length));
    else if (line.startsWith('> ')) exchange.sent.push(bytes);
    else if (line.startsWith('< ')) exchange.received.push(bytes);
    else throw new Error(`${name}.hex: what is ${JSON.stringify(line)}?`);
  }
  return exchanges;
}

/** The one exchange of a file that belongs to `command`. */
export function capturedCommand(name: string, command: string): Exchange {
  const exchanges = captured(name).filter((exchange) => exchange.command === command);
  const [first] = exchanges;
  if (first === undefined) throw new Error(`${name}.hex has no ${JSON.stringify(command)}`);
  return first;
}
