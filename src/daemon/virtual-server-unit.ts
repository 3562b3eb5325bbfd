/** One virtual server of a daemon, composed: its lock, monitors, table, host resources, drains, control socket and report. */
import type { Logger } from 'pino';
import type { UnitConfig } from '../config/care-config.js';
import { briefly } from '../control-loop/briefly.js';
import type { ClientSensor } from '../control-loop/client-sensor.js';
import { ControlLoop } from '../control-loop/control-loop.js';
import { dryEmit } from '../control-loop/dry-run.js';
import { emitter, type Emit, type EventDetails, type Observer } from '../control-loop/events.js';
import type { ManualDrains } from '../control-loop/manual-drains.js';
import type { MembershipKeeper } from '../control-loop/membership-keeper.js';
import type { VirtualServerTable } from '../control-loop/ports.js';
import type { Semaphore } from '../async/semaphore.js';
import type { Member } from '../decisions/membership.js';
import { changeBetween, changeInWords, type Change } from '../decisions/reload.js';
import type { SharedMonitors } from '../control-loop/shared-monitors.js';
import type { SharedKernelChanges } from '../host/route-changes.js';
import { DryRunPlan } from '../log/dry-run-plan.js';
import { eventLog } from '../log/event-log.js';
import type { Ipvs } from '../netlink/index.js';
import type { Report, VirtualServerReport } from '../report/report.js';
import { Recorder } from '../report/recorder.js';
import type { DrainedFile } from '../state/drains.js';
import type { Endpoint } from '../values/endpoint.js';
import { clean } from './clean.js';
import { systemClock } from './clock.js';
import { composeManualDrains, forgetDrains, openControl } from './control.js';
import { KEEP, type Unit } from './daemon.js';
import { lockVirtualServer } from './instance-lock.js';
import {
  composeKernel,
  findNodeAddress,
  findOwnInterface,
  type KernelHandles,
  type KnownNodeAddress,
} from './kernel.js';
import { composeDiscovery, composeMembership } from './membership.js';
import type { Probes, SharedProbers } from './probing.js';

/** What the units of a daemon share. */
interface SharedParts {
  readonly log: Logger;
  readonly handles: KernelHandles;
  readonly probers: SharedProbers;
  readonly monitors: SharedMonitors;
  readonly changes: SharedKernelChanges;
  /** Of its own: requests on one handle wait for each other, and no pass is to wait for a status request. */
  readonly statusIpvs: Ipvs;
  readonly clientSensor: ClientSensor;
  /** Further observers of every unit. */
  readonly observers: readonly Observer[];
  /** Virtual servers are removed one after the other: what two of them need goes with the second. */
  readonly cleaning: Semaphore;
  readonly program: Report['program'];
  /** Called before a virtual server is taken care of, and before it goes on with other real servers. */
  readonly onServers: (config: UnitConfig) => void;
  /** Whether this process has such a virtual server. */
  readonly isVirtualServer: (server: Endpoint) => boolean;
}

/** What runs of a unit that was started. */
interface Started {
  readonly lock: AsyncDisposable | null;
  readonly manualDrains: ManualDrains;
  readonly file: DrainedFile;
  readonly table: VirtualServerTable;
  readonly nodeAddress: KnownNodeAddress;
  probes: Probes;
  readonly control: AsyncDisposable | null;
  readonly loop: ControlLoop;
  readonly ending: AbortController;
  readonly running: Promise<void>;
}

/** Goes on with the members as they change. */
interface Following {
  readonly ending: AbortController;
  readonly done: Promise<void>;
}

/** How often a unit that could not be started is started again. */
const RETRY_MS = 10_000;
/** How often the rows of a virtual server that is to be removed are read. */
const RETIRING_MS = 250;
/** How much longer than their drain they are waited for. */
const LATE_MS = 5000;

/** A virtual server that is taken care of. Its methods are called one after the other, but for {@link report}. */
export class VirtualServerUnit implements Unit<UnitConfig> {
  readonly #shared: SharedParts;
  readonly #recorder: Recorder;
  readonly #emit: Emit;
  /** Of a dry run. */
  readonly #plan: DryRunPlan | null;
  #config: UnitConfig;
  /** The configuration, with the real servers of the members, that was applied last. */
  #applied: UnitConfig;
  /** With `--discover`: which real servers there are. */
  #membership: MembershipKeeper | null = null;
  #following: Following | null = null;
  #started: Started | null = null;
  /** Ends the attempts to start. */
  #retrying: { readonly ending: AbortController; readonly done: Promise<void> } | null = null;

