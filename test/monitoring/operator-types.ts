/**
 * The fields of the Prometheus operator's resources that are used here, monitoring.coreos.com/v1, as its API reference lists
 * them.
 */
interface Metadata<Name extends string> {
  name: Name;
  namespace?: string;
  labels?: Readonly<Record<string, string>>;
}

interface Relabeling {
  sourceLabels?: string[];
  separator?: string;
  targetLabel?: string;
  regex?: string;
  replacement?: string;
  action?: 'replace' | 'keep' | 'drop' | 'labelmap' | 'labeldrop' | 'labelkeep';
}

// ts-unused-exports:disable-next-line
export interface PodMonitor {
  apiVersion: 'monitoring.coreos.com/v1';
  kind: 'PodMonitor';
  metadata: Metadata<'lvscare'>;
  spec: {
    jobLabel?: string;
    namespaceSelector?: { any?: boolean; matchNames?: string[] };
    selector: { matchLabels?: Readonly<Record<string, string>> };
    podMetricsEndpoints: {
      port?: string;
      path?: string;
      scheme?: 'http' | 'https';
      interval?: string;
      scrapeTimeout?: string;
      honorLabels?: boolean;
      relabelings?: Relabeling[];
    }[];
  };
}

// ts-unused-exports:disable-next-line
export interface PrometheusRule {
  apiVersion: 'monitoring.coreos.com/v1';
  kind: 'PrometheusRule';
  metadata: Metadata<'lvscare'>;
  spec: {
    groups: {
      name: string;
      interval?: string;
      rules: {
        alert: string;
        expr: string;
        for?: string;
        labels?: Readonly<Record<string, string>>;
        annotations?: Readonly<Record<string, string>>;
      }[];
    }[];
  };
}
