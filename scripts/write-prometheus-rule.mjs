// Writes manifests/monitoring/prometheus-rule.yaml from alerts.yaml. With --check it only says, by its exit code, whether it is
// up to date.
import { readFileSync, writeFileSync } from 'node:fs';
import { URL } from 'node:url';

const directory = new URL('../manifests/monitoring/', import.meta.url);
const from = new URL('alerts.yaml', directory);
const to = new URL('prometheus-rule.yaml', directory);

const HEAD = `# The alerts of alerts.yaml for the Prometheus operator; written by scripts/write-prometheus-rule.mjs.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: lvscare
  namespace: kube-system
  labels:
    app.kubernetes.io/name: lvscare
spec:
`;

const [, groups] = readFileSync(from, 'utf8').split(/^(?=groups:$)/m);
if (groups === undefined) throw new Error('alerts.yaml has no line "groups:"');
const text = HEAD + groups.replaceAll(/^(?=.)/gm, '  ');

if (!process.argv.includes('--check')) writeFileSync(to, text);
else if (readFileSync(to, 'utf8') !== text) {
  console.error(
    'prometheus-rule.yaml is not what alerts.yaml has; run node scripts/write-prometheus-rule.mjs',
  );
  process.exitCode = 1;
}
