/** Everything that can be asked of IPVS, checked and turned into what the addon takes. */

import type { WireIpvsRequest } from './contract.js';
import { checkFamilies, destinationConfigToWire, destinationToWire } from './destination.js';
import { serviceConfigToWire, serviceToWire } from './service.js';
import { timeoutsToWire } from './ipvs-timeouts.js';
import type { IpvsOperation, IpvsTimeoutsChange, ServiceKey } from './types.js';
import { checkObject, refuse } from './validate.js';

export type IpvsRequest =
  | IpvsOperation
  | { readonly kind: 'info' | 'listServices' | 'getTimeouts' }
  | { readonly kind: 'setTimeouts'; readonly timeouts: IpvsTimeoutsChange }
  | { readonly kind: 'getService' | 'listDestinations'; readonly service: ServiceKey };

/** prefix goes in front of the field paths of errors: `operations[3].`, or nothing. */
export function ipvsRequestToWire(prefix: string, request: IpvsRequest): WireIpvsRequest {
  const nothing = {
    service: null,
    serviceConfig: null,
    destination: null,
    destinationConfig: null,
    timeouts: null,
  };
  switch (request.kind) {
    case 'info':
      return { ...nothing, operation: 'getInfo' };
    case 'listServices':
    case 'getTimeouts':
      return { ...nothing, operation: request.kind };
    case 'setTimeouts':
      return {
        ...nothing,
        operation: request.kind,
        timeouts: timeoutsToWire(`${prefix}timeouts`, request.timeouts),
      };
    case 'getService':
    case 'listDestinations':
    case 'deleteService':
      return {
        ...nothing,
        operation: request.kind,
        service: serviceToWire(`${prefix}service`, request.service),
      };
    case 'createService':
    case 'updateService': {
      const service = serviceToWire(`${prefix}service`, request.service);
      const serviceConfig = serviceConfigToWire(`${prefix}config`, request.config, service);
      return { ...nothing, operation: request.kind, service, serviceConfig };
    }
    case 'createDestination':
    case 'updateDestination': {
      const service = serviceToWire(`${prefix}service`, request.service);
      const destination = destinationToWire(`${prefix}destination`, request.destination);
      const destinationConfig = destinationConfigToWire(`${prefix}config`, request.config);
      checkFamilies(`${prefix}destination`, service, request.destination, destinationConfig);
      return { ...nothing, operation: request.kind, service, destination, destinationConfig };
    }
    case 'deleteDestination': {
      const service = serviceToWire(`${prefix}service`, request.service);
      const destination = destinationToWire(`${prefix}destination`, request.destination);
      return { ...nothing, operation: request.kind, service, destination };
    }
  }
}

const operationKinds: Readonly<Record<IpvsOperation['kind'], true>> = {
  createService: true,
  updateService: true,
  deleteService: true,
  createDestination: true,
  updateDestination: true,
  deleteDestination: true,
};

/** For operations of a batch: only those that change something. */
export function ipvsOperationToWire(prefix: string, operation: IpvsOperation): WireIpvsRequest {
  checkObject(prefix.slice(0, -1), operation);
  if (!Object.hasOwn(operationKinds, operation.kind)) {
    refuse(`${prefix}kind`, `one of ${Object.keys(operationKinds).join(', ')}`, operation.kind);
  }
  return ipvsRequestToWire(prefix, operation);
}