  constructor(config: UnitConfig, shared: SharedParts) {
    this.#config = config;
    this.#applied = config;
    this.#shared = shared;
    shared.onServers(config);
    this.#recorder = new Recorder(config, { clock: systemClock, wallClock: Date.now });
    this.#plan = config.dryRun ? new DryRunPlan() : null;
    const emit = emitter(config.virtualServer, [
      eventLog(shared.log, systemClock),
      this.#recorder.record.bind(this.#recorder),
      ...(this.#plan === null ? [] : [this.#plan.observe]),
      ...shared.observers,
    ]);
    this.#emit = config.dryRun ? dryEmit(emit) : emit;
  }

  emit(event: EventDetails): void {
    this.#emit(event);
  }

  report(options: { readonly history: boolean }): VirtualServerReport {
    return this.#recorder.report(options);
  }

  /** Starts it. Rejects if it cannot be started; nothing of it is running then. */
  async start(signal: AbortSignal): Promise<void> {
    const { virtualServer, dryRun } = this.#config;
    const { log, handles, probers, monitors, clientSensor, changes, statusIpvs } = this.#shared;
    const emit = this.#emit;
    // A dry run is in no other's way.
    const lock = dryRun ? null : await lockVirtualServer(virtualServer, 'care', log, signal);
    let control: AsyncDisposable | null = null;
    let probes: Probes | null = null;
    try {
      this.#membership = await this.#openMembership();
      const config = this.#withMembers();
      this.#setServers(config);
      await this.#logStart(config);
      const { manualDrains, file } = await composeManualDrains(config, emit);
      const nodeAddress: KnownNodeAddress = { found: null, ownServers: new Set() };
      const kernel = await composeKernel(config, emit, handles, nodeAddress);
      probes = await probers.use(config, emit);
      await emitAdopted(kernel.table, emit);
      const loop = new ControlLoop(config.realServers, config.policy, {
        ...kernel,
        ...probes,
        virtualServer,
        monitors,
        changes: changes.of(virtualServer),
        clock: systemClock,
        random: Math.random,
        emit,
        manualDrains,
        clientSensor,
      });
      // A dry run leaves the socket to the lvscare that keeps the virtual server.
      if (!dryRun)
        control = await openControl(log, {
          virtualServer,
          realServers: () => this.#withMembers().realServers,
          manualDrains,
          file,
          ipvs: statusIpvs,
          report: () => this.#ownReport(),
          emit,
        });
      const ending = new AbortController();
      const running = loop.run(ending.signal).catch((error: unknown) => {
        emit({ kind: 'fault', where: 'control loop', error: error as Error });
      });
      const { table } = kernel;
      this.#started = {
        lock,
        manualDrains,
        file,
        table,
        nodeAddress,
        probes,
        control,
        loop,
        ending,
        running,
      };
      this.#follow();
      emit({ kind: 'started' });
    } catch (error) {
      probes?.end();
      await control?.[Symbol.asyncDispose]();
      await lock?.[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** After {@link start} has failed: reports why, and starts it as soon as that can be. Returns at once. */
  keepStarting(because: Error): void {
    const ending = new AbortController();
    const attempt = async (): Promise<void> => {
      let error: Error | null = because;
      while (error !== null) {
        this.#emit({ kind: 'not-started', error, retryInMs: RETRY_MS });
        await systemClock.sleep(RETRY_MS, ending.signal);
        if (ending.signal.aborted) return;
        error = await this.start(ending.signal).then(
          () => null,
          (thrown: unknown) => thrown as Error,
        );
      }
    };
    this.#retrying = { ending, done: attempt() };
  }

  /** Goes on with another configuration of the same virtual server. Resolves when the table was brought to it, or could not be. */
  async update(config: UnitConfig, change: Change): Promise<void> {
    await this.#endFollowing();
    this.#config = config;
    this.#emit({ kind: 'updated', changes: changeInWords(change) });
    // It may be starting with what it was.
    const wasStarting = this.#retrying !== null;
    await this.#endRetries();
    if (this.#started === null) this.#setServers({ ...config, members: null });
    if (this.#started !== null)
      await this.#reconfigure(this.#started).catch((error: unknown) => {
        this.#emit({ kind: 'fault', where: 'reload', error: error as Error });
      });
    else if (wasStarting)
      await this.start(new AbortController().signal).catch((error: unknown) => {
        this.keepStarting(error as Error);
      });
  }

  /** Drains its rows, then removes everything of it. Never rejects: what cannot be removed is logged. */
  async retire(signal: AbortSignal): Promise<boolean> {
    const { log, handles, cleaning } = this.#shared;
    const { dryRun, virtualServer } = this.#config;
    this.#emit({ kind: 'retired' });
    await this.#endRetries();
    await this.#endFollowing();
    const wasStarted = this.#started !== null;
    // Its monitors end, and are not overdue then.
    this.#applied = { ...this.#config, realServers: [] };
    this.#recorder.update(this.#applied);
    if (this.#started !== null && !dryRun) await this.#drainAll(this.#started, signal);
    if (signal.aborted && signal.reason === KEEP) return true;
    const lock = await this.#end();
    const release = await cleaning.acquire();
    try {
      // What was never started may be another lvscare's.
      if (wasStarted) await clean(this.#config, log, handles);
    } catch (error) {
      log.error({ event: 'clean', vs: virtualServer.text, err: error }, (error as Error).message);
    } finally {
      await lock?.[Symbol.asyncDispose]();
      release();
    }
    return false;
  }

  /** Ends it. The kernel's table stays as it is. */
  async stop(): Promise<void> {
    await this.#endRetries();
    await this.#endFollowing();
    const wasStarted = this.#started !== null;
    const lock = await this.#end();
    await lock?.[Symbol.asyncDispose]();
    const { text } = this.#config.virtualServer;
    if (this.#plan !== null) this.#shared.log.info({ event: 'plan', vs: text }, this.#plan.inWords());
    if (wasStarted) this.#shared.log.info({ event: 'stopped', vs: text }, `stopped; ${text} stays as it is`);
  }

  /** The configuration, with the members as real servers. */
  #withMembers(): UnitConfig & { readonly members: readonly Member[] | null } {
    const members = this.#membership?.members ?? null;
    const realServers = members?.map(({ server }) => server) ?? this.#config.realServers;
    return { ...this.#config, realServers, members };
  }

  /** Goes on with {@link #config}, in which discovery may be another one. */
  async #reconfigure(started: Started): Promise<void> {
    const { realServers, discovery } = this.#config;
    const reader = await composeDiscovery(this.#config);
    if (reader === null || discovery === null) this.#membership = null;
    else if (this.#membership !== null) this.#membership.configure(realServers, discovery, reader);
    else this.#membership = await this.#openMembership();
    await this.#apply(started);
    this.#follow();
  }

  /** Applies what differs from what was applied last. */
  async #apply(started: Started): Promise<void> {
    const { loop, manualDrains, file, nodeAddress, probes } = started;
    const before = this.#applied;
    const config = this.#withMembers();
    this.#setServers(config);
    const change = changeBetween(before, config);
    if (change === null) return;
    await forgetDrains(change.removed, { manualDrains, file }, this.#emit);
    // What leads to the virtual server depends on the real servers, too: the segment size, and which address is NODE_IP.
    const isOther = change.host || change.added.length + change.removed.length > 0;
    const kernel = isOther
      ? await composeKernel(config, this.#emit, this.#shared.handles, nodeAddress)
      : null;
    if (change.probes) {
      this.#recorder.forgetTroubles(probes.troubles);
      started.probes = await this.#shared.probers.use(config, this.#emit);
    }
    const updated = loop.update({
      servers: config.realServers,
      policy: config.policy,
      probes: change.probes ? started.probes : null,
      resources: kernel?.resources ?? null,
    });
    if (change.probes) probes.end();
    await updated;
  }

  #openMembership(): Promise<MembershipKeeper | null> {
    return composeMembership(this.#config, {
      emit: this.#emit,
      isVirtualServer: this.#shared.isVirtualServer,
      stateOf: (server) => this.#started?.loop.stateOf(server) ?? 'unknown',
    });
  }

  /** Shows these from now on; what happens to others is not recorded. */
  #setServers(config: UnitConfig & { readonly members: readonly Member[] | null }): void {
    this.#applied = config;
    this.#recorder.update(config);
    this.#shared.onServers(config);
  }

  /** Applies each change of the members. */
  #follow(): void {
    const [membership, started] = [this.#membership, this.#started];
    if (membership === null || started === null) return;
    const ending = new AbortController();
    const follow = async (): Promise<void> => {
      for await (const _members of membership.changes(ending.signal)) await this.#apply(started);
    };
    const done = follow().catch((error: unknown) => {
      this.#emit({ kind: 'fault', where: 'membership', error: error as Error });
    });
    this.#following = { ending, done };
  }

  async #endFollowing(): Promise<void> {
    this.#following?.ending.abort();
    await this.#following?.done;
    this.#following = null;
  }

  /** Has no real servers from now on, and waits for the rows to go. */
  async #drainAll({ loop, table }: Started, signal: AbortSignal): Promise<void> {
    const { policy } = this.#config;
    await briefly(loop.update({ servers: [], policy, probes: null, resources: null }), LATE_MS, systemClock);
    const deadlineMs = systemClock.now() + policy.drainTimeoutMs + LATE_MS;
    while (!signal.aborted && systemClock.now() < deadlineMs) {
      const found = await table.read().catch(() => null);
      if (found === null || found.destinations.length === 0) return;
      await systemClock.sleep(RETIRING_MS, signal);
    }
  }

  async #endRetries(): Promise<void> {
    this.#retrying?.ending.abort();
    await this.#retrying?.done;
    this.#retrying = null;
  }

  /** Ends what is running. Resolves to the lock, which is still held. */
  async #end(): Promise<AsyncDisposable | null> {
    const started = this.#started;
    this.#started = null;
    started?.ending.abort();
    await started?.running;
    started?.probes.end();
    await started?.control?.[Symbol.asyncDispose]();
    return started?.lock ?? null;
  }

  #ownReport(): Report {
    return {
      atMs: Date.now(),
      program: this.#shared.program,
      virtualServers: [this.#recorder.report({ history: true })],
    };
  }

  async #logStart(config: UnitConfig): Promise<void> {
    const { log, handles, program } = this.#shared;
    const { virtualServer, dryRun } = config;
    // NODE_IP as of now; null while nothing tells it.
    const nodeAddress = await findNodeAddress(config, handles.rtnetlink).then(
      ({ address }) => address,
      () => null,
    );
    const { version, commit, pid } = program;
    const fields = {
      version,
      commit,
      pid,
      vs: virtualServer.text,
      rs: config.realServers.map((server) => server.text),
      scheduler: config.policy.scheduler,
      mode: config.mode,
      nodeAddress,
      masquerade: config.masquerade,
      intervalMs: config.policy.intervalMs,
      dryRun,
    };
    log.info(
      { event: 'start', ...fields },
      `taking care of ${virtualServer.text}${dryRun ? ', without changing anything; Ctrl-C ends it with what it would change' : ''}`,
    );
    await warnOfOwnAddress(config, log, handles);
  }
}

/** What cannot be read yet may be there later; but without the capability it never will, so the start fails. */
async function emitAdopted(table: VirtualServerTable, emit: Emit): Promise<void> {
  try {
    emit({ kind: 'adopted', found: await table.read() });
  } catch (error) {
    if (((error as Error).cause as NodeJS.ErrnoException | undefined)?.code === 'EPERM') throw error;
  }
}

/** A virtual server at an address of an interface takes the port from the node itself. */
export async function warnOfOwnAddress(
  config: UnitConfig,
  log: Logger,
  { rtnetlink }: KernelHandles,
): Promise<void> {
  const held = await findOwnInterface(config, rtnetlink);
  if (held === null) return;
  const { address, port, text } = config.virtualServer;
  log.warn(
    { event: 'own-address', vs: text, interface: held },
    `${address} is an address of this node, on ${held}: clients of its port ${port}, other hosts too, are given to the real servers; choose a --vs that no host has`,
  );
}
