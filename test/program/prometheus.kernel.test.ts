import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Lab, type LabProcess } from '../../lab/index.js';
import { takeCare, untilWeights } from './lvscare.js';
import { Prometheus, queriesOf } from './prometheus.js';

const ADDRESS = '127.0.0.1:9288';
const [M0, M1, M2] = ['10.103.97.200', '10.103.97.201', '10.103.97.202'] as const;
const ON = 'on (node, local_address, local_port, remote_address, remote_port, proto)';

describe('Prometheus', () => {
  let lab: Lab;
  let daemon: LabProcess;
  let prometheus: Prometheus;
  before(async () => {
    lab = await Lab.create();
    daemon = await takeCare(lab);
    prometheus = await Prometheus.start(lab.node, ADDRESS);
  });
  after(async () => {
    await prometheus[Symbol.asyncDispose]();
    await daemon.stop();
    await lab.close();
  });

  it('scrapes lvscare, and sees every apiserver up', async () => {
    await prometheus.untilValues('lvscare_real_server_up', 'remote_address', { [M0]: 1, [M1]: 1, [M2]: 1 });
    await prometheus.untilValues('lvscare_ipvs_backend_weight', 'remote_address', {
      [M0]: 1,
      [M1]: 1,
      [M2]: 1,
    });
    await prometheus.untilValues('up', 'job', { lvscare: 1, node: 1 });
    assert.deepEqual(await prometheus.scrapes(), { lvscare: '', node: '' });
    const [ready] = await prometheus.query('lvscare_ready');
    assert.equal(ready?.value, 1);
    const [expiry] = await prometheus.query(
      `(lvscare_certificate_expiry_timestamp_seconds{remote_address="${M1}"} - time()) / 86400`,
    );
    assert.ok(expiry !== undefined && expiry.value > 0, 'the certificate that the lab made is valid');
  });

  it("joins it with node_exporter's view of the same table", async () => {
    await prometheus.untilValues(
      `node_ipvs_backend_weight == ${ON} lvscare_ipvs_backend_weight`,
      'remote_address',
      { [M0]: 1, [M1]: 1, [M2]: 1 },
    );
    await prometheus.untilValues(
      `lvscare_real_server_up unless ${ON} node_ipvs_backend_weight`,
      'remote_address',
      {},
    );
  });

  it('counts connections as the kernel does', async () => {
    for (let time = 0; time < 6; time += 1) assert.ok((await lab.node.request()).ok);
    await prometheus.untilValues('sum without (job) (lvscare_ipvs_service_connections_total)', 'node', {
      node0: 6,
    });
    await prometheus.untilValues('lvscare_ipvs_backend_connections_total', 'remote_address', {
      [M0]: 2,
      [M1]: 2,
      [M2]: 2,
    });
  });

  it('sees a failover: who, why, since when, and what became of the row', async () => {
    const [before] = await prometheus.query('vector(time())');
    await lab.master(1).kill();
    await untilWeights(lab, { [lab.master(0).endpoint]: 1, [lab.master(2).endpoint]: 1 });
    await prometheus.untilValues('lvscare_real_server_up == 0', 'remote_address', { [M1]: 0 });
    await prometheus.untilValues('lvscare_real_server_state == 1', 'remote_address', {
      [M0]: 1,
      [M1]: 1,
      [M2]: 1,
    });
    await prometheus.untilValues(`lvscare_real_server_state{remote_address="${M1}"} == 1`, 'state', {
      dead: 1,
    });
    await prometheus.untilValues('lvscare_transitions_total{to="dead"} > 0', 'cause', { refused: 1 });
    await prometheus.untilValues('lvscare_ipvs_backend_weight', 'remote_address', { [M0]: 1, [M2]: 1 });
    const [fell] = await prometheus.query(
      'increase(lvscare_transitions_total{to="dead",cause="refused"}[5m]) > 0',
    );
    assert.equal(fell?.labels['remote_address'], M1, 'the first time is an increase as well');
    const [since] = await prometheus.query(
      `lvscare_last_transition_timestamp_seconds{remote_address="${M1}"}`,
    );
    assert.ok((since?.value ?? 0) >= Math.floor(before?.value ?? Infinity));

    await lab.master(1).start();
    await prometheus.untilValues('lvscare_real_server_up', 'remote_address', { [M0]: 1, [M1]: 1, [M2]: 1 });
    await prometheus.untilValues(`lvscare_transitions_total{to="up",remote_address="${M1}"}`, 'cause', {
      ok: 2,
    });
  });

  it('sees the last resort', async () => {
    for (const master of lab.masters) await master.fail(500);
    await prometheus.untilValues('lvscare_last_resort', 'node', { node0: 1 });
    for (const master of lab.masters) await master.heal();
    await prometheus.untilValues('lvscare_last_resort', 'node', { node0: 0 });
  });

  it('sees that the table was tampered with, and put right', async () => {
    await lab.node.ipvsadm(`-d -t 10.103.97.2:6443 -r ${lab.master(0).endpoint}`);
    await prometheus.untilValues('lvscare_repairs_total > 0', 'what', { 'create-row': 1 });
  });

  it('understands every query of the docs', async () => {
    const queries = await queriesOf('metrics.md');
    assert.ok(queries.length >= 8, `${queries.length} queries`);
    for (const query of queries) await prometheus.query(query);
  });

  it('has nothing against the names and texts of the metrics, in either format', async () => {
    const check = await lab.node.exec('bash', [
      '-c',
      `curl -sS http://${ADDRESS}/metrics | promtool check metrics`,
    ]);
    assert.deepEqual([check.status, check.stdout + check.stderr], [0, '']);
    const type = await lab.node.must('curl', [
      ...['-sS', '-o', '/dev/null', '-w', '%{content_type}'],
      ...['-H', 'Accept: application/openmetrics-text', `http://${ADDRESS}/metrics`],
    ]);
    assert.equal(type, 'application/openmetrics-text; version=1.0.0; charset=utf-8');
  });
});
