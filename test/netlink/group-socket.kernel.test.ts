// A socket in netlink groups, which only NET_ADMIN may have.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { listGroupSockets, openGroupSocket } from '../../src/netlink/index.js';

const GROUPS = 0xdead_beef;

/** Opens one in a process of its own, behind what takes rights away; gives the code of the error, or `opened`. */
function elsewhere(...wrapper: readonly string[]): string {
  const script = `
    import { openGroupSocket } from '${new URL('../../src/netlink/index.js', import.meta.url).href}';
    try { openGroupSocket(${GROUPS}); console.log('opened'); } catch (error) { console.log(error.code); }
  `;
  const args = [...wrapper, process.execPath, '--input-type=module', '-e', script];
  return execFileSync('env', args, { encoding: 'utf8' }).trim();
}

const groupsNow = async (): Promise<readonly number[]> =>
  (await listGroupSockets()).map(({ groups }) => groups);

describe('a socket in netlink groups', () => {
  it('is listed with its groups and its port until it is closed', async () => {
    assert.deepEqual(await groupsNow(), []);
    const [one, other] = [openGroupSocket(GROUPS), openGroupSocket(1)];
    assert.notEqual(one.portId, other.portId);
    const listed = await listGroupSockets();
    assert.deepEqual(
      listed.toSorted((left, right) => left.groups - right.groups),
      [
        { portId: other.portId, groups: 1 },
        { portId: one.portId, groups: GROUPS },
      ],
    );
    one.close();
    one.close();
    assert.deepEqual(await groupsNow(), [1]);
    other.close();
    assert.deepEqual(await groupsNow(), []);
  });

  it('is refused to root without NET_ADMIN, and to a user', () => {
    assert.equal(elsewhere(), 'opened');
    assert.equal(elsewhere('setpriv', '--bounding-set=-net_admin', '--inh-caps=-net_admin'), 'EPERM');
    assert.equal(elsewhere('setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'), 'EPERM');
  });

  it('ends with its process', async () => {
    assert.equal(elsewhere(), 'opened');
    assert.deepEqual(await groupsNow(), []);
  });

  it('needs a group', () => {
    for (const groups of [0, -1, 2 ** 32, 1.5, NaN])
      assert.throws(() => openGroupSocket(groups), /^TypeError: groups: expected an integer from 1 to/);
  });
});
