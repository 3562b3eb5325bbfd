// A kernel without IPVS, and one that gets it later. Only in a guest of our own: modules belong to everyone.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { Ipvs, isIpvsMissing } from '../../src/netlink/index.js';
import { freshService, inGuest, netlinkError, tcp, patience } from '../support/netlink.js';
import { ipvsadm, lines, shell } from '../support/tools.js';

const MODPROBE = '/proc/sys/kernel/modprobe';
const service = tcp('10.103.97.2', 6443);

function loadedModules(): string[] {
  return lines(readFileSync('/proc/modules', 'ascii')).map((line) => line.split(' ')[0] ?? '');
}

async function unloadIpvs(): Promise<void> {
  if (loadedModules().includes('ip_vs')) await ipvsadm('-C');
  const modules = loadedModules().filter((name) => name.startsWith('ip_vs'));
  // The schedulers and engines hold the module they serve.
  const inOrder = [
    ...modules.filter((name) => name !== 'ip_vs'),
    ...modules.filter((name) => name === 'ip_vs'),
  ];
  for (const name of inOrder) await shell(`rmmod ${name}`);
  assert.deepEqual(
    loadedModules().filter((name) => name.startsWith('ip_vs')),
    [],
  );
}

describe('IPVS missing', { skip: inGuest ? false : 'needs a guest whose modules may come and go' }, () => {
  let modprobe: string;
  before(() => {
    modprobe = readFileSync(MODPROBE, 'ascii').trim();
  });
  after(async () => {
    writeFileSync(MODPROBE, modprobe);
    await shell('modprobe ip_vs');
    await ipvsadm('-C');
  });

  it('is loaded by asking for it, where the module says so: that of Linux 5.10 does not', async () => {
    const aliases = lines(await shell('modinfo -F alias ip_vs'));
    await unloadIpvs();
    const ipvs = Ipvs.open(patience);
    if (aliases.includes('net-pf-16-proto-16-family-IPVS')) {
      assert.match((await ipvs.info()).version, /^\d+\.\d+\.\d+$/);
      assert.ok(loadedModules().includes('ip_vs'));
    } else {
      assert.ok(isIpvsMissing(await netlinkError(ipvs.info(), 'ENOENT', 'resolveFamily')));
      await shell('modprobe ip_vs');
      assert.match((await ipvs.info()).version, /^\d+\.\d+\.\d+$/);
    }
    await ipvs.close();
  });

  it('is recognised by isIpvsMissing, for every operation; the same handle recovers when it appears', async () => {
    const ipvs = Ipvs.open(patience);
    await ipvs.info();
    await unloadIpvs();
    writeFileSync(MODPROBE, '/bin/false');

    const attempts = [
      ipvs.info(),
      ipvs.listServices(),
      ipvs.getService(service),
      ipvs.createService(service, { scheduler: 'rr' }),
      ipvs.deleteService(service),
      ipvs.listDestinations(service),
    ];
    for (const attempt of attempts) {
      const error = await netlinkError(attempt, 'ENOENT', 'resolveFamily');
      assert.ok(isIpvsMissing(error));
    }
    const results = await ipvs.batch([
      { kind: 'createService', service, config: { scheduler: 'rr' } },
      { kind: 'deleteService', service },
    ]);
    assert.deepEqual(
      results.map((result) => !result.ok && isIpvsMissing(result.error)),
      [true, true],
    );

    writeFileSync(MODPROBE, modprobe);
    await shell('modprobe ip_vs');
    await ipvs.createService(service, { scheduler: 'rr' });
    assert.deepEqual(await ipvs.listServices(), [freshService(service, 'rr')]);
    await ipvs.close();
    await ipvsadm('-C');
  });

  it('a handle follows the family to its new number when the module was exchanged in between', async () => {
    await unloadIpvs();
    await shell('modprobe ip_vs');
    const ipvs = Ipvs.open(patience);
    for (let round = 0; round < 3; round++) {
      await ipvs.createService(service, { scheduler: 'rr' });
      await unloadIpvs();
      await shell('modprobe ip_vs');
      assert.equal(await ipvs.getService(service), null);
      const dumped = await ipvs.listServices();
      assert.deepEqual(dumped, []);
    }
    await ipvs.close();
  });

  it('a scheduler that is not there is ENOENT of the request, not IPVS missing', async () => {
    const ipvs = Ipvs.open(patience);
    const error = await netlinkError(
      ipvs.createService(service, { scheduler: 'nosuch' }),
      'ENOENT',
      'createService',
    );
    assert.equal(isIpvsMissing(error), false);
    await ipvs.close();
  });
});
