import type { Environment } from './settings.js';
import { parseBoolean } from './values.js';

/** An option of klog, the logging library of the Go program: accepted when asked for, and of no use. */
interface KlogOption {
  readonly flag: string;
  readonly kind: 'text' | 'switch';
}

const TEXTS = [
  'log_backtrace_at',
  'log_dir',
  'log_file',
  'log_file_max_size',
  'stderrthreshold',
  'v',
  'vmodule',
];
const SWITCHES = [
  'add_dir_header',
  'alsologtostderr',
  'legacy_stderr_threshold_behavior',
  'logtostderr',
  'one_output',
  'skip_headers',
  'skip_log_headers',
];

const KLOG_OPTIONS: readonly KlogOption[] = [
  ...TEXTS.map((flag) => ({ flag, kind: 'text' }) as const),
  ...SWITCHES.map((flag) => ({ flag, kind: 'switch' }) as const),
];

/** The options of klog if `ENABLE_KLOG_FLAGS` asks for them, as the Go program has it; else none. */
export function klogOptions(environment: Environment): readonly KlogOption[] {
  const asked = environment['ENABLE_KLOG_FLAGS'] ?? '';
  try {
    return parseBoolean(asked, 'ENABLE_KLOG_FLAGS') ? KLOG_OPTIONS : [];
  } catch {
    // What is neither true nor false counts as false there.
    return [];
  }
}
