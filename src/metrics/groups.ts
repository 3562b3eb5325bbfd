import { Registry } from 'prom-client';
import type { Endpoint } from '../values/endpoint.js';
import { declareServerFamilies, type ServerFamilies } from './families.js';

/** So many that their part of the longest family is written within a millisecond or two. */
const GROUP_SIZE = 20;

/** Some of the real servers, with metrics of their own. */
export interface Group {
  readonly servers: readonly Endpoint[];
  readonly registry: Registry;
  readonly families: ServerFamilies;
}

/**
 * Real servers in groups, so that a thousand of them can be told of without a pause in everything else: prom-client writes
 * a family in one go. At least one, for destinations of the kernel that nobody configured.
 */
export function groupsOf(servers: readonly Endpoint[]): readonly [Group, ...Group[]] {
  const [first, ...rest] = Array.from({ length: Math.ceil(servers.length / GROUP_SIZE) }, (_, index) =>
    groupOf(servers.slice(index * GROUP_SIZE, (index + 1) * GROUP_SIZE)),
  );
  return [first ?? groupOf([]), ...rest];
}

function groupOf(servers: readonly Endpoint[]): Group {
  const registry = new Registry();
  return { servers, registry, families: declareServerFamilies(registry) };
}
