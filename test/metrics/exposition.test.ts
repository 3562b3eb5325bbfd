import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Counter, Registry } from 'prom-client';
import { expose, formatFor } from '../../src/metrics/exposition.js';

describe('the format that is asked for', () => {
  const cases: readonly (readonly [accept: string, format: string])[] = [
    ['', 'prometheus'],
    ['*/*', 'prometheus'],
    ['text/html,application/xhtml+xml,*/*;q=0.8', 'prometheus'],
    ['text/plain;version=0.0.4', 'prometheus'],
    // Prometheus 2.42
    [
      'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1',
      'openmetrics',
    ],
    // Prometheus 3
    [
      'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.5,*/*;q=0.2',
      'openmetrics',
    ],
    ['application/openmetrics-text', 'openmetrics'],
    ['APPLICATION/OPENMETRICS-TEXT ; VERSION=1.0.0', 'openmetrics'],
    ['application/openmetrics-text;version=0.0.1', 'prometheus'],
    ['application/openmetrics-text;version=2.0.0', 'prometheus'],
    ['application/openmetrics-text;q=0', 'prometheus'],
    ['application/openmetrics-text;q=0.4,text/plain', 'prometheus'],
    [';;;,,,q=,=', 'prometheus'],
  ];
  for (const [accept, format] of cases) {
    it(`${accept === '' ? 'nothing' : accept}: ${format}`, () => {
      assert.equal(formatFor(accept), format);
    });
  }
});

describe('what an exposition escapes', () => {
  it('is backslashes, newlines, and quotes where they have to be', async () => {
    const registry = new Registry();
    const help = 'Says "no" \\ and\nmore';
    const counter = new Counter({ name: 'x_total', help, labelNames: ['a'], registers: [registry] });
    counter.inc({ a: 'q"b\\s\nn' });
    const now = (): Promise<void> => Promise.resolve();
    assert.equal(
      await expose([registry], 'prometheus', now),
      '# HELP x_total Says "no" \\\\ and\\nmore\n# TYPE x_total counter\nx_total{a="q\\"b\\\\s\\nn"} 1\n',
    );
    assert.equal(
      await expose([registry], 'openmetrics', now),
      '# HELP x Says \\"no\\" \\\\ and\\nmore\n# TYPE x counter\nx_total{a="q\\"b\\\\s\\nn"} 1\n# EOF\n',
    );
  });
});
