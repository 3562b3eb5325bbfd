import type { Reporter } from '../care/ports.js';

/** Tells each of them everything, in their order. */
export function tellAll(reporters: readonly Reporter[]): Reporter {
  return {
    probed(...heard) {
      for (const reporter of reporters) reporter.probed(...heard);
    },
    judged(...heard) {
      for (const reporter of reporters) reporter.judged(...heard);
    },
    stillDown(...heard) {
      for (const reporter of reporters) reporter.stillDown(...heard);
    },
    held(...heard) {
      for (const reporter of reporters) reporter.held(...heard);
    },
    watchLost(...heard) {
      for (const reporter of reporters) reporter.watchLost(...heard);
    },
    reconciled(...heard) {
      for (const reporter of reporters) reporter.reconciled(...heard);
    },
    tableUnreadable(...heard) {
      for (const reporter of reporters) reporter.tableUnreadable(...heard);
    },
    mended(...heard) {
      for (const reporter of reporters) reporter.mended(...heard);
    },
    upheld(...heard) {
      for (const reporter of reporters) reporter.upheld(...heard);
    },
    uncheckable(...heard) {
      for (const reporter of reporters) reporter.uncheckable(...heard);
    },
    deaf(...heard) {
      for (const reporter of reporters) reporter.deaf(...heard);
    },
    fault(...heard) {
      for (const reporter of reporters) reporter.fault(...heard);
    },
  };
}
