/** The program that manages the virtual server, and what other programs and earlier starts left. */
import type { LockHolder, LockState } from '../values/lock-holder.js';
import { saysReplaced } from '../values/replaced-file.js';
import { isControlPlane } from './check-kubernetes.js';
import { about, AS_ROOT, fail, ok, skip, warn, type Said } from './finding.js';
import { readIpVs } from './ip-vs-table.js';
import { careManifests } from './manifests.js';
import type { Node, Subject } from './ports.js';
import { baseName, careProcesses, flagValue, type Process } from './processes.js';

export async function checkVirtualServer(
  { files, ownership }: Node,
  { virtualServer, realServers }: Subject,
): Promise<Said> {
  const table = await readIpVs(files);
  if (table === null) return skip('IPVS is not loaded, so there is no virtual server');
  const { text } = virtualServer;
  const found = table.find(({ server }) => server.text === text);
  if (found === undefined) {
    const others = table.filter(({ server }) => server.address === virtualServer.address);
    return others.length === 0
      ? ok(`the kernel has no ${text} yet`)
      : warn(
          `${others.map(({ server }) => server.text).join(', ')} has the same address, and the program that created it may remove the route to ${text}`,
          'choose another --vs; or find that program with ipvsadm -Ln, and stop it if the node does not need it',
        );
  }
  const evidence = `${text} exists with ${found.rows.length === 1 ? '1 real server' : `${found.rows.length} real servers`}`;
  if ((await ownership.lock(virtualServer)).kind === 'held')
    return ok(`${evidence}, and an lvscare manages it`);
  const known = new Set(realServers.map((server) => server.text));
  const strange = found.rows.filter((row) => known.size > 0 && !known.has(row.text));
  if (strange.length > 0)
    return fail(
      `${text} exists with ${strange.map((row) => row.text).join(', ')}, which --rs does not name, and no lvscare manages it: another program created it`,
      'choose another --vs; or stop that program: lvscare care then takes over the virtual server, and drains what --rs does not name',
    );
  const isRecorded = (await ownership.records()).some((record) => record.virtualServer.text === text);
  return warn(
    `${evidence}, and no lvscare manages it; ${isRecorded ? 'an earlier lvscare created it' : 'no lvscare has recorded that it created it'}`,
    'start lvscare care, which adopts it',
  );
}

export async function checkInstances(
  { files, ownership, pid, uid }: Node,
  { virtualServer: { text }, virtualServer }: Subject,
): Promise<Said> {
  const isOurs = (vs: string | null): boolean => vs === null || vs === text;
  const pods = (await careManifests(files)).filter(({ args }) => isOurs(flagValue(args, 'vs')));
  const podFiles = [...new Set(pods.map(({ file }) => file))];
  if (podFiles.length > 1)
    return fail(
      `${podFiles.join(' and ')} are both for ${text}, which only one lvscare can manage`,
      `mv ${podFiles[0] ?? ''} /root/, or the other one`,
    );
  const running = (await careProcesses(files, pid)).filter(({ args }) => isOurs(flagValue(args, 'vs')));
  const lock = await ownership.lock(virtualServer);
  if (lock.kind === 'squatted') return saySquatter(text, lock.by);
  const said = sayInstances(text, running, lock);
  if (said.verdict !== 'ok') return said;
  if (lock.kind !== 'held') return await sayNone(text, podFiles, ownership);
  const { whySilent: why, isHidden } = await ownership.daemon(virtualServer);
  if (why === null) return said;
  const remedy = isHidden
    ? "mount the host's /run/lvscare in its pod, as manifests/lvscare.yaml does; until then run lvscare doctor in the pod, too"
    : `read ${ITS_LOG}; then restart it, which keeps all connections`;
  return warn(`${said.evidence}, but does not answer: ${why}`, uid === 0 ? remedy : AS_ROOT);
}

const ITS_LOG = 'its log: crictl logs $(crictl ps -q --name lvscare), or journalctl -u lvscare';

/** What the running lvscare reports: only there some of it is visible, such as a file that a container still has. */
export async function checkTroubles(
  { ownership }: Node,
  { virtualServer }: Subject,
): Promise<readonly Said[]> {
  if ((await ownership.lock(virtualServer)).kind !== 'held') return [skip('no lvscare is running')];
  const { whySilent, troubles } = await ownership.daemon(virtualServer);
  if (whySilent !== null) return [skip(`the running lvscare does not answer: ${whySilent}`)];
  if (troubles.length === 0) return [ok('the running lvscare reports none')];
  return troubles.map(({ what, message }) =>
    about(
      what,
      warn(
        `the running lvscare reports: ${message}`,
        saysReplaced(message)
          ? 'crictl stop $(crictl ps -q --name lvscare)   # kubelet starts it again, with the new file; all connections go on'
          : `repair what it names; read ${ITS_LOG}`,
      ),
    ),
  );
}

