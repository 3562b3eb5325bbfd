import { MembershipKeeper } from '../control-loop/membership-keeper.js';
import type { Emit } from '../control-loop/events.js';
import type { Discovery } from '../control-loop/ports.js';
import type { UnitConfig } from '../config/care-config.js';
import type { HealthState } from '../decisions/health.js';
import { lastGoodList } from '../state/last-good-list.js';
import type { Endpoint } from '../values/endpoint.js';
import { systemClock } from './clock.js';

interface MembershipNeeds {
  readonly emit: Emit;
  readonly stateOf: (server: Endpoint) => HealthState;
  /** Whether this node has such a virtual server. */
  readonly isVirtualServer: (server: Endpoint) => boolean;
}

/** Reads the list of the cluster's apiservers; null without `--discover`. */
export async function composeDiscovery({ discovery, probe }: UnitConfig): Promise<Discovery | null> {
  if (discovery === null) return null;
  // Without --discover, the start need not wait for all of it to be loaded.
  const { createKubernetesDiscovery } = await import('../discovery/kubernetes.js');
  return createKubernetesDiscovery({
    kubeconfig: discovery.kubeconfig,
    sourcePorts: probe.sourcePorts,
    clock: systemClock,
    random: Math.random,
  });
}

/** Keeps which real servers there are, beginning with those of `--rs` and of the saved list; null without `--discover`. */
export async function composeMembership(
  config: UnitConfig,
  { emit, stateOf, isVirtualServer }: MembershipNeeds,
): Promise<MembershipKeeper | null> {
  const discovery = await composeDiscovery(config);
  if (discovery === null || config.discovery === null) return null;
  const { virtualServer, realServers, dryRun } = config;
  return await MembershipKeeper.open(realServers, config.discovery, {
    discovery,
    lastGood: lastGoodList(virtualServer.text, Date.now),
    saves: !dryRun,
    scope: { family: virtualServer.family, isVirtualServer },
    stateOf,
    clock: systemClock,
    emit,
  });
}

/** The real servers of `--rs` and of the saved list, for `--run-once`: before a node has joined, it may not ask the cluster. */
export async function knownServers(config: UnitConfig, emit: Emit): Promise<readonly Endpoint[]> {
  const membership = await composeMembership(config, {
    emit,
    stateOf: () => 'unknown',
    isVirtualServer: () => false,
  });
  return membership?.members.map(({ server }) => server) ?? config.realServers;
}
