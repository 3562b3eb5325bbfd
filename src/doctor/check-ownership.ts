/** Whose the virtual server is, and what is left of others. */
import { judgeHolder, type Holder } from '../values/lock-holder.js';
import { about, fail, ok, skip, warn, type Said } from './finding.js';
import { readIpVs } from './ip-vs-table.js';
import { careManifests } from './manifests.js';
import type { Node, Subject } from './ports.js';
import { baseName, careProcesses, flagValue, type Process } from './processes.js';

export async function checkVirtualServer(
  { files, ownership }: Node,
  { virtualServer, realServers }: Subject,
): Promise<Said> {
  const table = await readIpVs(files);
  if (table === null) return skip('the kernel has no IPVS loaded, and so no virtual server');
  const { text } = virtualServer;
  const found = table.find(({ server }) => server.text === text);
  const beside = table
    .filter(({ server }) => server.address === virtualServer.address && server.text !== text)
    .map(({ server }) => server.text);
  if (found === undefined)
    return beside.length === 0
      ? ok(`nobody has ${text}`)
      : warn(
          `${beside.join(', ')} has the same address: somebody else's, who may take the way to it along`,
          `see whose it is: ipvsadm -Ln; choose another --vs, or ipvsadm -D -t ${beside[0] ?? ''}`,
        );
  const rows = found.rows.length === 1 ? '1 real server' : `${found.rows.length} real servers`;
  if ((await ownership.holder(virtualServer)) !== null)
    return ok(`${text} is there with ${rows}, taken care of`);
  const known = new Set(realServers.map((server) => server.text));
  const strange = found.rows.filter((row) => known.size > 0 && !known.has(row.text));
  if (strange.length > 0)
    return fail(
      `${text} is there with ${strange.map((row) => row.text).join(', ')}, not of --rs, and no lvscare takes care of it: another program's`,
      `stop that program, then ipvsadm -D -t ${text}; or choose another --vs`,
    );
  const remembered = (await ownership.records()).some((made) => made.virtualServer === text);
  return warn(
    `${text} is there with ${rows}, ${remembered ? 'from an earlier lvscare' : 'not known to lvscare'}, and none takes care of it`,
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
      `${podFiles.join(' and ')} are both for ${text}: only one can have it`,
      `rm ${podFiles[0] ?? ''}, or the other one`,
    );
  const running = (await careProcesses(files, pid)).filter(({ args }) => isOurs(flagValue(args, 'vs')));
  const holder = await ownership.holder(virtualServer);
  if (holder !== null && judgeHolder(holder, uid) === 'squatter')
    return warn(
      `process ${holder.pid ?? '?'} of uid ${holder.uid} has the name of ${text} to itself: nothing keeps a second lvscare away`,
      holder.pid === null ? 'end that process' : `kill ${holder.pid}`,
    );
  return sayInstances(text, running, holder);
}

function sayInstances(text: string, running: readonly Process[], holder: Holder | null): Said {
  const strangers = running.filter(({ pid }) => pid !== holder?.pid);
  const who = strangers.map(
    ({ pid, args }) => `process ${pid} (${args.slice(0, 3).map(baseName).join(' ')})`,
  );
  // A holder without a number here may well be the one that is seen.
  if (holder !== null && (strangers.length === 0 || (holder.pid === null && strangers.length === 1)))
    return ok(
      holder.pid === null
        ? `an lvscare takes care of ${text}`
        : `process ${holder.pid} takes care of ${text}`,
    );
  if (strangers.length === 0) return ok('no lvscare is at work');
  const evidence = `${who.join(' and ')} ${who.length === 1 ? 'is' : 'are'} at work on ${text}`;
  const stop = `stop it where it is started (a static pod: mv its manifest away), or kill ${strangers.map(({ pid }) => pid).join(' ')}`;
  if (holder !== null) return fail(`${evidence} beside process ${holder.pid ?? '?'}, which holds it`, stop);
  if (strangers.length > 1) return fail(`${evidence}, each against the others`, stop);
  return warn(`${evidence} and holds it not: the Go program, or one that is just starting`, stop);
}

export async function checkRecords(
  { ownership }: Node,
  { virtualServer }: Subject,
): Promise<readonly Said[]> {
  const others = (await ownership.records()).filter((made) => made.virtualServer !== virtualServer.text);
  if (others.length === 0) return [ok('nothing is left of another lvscare')];
  return others.map((made) =>
    about(
      made.virtualServer,
      made.held
        ? ok('another lvscare takes care of it')
        : warn(
            'an earlier lvscare created it, and no lvscare takes care of it now: remove it if none will again',
            `lvscare care --vs ${made.virtualServer} --clean`,
          ),
    ),
  );
}

export async function checkGoLeftovers({ ownership }: Node, { virtualServer }: Subject): Promise<Said> {
  const { taken, left, failures, unknown } = await ownership.goLeftovers(virtualServer);
  const clean =
    `lvscare care --vs ${virtualServer.text} --clean, with no lvscare running; it takes the virtual server away too, ` +
    'so put the manifest back after it';
  const [failure] = failures;
  if (taken.length > 0) return warn(`the Go program left ${taken.join(', ')}`, clean);
  if (failure !== undefined) return warn(failure.message, 'run lvscare doctor as root, on the host');
  if (left.length > 0)
    return warn(`not to be taken away by lvscare: ${left.join(', ')}`, 'see who uses it, and remove it');
  return unknown === null ? ok('nothing is left of the Go program') : skip(unknown);
}
