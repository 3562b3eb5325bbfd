import type { HostResource, Work } from '../control-loop/ports.js';
import { isIpvsMissing, type Ipvs } from '../netlink/index.js';
import { explainRefusal, KernelError } from '../values/errors.js';
import type { EarlierValues } from './earlier-values.js';

type Timeouts = Pick<Ipvs, 'getTimeouts' | 'setTimeouts'>;

/** The name of its record. */
const RECORD = 'ipvs-tcp';

/** So often within this time another program may change the timeout before lvscare leaves it. */
const MOST_CHANGES = 3;
const WITHIN_MS = 600_000;

/**
 * The time without a packet after which IPVS drops a TCP connection. It applies to every virtual server of the network namespace, and
 * kube-proxy in ipvs mode sets it, too (`--ipvs-tcp-timeout`). So if another program keeps changing it, lvscare leaves it, and reports
 * that until it has the wanted value.
 *
 * @param seconds That it must be.
 * @param now Milliseconds of the monotonic clock.
 */
export function ipvsTcpTimeout(
  ipvs: Timeouts,
  seconds: number,
  earlier: EarlierValues,
  now: () => number,
): HostResource {
  /** When lvscare set it, the first time not counted, as far back as it matters. */
  let changes: readonly number[] = [];
  let isFirst = true;
  let isLeft = false;

  return {
    ...changedTcpTimeout(ipvs, earlier),
    name: 'IPVS TCP timeout',

    async verify() {
      const found = await read(ipvs);
      if (found === seconds) {
        if (isLeft) changes = [];
        isLeft = false;
        return null;
      }
      changes = changes.filter((atMs) => now() - atMs < WITHIN_MS);
      isLeft ||= changes.length >= MOST_CHANGES;
      if (isLeft)
        throw new KernelError(
          `another program keeps changing it, to ${found} s last: lvscare does not set it to ${seconds} s again; give both programs the same value`,
          null,
        );
      return `IPVS drops idle TCP connections after ${found} s, not ${seconds} s`;
    },

    async repair() {
      const first = await earlier.record(RECORD, String(await read(ipvs)), String(seconds));
      try {
        await ipvs.setTimeouts({ tcpSeconds: seconds });
      } catch (error) {
        if (first) await earlier.forget(RECORD);
        throw explainRefusal(error, `ipvsadm --set ${seconds} 0 0`);
      }
      if (!isFirst) changes = [...changes, now()];
      isFirst = false;
    },
  };
}

/** What an lvscare has changed of it. `--clean` restores the earlier value, unless another program has set it since. */
export function changedTcpTimeout(ipvs: Timeouts, earlier: EarlierValues): Work {
  /** The values to restore and to replace, or null. */
  async function changed(): Promise<{ readonly was: number; readonly set: number } | null> {
    const found = await earlier.find(RECORD);
    if (found === null) return null;
    const [was, set] = [Number(found.was), Number(found.set)];
    // Without IPVS it is gone with its module.
    const current = await read(ipvs).catch((error: unknown) => {
      if (isIpvsMissing((error as Error).cause)) return null;
      throw error;
    });
    return current === set ? { was, set } : null;
  }

  return {
    async find() {
      const found = await changed();
      return found === null ? null : `IPVS TCP timeout ${found.set} s, which was ${found.was} s before`;
    },

    async remove() {
      const found = await changed();
      if (found !== null)
        await ipvs.setTimeouts({ tcpSeconds: found.was }).catch((error: unknown) => {
          throw explainRefusal(error, `ipvsadm --set ${found.was} 0 0`);
        });
      await earlier.forget(RECORD);
      return found === null ? null : `IPVS TCP timeout ${found.set} s, which is ${found.was} s again`;
    },
  };
}

async function read(ipvs: Timeouts): Promise<number> {
  const { tcpSeconds } = await ipvs.getTimeouts().catch((error: unknown) => {
    throw explainRefusal(error, 'ipvsadm -l --timeout');
  });
  if (tcpSeconds === null) throw new KernelError('the IPVS of this kernel has no TCP', null);
  return tcpSeconds;
}
