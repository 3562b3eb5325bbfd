import type { Reporter } from '../control-loop/ports.js';

/**
 * Tells each of them everything, in their order. One that throws keeps nobody from hearing it, and stops nothing: the first one is
 * told of it as a fault, once.
 */
export function fanOut(reporters: readonly [Reporter, ...Reporter[]]): Reporter {
  const [first] = reporters;
  const each = isolating(reporters, (reporter, error) => {
    if (reporter !== first) first.fault(WHO, error);
  });
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
    connectionsEnded: (...heard) => {
      each((reporter) => {
        reporter.connectionsEnded(...heard);
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
    removed: (...heard) => {
      each((reporter) => {
        reporter.removed(...heard);
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

/** The same for who hears of one thing alone: one that throws is told of as a fault, once. */
export function tellEach<Heard extends readonly unknown[]>(
  listeners: readonly ((...heard: Heard) => void)[],
  reporter: Pick<Reporter, 'fault'>,
): (...heard: Heard) => void {
  const each = isolating(listeners, (_listener, error) => {
    reporter.fault(WHO, error);
  });
  return (...heard) => {
    each((listener) => {
      listener(...heard);
    });
  };
}

const WHO = 'an observer';

/** Turns to one listener after the other, whatever they throw. */
function isolating<Listener>(
  listeners: readonly Listener[],
  onFirstFault: (listener: Listener, error: Error) => void,
): (tell: (listener: Listener) => void) => void {
  const faulty = new Set<Listener>();
  return (tell) => {
    for (const listener of listeners)
      try {
        tell(listener);
      } catch (error) {
        if (faulty.has(listener)) continue;
        faulty.add(listener);
        onFirstFault(listener, error as Error);
      }
  };
}
