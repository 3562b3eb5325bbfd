import type { Reporter } from '../care/ports.js';

/**
 * Tells each of them everything, in their order. One that throws keeps nobody from hearing it, and stops nothing: the first one is
 * told of it as a fault, once.
 */
export function tellAll(reporters: readonly [Reporter, ...Reporter[]]): Reporter {
  const [first] = reporters;
  const faulty = new Set<Reporter>();
  const each = (tell: (reporter: Reporter) => void): void => {
    for (const reporter of reporters)
      try {
        tell(reporter);
      } catch (error) {
        if (faulty.has(reporter)) continue;
        faulty.add(reporter);
        if (reporter !== first) first.fault('an observer', error as Error);
      }
  };
  return {
    probed: (...heard) => {
      each((reporter) => {
        reporter.probed(...heard);
      });
    },
    judged: (...heard) => {
      each((reporter) => {
        reporter.judged(...heard);
      });
    },
    stillDown: (...heard) => {
      each((reporter) => {
        reporter.stillDown(...heard);
      });
    },
    held: (...heard) => {
      each((reporter) => {
        reporter.held(...heard);
      });
    },
    watchLost: (...heard) => {
      each((reporter) => {
        reporter.watchLost(...heard);
      });
    },
    reconciled: (...heard) => {
      each((reporter) => {
        reporter.reconciled(...heard);
      });
    },
    tableUnreadable: (...heard) => {
      each((reporter) => {
        reporter.tableUnreadable(...heard);
      });
    },
    made: (...heard) => {
      each((reporter) => {
        reporter.made(...heard);
      });
    },
    mended: (...heard) => {
      each((reporter) => {
        reporter.mended(...heard);
      });
    },
    upheld: (...heard) => {
      each((reporter) => {
        reporter.upheld(...heard);
      });
    },
    uncheckable: (...heard) => {
      each((reporter) => {
        reporter.uncheckable(...heard);
      });
    },
    deaf: (...heard) => {
      each((reporter) => {
        reporter.deaf(...heard);
      });
    },
    fault: (...heard) => {
      each((reporter) => {
        reporter.fault(...heard);
      });
    },
  };
}
