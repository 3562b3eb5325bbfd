import type { Observer } from '../control-loop/events.js';
import { actionInWords } from './event-log.js';

/** What a dry run would change of one virtual server, as its last pass and the last checks of host resources found it. */
export class DryRunPlan {
  #actions: readonly string[] = [];
  readonly #resources = new Map<string, string>();
  #wasRead = false;

  readonly observe: Observer = (event) => {
    switch (event.kind) {
      case 'pass':
        this.#wasRead = true;
        this.#actions = event.results.map(({ action }) => actionInWords(action));
        break;
      case 'table-unreadable':
        this.#wasRead = false;
        break;
      case 'resource-drifted':
        this.#resources.set(event.resource, `${event.change} ${event.resource}`);
        break;
      case 'resource-ok':
        this.#resources.delete(event.resource);
        break;
      default:
        break;
    }
  };

  inWords(): string {
    if (!this.#wasRead) return 'would change: not known, since the table of the kernel was not read';
    const changes = [...this.#actions, ...this.#resources.values()];
    return `would change: ${changes.length === 0 ? 'nothing' : changes.join(', ')}`;
  }
}
