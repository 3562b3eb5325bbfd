/** What the records tell of virtual servers, ours and others: which of them is to be heeded, and for what. */
import type { Endpoint } from '../values/endpoint.js';
import type { Ipvs } from '../netlink/index.js';
import { mayBeHeld } from './instance-lock.js';
import { ipvsTable } from '../ipvs/ipvs-table.js';
import type { Made } from './ownership-store.js';
import { sameWay, type Way } from '../host/reach-mode.js';

/** A record of what is a virtual server. */
export interface Remembered extends Omit<Made, 'virtualServer'> {
  readonly virtualServer: Endpoint;
}

/** What is remembered of one, as if nothing had been made where there is no record. Its real servers are today's, if any are told. */
export function rememberedOf(
  virtualServer: Endpoint,
  realServers: readonly Endpoint[],
  all: readonly Remembered[],
): Remembered {
  const found = all.find((one) => one.virtualServer.text === virtualServer.text);
  return {
    virtualServer,
    realServers: realServers.length > 0 ? realServers.map(({ text }) => text) : (found?.realServers ?? []),
    ways: found?.ways ?? [],
    sysctls: found?.sysctls ?? {},
  };
}

export function besides(virtualServer: Endpoint, all: readonly Remembered[]): readonly Remembered[] {
  return all.filter((one) => one.virtualServer.text !== virtualServer.text);
}

/** Those that the kernel has, or that an lvscare is at work on: a record may have outlived what it tells of. */
export async function stillThere(all: readonly Remembered[], ipvs: Ipvs): Promise<readonly Remembered[]> {
  const found = await Promise.all(
    all.map(async ({ virtualServer }) => {
      if (await mayBeHeld(virtualServer)) return true;
      return await ipvsTable(ipvs, virtualServer)
        .find()
        .then(
          (what) => what !== null,
          // Without a look nothing is taken from anybody.
          () => true,
        );
    }),
  );
  return all.filter((_, index) => found[index] === true);
}

/** Whether one of them is reached by this address, in this way, as of today: then it is not to be taken away. */
export function isNeeded(way: Way, address: string, keepers: readonly Remembered[]): boolean {
  return keepers.some(({ virtualServer, ways }) => {
    const today = ways.at(-1);
    return virtualServer.address === address && today !== undefined && sameWay(way, today);
  });
}
