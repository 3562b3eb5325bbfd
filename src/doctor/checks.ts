/** Every check, in the order in which they are told. */
import { checkFirewall } from './check-firewall.js';
import { checkCapabilities, checkNft, checkRunDirectory, checkSysctls } from './check-rights.js';
import { checkIpvs, checkKernel, checkScheduler } from './check-kernel.js';
import { checkHosts, checkKubeProxy, checkServiceCidr } from './check-kubernetes.js';
import {
  checkForwarding,
  checkIpv6,
  checkMode,
  checkNodeAddress,
  checkReversePath,
  checkRoutes,
  checkVirtualAddress,
} from './check-network.js';
import { checkGoLeftovers, checkInstances, checkRecords, checkVirtualServer } from './check-ownership.js';
import { checkCertificates, checkClock, checkServers, checkVirtualServerAnswers } from './check-servers.js';
import { skip, type Finding, type Said } from './finding.js';
import type { Node, Subject } from './ports.js';

type Check = readonly [name: string, look: (node: Node, subject: Subject) => Promise<Said | readonly Said[]>];

/** Those that need not know the virtual server. */
const OF_ANY_NODE: readonly (readonly [
  name: string,
  look: (node: Node) => Promise<Said | readonly Said[]>,
])[] = [
  ['kernel', checkKernel],
  ['ipvs', checkIpvs],
  ['capabilities', checkCapabilities],
  ['run-directory', checkRunDirectory],
];

const OF_A_VIRTUAL_SERVER: readonly Check[] = [
  ['scheduler', checkScheduler],
  ['sysctl', checkSysctls],
  ['nft', checkNft],
  ['ipv6', checkIpv6],
  ['node-address', checkNodeAddress],
  ['mode', checkMode],
  ['vip-address', checkVirtualAddress],
  ['routes', checkRoutes],
  ['rp-filter', checkReversePath],
  ['ip-forward', checkForwarding],
  ['virtual-server', checkVirtualServer],
  ['instance', checkInstances],
  ['records', checkRecords],
  ['go-leftovers', checkGoLeftovers],
  ['service-cidr', checkServiceCidr],
  ['kube-proxy', checkKubeProxy],
  ['hosts', checkHosts],
  ['firewall', checkFirewall],
  ['rs', checkServers],
  ['certificate', checkCertificates],
  ['clock', checkClock],
  ['through-vip', checkVirtualServerAnswers],
];

export interface Examination {
  readonly findings: readonly Finding[];
  readonly skipped: readonly { readonly name: string; readonly why: string }[];
}

/** Looks at everything. Never rejects: what cannot be looked at is a finding as well. */
export async function examine(node: Node, subject: Subject | null): Promise<Examination> {
  const findings: Finding[] = [];
  const skipped: { name: string; why: string }[] = [];
  const note = (name: string, said: readonly Said[]): void => {
    for (const { verdict, evidence, remedy, about } of said) {
      const full = about === undefined ? name : `${name} ${about}`;
      if (verdict === 'skip') skipped.push({ name: full, why: evidence });
      else findings.push({ name: full, verdict, evidence, remedy });
    }
  };
  for (const [name, look] of OF_ANY_NODE) note(name, await attempt(() => look(node)));
  for (const [name, look] of OF_A_VIRTUAL_SERVER)
    note(name, subject === null ? [NO_SUBJECT] : await attempt(() => look(node, subject)));
  return { findings, skipped };
}

const NO_SUBJECT = skip('no --vs');

async function attempt(look: () => Promise<Said | readonly Said[]>): Promise<readonly Said[]> {
  try {
    return [await look()].flat();
  } catch (error) {
    const evidence = `it cannot be looked at: ${(error as Error).message}`;
    return [{ verdict: 'warn', evidence, remedy: 'run lvscare doctor as root, on the host' }];
  }
}
