/** Every check, in the order of its findings. */
import { checkIdleConnections } from './check-connections.js';
import { checkCapabilities, checkNft, checkRunDirectory, checkSysctls } from './check-rights.js';
import { checkIpvs, checkScheduler } from './check-kernel.js';
import { checkHosts, checkKubeProxy, checkServiceCidr } from './check-kubernetes.js';
import {
  checkIpv6,
  checkMode,
  checkNodeAddress,
  checkReversePath,
  checkRoutes,
  checkVirtualAddress,
} from './check-network.js';
import {
  checkGoLeftovers,
  checkInstances,
  checkRecords,
  checkTroubles,
  checkVirtualServer,
} from './check-ownership.js';
import {
  checkCertificates,
  checkClock,
  checkServers,
  checkSourcePorts,
  checkVirtualServerAnswers,
} from './check-servers.js';
import { AS_ROOT, skip, warn, type Finding, type Said } from './finding.js';
import type { Node, Subject } from './ports.js';

type Check<Of> = readonly [name: string, check: (node: Node, subject: Of) => Promise<Said | readonly Said[]>];

const OF_EVERY_NODE: readonly Check<Subject | null>[] = [
  ['ipvs', checkIpvs],
  ['capabilities', checkCapabilities],
  ['run-directory', checkRunDirectory],
  ['records', checkRecords],
];

const OF_A_VIRTUAL_SERVER: readonly Check<Subject>[] = [
  ['scheduler', checkScheduler],
  ['sysctl', checkSysctls],
  ['nft', checkNft],
  ['ipv6', checkIpv6],
  ['node-address', checkNodeAddress],
  ['mode', checkMode],
  ['vip-address', checkVirtualAddress],
  ['routes', checkRoutes],
  ['rp-filter', checkReversePath],
  ['virtual-server', checkVirtualServer],
  ['instance', checkInstances],
  ['trouble', checkTroubles],
  ['go-leftovers', checkGoLeftovers],
  ['service-cidr', checkServiceCidr],
  ['kube-proxy', checkKubeProxy],
  ['hosts', checkHosts],
  ['rs', checkServers],
  ['source-ports', checkSourcePorts],
  ['certificate', checkCertificates],
  ['clock', checkClock],
  ['through-vip', checkVirtualServerAnswers],
  ['idle-connections', checkIdleConnections],
];

export interface Examination {
  readonly findings: readonly Finding[];
  readonly skipped: readonly { readonly name: string; readonly why: string }[];
}

/** Makes every check. Never rejects: a check that fails is a finding, too. */
export async function examine(node: Node, subject: Subject | null): Promise<Examination> {
  const findings: Finding[] = [];
  const skipped: { name: string; why: string }[] = [];
  const note = (check: string, said: readonly Said[]): void => {
    for (const { verdict, evidence, remedy, about } of said) {
      const name = about === undefined ? check : `${check} ${about}`;
      if (verdict === 'skip') skipped.push({ name, why: evidence });
      else findings.push({ name, verdict, evidence, remedy });
    }
  };
  for (const [name, check] of OF_EVERY_NODE) note(name, await attempt(() => check(node, subject)));
  for (const [name, check] of OF_A_VIRTUAL_SERVER)
    note(name, subject === null ? [skip('no --vs')] : await attempt(() => check(node, subject)));
  return { findings, skipped };
}

async function attempt(check: () => Promise<Said | readonly Said[]>): Promise<readonly Said[]> {
  try {
    return [await check()].flat();
  } catch (error) {
    return [warn(`this check failed: ${(error as Error).message}`, AS_ROOT)];
  }
}