function saySquatter(text: string, by: LockHolder | null): Said {
  const pid = by?.pid ?? null;
  const who = by === null ? 'a process that cannot be identified' : `process ${pid ?? '?'} (uid ${by.uid})`;
  return warn(
    `${who} has the name of the instance lock of ${text}, and is not an lvscare: lvscare runs without that name`,
    pid === null ? 'end that process: ss -xlp | grep lvscare' : `kill ${pid}`,
  );
}

/** Without an lvscare: before the first start that is no fault. */
async function sayNone(
  text: string,
  podFiles: readonly string[],
  ownership: Node['ownership'],
): Promise<Said> {
  const isRecorded = (await ownership.records()).some(({ virtualServer }) => virtualServer.text === text);
  const [file] = podFiles;
  if (file === undefined && !isRecorded) return ok('no lvscare is running, and none has run yet');
  return warn(
    `no lvscare is running, although ${file === undefined ? 'one has run here' : `${file} starts one`}: failed apiservers stay in rotation`,
    file === undefined
      ? 'start lvscare care again'
      : 'crictl ps -a --name lvscare; crictl logs $(crictl ps -a -q --name lvscare); journalctl -u kubelet',
  );
}

function sayInstances(text: string, running: readonly Process[], lock: LockState): Said {
  const isHeld = lock.kind === 'held';
  const holder = isHeld ? lock.by : null;
  const others = running.filter(({ pid }) => pid !== holder?.pid);
  const manager = holder?.pid ?? null;
  // A holder outside of this container may be the one process that is visible.
  if (isHeld && (others.length === 0 || (manager === null && others.length === 1)))
    return ok(`${manager === null ? 'an lvscare' : `process ${manager}`} manages ${text}`);
  if (others.length === 0) return ok('no lvscare is running');
  const names = others.map(({ pid, args }) => `process ${pid} (${args.slice(0, 3).map(baseName).join(' ')})`);
  const evidence = `${names.join(' and ')} ${names.length === 1 ? 'manages' : 'manage'} ${text}`;
  const stop = `stop it where it is started (for a static pod, move its manifest away), or kill ${others.map(({ pid }) => pid).join(' ')}`;
  if (isHeld) return fail(`${evidence} while process ${manager ?? '?'} holds its instance lock`, stop);
  if (others.length > 1) return fail(`${evidence}, and each undoes what the others do`, stop);
  return warn(
    `${evidence} without holding its instance lock: the Go lvscare, or an lvscare that is still starting`,
    stop,
  );
}

export async function checkRecords(
  { files, ownership }: Node,
  subject: Subject | null,
): Promise<readonly Said[]> {
  const others = (await ownership.records()).filter(
    ({ virtualServer }) => virtualServer.text !== subject?.virtualServer.text,
  );
  if (others.length === 0)
    return [ok(subject === null ? 'no lvscare left a record' : 'no other lvscare left a record')];
  const table = await readIpVs(files);
  return await Promise.all(
    others.map(async ({ virtualServer: { text, address }, isLocked }) => {
      if (isLocked) return about(text, ok(`${subject === null ? 'an' : 'another'} lvscare manages it`));
      const connections = table?.find(({ server }) => server.text === text)?.connections ?? 0;
      const evidence = 'an earlier lvscare created it, no lvscare manages it now';
      const use = (await isControlPlane(files, address))
        ? "this node's clients use that address"
        : connections > 0
          ? `it has ${connections} established ${connections === 1 ? 'connection' : 'connections'}`
          : null;
      return about(
        text,
        use === null
          ? warn(`${evidence}: remove it if it is not needed`, `lvscare care --vs ${text} --clean`)
          : warn(`${evidence}, and ${use}`, `start lvscare care --vs ${text} again`),
      );
    }),
  );
}

export async function checkGoLeftovers({ ownership }: Node, { virtualServer }: Subject): Promise<Said> {
  const { taken, left, failures, unknown } = await ownership.goLeftovers(virtualServer);
  const clean =
    `lvscare care --vs ${virtualServer.text} --clean, with no lvscare running; it also removes the virtual server, ` +
    'so put the manifest back afterwards';
  const [failure] = failures;
  if (taken.length > 0) return warn(`the Go lvscare left ${taken.join(', ')}`, clean);
  if (failure !== undefined) return warn(failure.message, AS_ROOT);
  if (left.length > 0)
    return warn(
      `the Go lvscare left what --clean does not remove: ${left.join(', ')}`,
      'find the program that uses it, and remove it',
    );
  return unknown === null ? ok('the Go lvscare left nothing') : skip(unknown);
}
