/** A root process that answers other people's netlink requests; see forge.py. */
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { startTool } from './tools.js';

// <linux/netlink.h>
export const NETLINK_ROUTE = 0;
export const NETLINK_GENERIC = 16;

interface Target {
  readonly protocol: number;
  readonly portId: number;
  readonly firstSequence: number;
  readonly lastSequence: number;
  /** nlmsg_type of the forged answer. */
  readonly messageType: number;
}

export interface Forger {
  /** Tries to reach the other socket; resolves to the number of messages that arrived there. */
  forge(target: Target): Promise<number>;
  stop(): Promise<void>;
}

export function startForger(): Forger {
  const script = fileURLToPath(new URL('../../../test/support/forge.py', import.meta.url));
  const child = startTool('python3', script);
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  child.stderr.pipe(process.stderr);
  return {
    async forge({ protocol, portId, firstSequence, lastSequence, messageType }): Promise<number> {
      child.stdin.write(`${protocol} ${portId} ${firstSequence} ${lastSequence} ${messageType}\n`);
      const answer = await answers.next();
      if (answer.done === true) throw new Error('the forger is gone');
      return Number(answer.value);
    },
    async stop(): Promise<void> {
      const closed = once(child, 'close');
      child.stdin.end();
      await closed;
    },
  };
}
