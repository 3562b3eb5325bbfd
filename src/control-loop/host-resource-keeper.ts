import type { Emit } from './events.js';
import type { HostResource } from './ports.js';

/**
 * Keeps what must exist beside the table: routes, sysctls, the masquerade table. It checks each resource when that is due, and
 * repairs it. A check that hangs does not delay
 * those of the resources that notifications report.
 */
export class HostResourceKeeper {
  readonly #resources: readonly HostResource[];
  readonly #emit: Emit;
  #isEnded = false;
  #allDue = false;
  #checkingAll: Promise<void> | null = null;
  /** Those that notifications are about are to be checked, whatever becomes of the others. */
  #notifiedDue = false;
  #checkingNotified: Promise<void> | null = null;
  /** All have been checked once, in their order: the route must not exist before the masquerading that its clients need. */
  #checkedAll = false;
  /** The checks under way: one at a time of each. */
  readonly #checking = new Map<HostResource, Promise<void>>();
  /** Those whose last check or repair failed. */
  readonly #failed = new Set<HostResource>();
  /** The names of those that have been well. */
  readonly #stood = new Set<string>();

  /** @param resources In the order in which they are checked. */
  constructor(resources: readonly HostResource[], emit: Emit) {
    this.#resources = resources;
    this.#emit = emit;
  }

  /** All are to be checked. */
  checkAll(): void {
    this.#allDue = true;
  }

  /** Those that notifications are about are to be checked. */
  checkNotified(): void {
    this.#notifiedDue = true;
  }

  /** Begins no further checks; those under way end. */
  end(): void {
    this.#isEnded = true;
  }

  /** Begins the checks that are due and not under way, and returns at once; {@link underWay} has their promises. */
  begin(): void {
    if (this.#notifiedDue && this.#checkedAll && this.#checkingNotified === null) {
      this.#notifiedDue = false;
      const notified = this.#resources.filter(({ isNotified }) => isNotified);
      this.#checkingNotified = this.#checkEach(notified).finally(() => {
        this.#checkingNotified = null;
      });
    }
    if (this.#allDue && this.#checkingAll === null) {
      this.#allDue = false;
      this.#checkingAll = this.#checkEach(this.#resources).finally(() => {
        this.#checkingAll = null;
        this.#checkedAll = true;
      });
    }
  }

  /** The checks under way; each resolves when it has ended, and none rejects. */
  get underWay(): readonly Promise<void>[] {
    return [this.#checkingAll, this.#checkingNotified].filter((checking) => checking !== null);
  }

  /** Whether the last check of each found it well, or repaired it. */
  get allWell(): boolean {
    return this.#failed.size === 0;
  }

  /** One that fails does not keep the others from being checked. */
  async #checkEach(resources: readonly HostResource[]): Promise<void> {
    for (const resource of resources) {
      if (this.#isEnded) return;
      const before = this.#checking.get(resource) ?? Promise.resolve();
      const checking = before.then(() => this.#check(resource));
      this.#checking.set(resource, checking);
      await checking;
    }
  }

  async #check(resource: HostResource): Promise<void> {
    if (await verifyAndRepair(resource, this.#emit, this.#stood)) this.#failed.delete(resource);
    else this.#failed.add(resource);
  }
}

/**
 * Verifies a resource and repairs it. Resolves to whether it is as it must be now, or is optional.
 *
 * @param stood The names of resources that were right before, kept current. A repair of another one is a creation.
 */
export async function verifyAndRepair(
  resource: HostResource,
  emit: Emit,
  stood = new Set<string>(),
): Promise<boolean> {
  const about = { resource: resource.name };
  try {
    const drift = await resource.verify();
    if (drift === null) emit({ kind: 'resource-ok', ...about });
    else {
      await resource.repair();
      const change =
        resource.isRemoval === true ? 'removed' : stood.has(resource.name) ? 'repaired' : 'created';
      emit({ kind: `resource-${change}`, ...about, drift });
    }
  } catch (error) {
    emit({ kind: 'resource-failed', ...about, error: error as Error });
    return resource.isOptional === true;
  }
  stood.add(resource.name);
  return true;
}
