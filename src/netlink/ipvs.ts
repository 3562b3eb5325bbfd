import { Handle } from './channel.js';
import type { WireFailure, WireValue } from './contract.js';
import { destinationFromWire } from './destination.js';
import { malformedError } from './errors.js';
import { infoFromWire } from './ipvs-info.js';
import { type IpvsRequest, ipvsOperationToWire, ipvsRequestToWire } from './ipvs-request.js';
import { timeoutsFromWire } from './ipvs-timeouts.js';
import { serviceFromWire } from './service.js';
import type {
  BatchResult,
  Destination,
  DestinationConfig,
  DestinationKey,
  IpvsInfo,
  IpvsOperation,
  IpvsTimeouts,
  IpvsTimeoutsChange,
  RequestOptions,
  Service,
  ServiceConfig,
  ServiceKey,
} from './types.js';
import { checkArray } from './validate.js';

/**
 * The IPVS table of this network namespace. Everything needs CAP_NET_ADMIN (`EPERM` without).
 *
 * Methods reject with a TypeError that names the field if an argument is wrong, before anything is sent; with a
 * {@link NetlinkError} if the kernel refuses or does not answer in time. The first request asks the kernel for its IPVS
 * family, which loads `ip_vs` if it can be loaded; {@link isIpvsMissing} is true of the error if it cannot. Requests are carried out
 * in the order of their calls.
 */
export class Ipvs extends Handle {
  private constructor(options: RequestOptions) {
    super('ipvs', options);
  }

  /** `timeoutMs` is the deadline of requests that name none: 5000 by default. */
  static open(options: RequestOptions = {}): Ipvs {
    return new Ipvs(options);
  }

  /** `ipvsadm -v` says the version as well. */
  async info(options?: RequestOptions): Promise<IpvsInfo> {
    for (const value of await this.#request({ kind: 'info' }, options)) {
      if (value.kind === 'info') return infoFromWire(value);
    }
    throw malformedError('info', 'no answer in it');
  }

  /** `ipvsadm -L --timeout` */
  async getTimeouts(options?: RequestOptions): Promise<IpvsTimeouts> {
    for (const value of await this.#request({ kind: 'getTimeouts' }, options)) {
      if (value.kind === 'timeouts') return timeoutsFromWire(value);
    }
    throw malformedError('getTimeouts', 'no answer in it');
  }

  /** `ipvsadm --set TCP TCPFIN UDP` */
  async setTimeouts(timeouts: IpvsTimeoutsChange, options?: RequestOptions): Promise<void> {
    await this.#request({ kind: 'setTimeouts', timeouts }, options);
  }

  /** `ipvsadm -Ln`, without destinations. */
  async listServices(options?: RequestOptions): Promise<Service[]> {
    return services('listServices', await this.#request({ kind: 'listServices' }, options));
  }

  /** `ipvsadm -Ln -t ADDRESS:PORT`, without destinations. null if there is no such service. */
  async getService(service: ServiceKey, options?: RequestOptions): Promise<Service | null> {
    // ESRCH is IPVS's word for "no such service". (Its ENOENT is for destinations and schedulers.)
    const values = await this.#request(
      { kind: 'getService', service },
      options,
      ({ code }) => code === 'ESRCH',
    );
    return services('getService', values)[0] ?? null;
  }

  /** `ipvsadm -A`. `EEXIST` if there is such a service; `ENOENT` if there is no such scheduler. */
  async createService(service: ServiceKey, config: ServiceConfig, options?: RequestOptions): Promise<void> {
    await this.#request({ kind: 'createService', service, config }, options);
  }

  /** `ipvsadm -E`. `ESRCH` if there is no such service. */
  async updateService(service: ServiceKey, config: ServiceConfig, options?: RequestOptions): Promise<void> {
    await this.#request({ kind: 'updateService', service, config }, options);
  }

  /** `ipvsadm -D`: the service and its destinations. `ESRCH` if there is no such service. */
  async deleteService(service: ServiceKey, options?: RequestOptions): Promise<void> {
    await this.#request({ kind: 'deleteService', service }, options);
  }

  /** `ipvsadm -Ln -t ADDRESS:PORT`. Of a service that does not exist the kernel lists none, without an error. */
  async listDestinations(service: ServiceKey, options?: RequestOptions): Promise<Destination[]> {
    const values = await this.#request({ kind: 'listDestinations', service }, options);
    return values.flatMap((value) =>
      value.kind === 'destination' ? [destinationFromWire('listDestinations', value)] : [],
    );
  }

  /** `ipvsadm -a`. `EEXIST` if there is such a destination; `ESRCH` if there is no such service. */
  async createDestination(
    service: ServiceKey,
    destination: DestinationKey,
    config: DestinationConfig,
    options?: RequestOptions,
  ): Promise<void> {
    await this.#request({ kind: 'createDestination', service, destination, config }, options);
  }

  /** `ipvsadm -e`. `ENOENT` if there is no such destination; `ESRCH` if there is no such service. */
  async updateDestination(
    service: ServiceKey,
    destination: DestinationKey,
    config: DestinationConfig,
    options?: RequestOptions,
  ): Promise<void> {
    await this.#request({ kind: 'updateDestination', service, destination, config }, options);
  }

  /** `ipvsadm -d`. `ENOENT` if there is no such destination; `ESRCH` if there is no such service. */
  async deleteDestination(
    service: ServiceKey,
    destination: DestinationKey,
    options?: RequestOptions,
  ): Promise<void> {
    await this.#request({ kind: 'deleteDestination', service, destination }, options);
  }

  /**
   * Carries out all operations in order in one trip to a worker thread, whether or not some of them fail, and gives
   * each one's result in the same order. The deadline is for all together: what it cuts off is `ETIMEDOUT`.
   */
  async batch(operations: readonly IpvsOperation[], options?: RequestOptions): Promise<BatchResult[]> {
    checkArray('operations', operations);
    const requests = operations.map((operation, i) => ipvsOperationToWire(`operations[${i}].`, operation));
    return this.channel.batch(operations, requests, options);
  }

  async #request(
    request: IpvsRequest,
    options: RequestOptions | undefined,
    absent?: (failure: WireFailure) => boolean,
  ): Promise<WireValue[]> {
    const wire = ipvsRequestToWire('', request);
    return (await this.channel.requests(request.kind, [wire], options, absent)).flat();
  }
}

function services(operation: string, values: readonly WireValue[]): Service[] {
  return values.flatMap((value) => (value.kind === 'service' ? [serviceFromWire(operation, value)] : []));
}
