/** The bridge between AWS messaging and Temporal: `waybill/bridge`. */
export { bridge, type BridgeOptions, type BridgeState } from './bridge.ts';
export type { Logger } from './logger.ts';
export { QueueUnfitError } from './queue.ts';
export {
  followUp,
  on,
  type FollowUp,
  type Route,
  type RoutedEvent,
  type RouteOptions,
  type TargetOptions,
  type UpdateOptions,
  type Wait,
} from './route.ts';
export { startOnce, type StartAnswer, type StartOnce } from './startOnce.ts';
export { PARKING_CODES, type ParkingCode } from '../contracts/parking.ts';
export {
  signalReference,
  updateReference,
  workflowReference,
  type WorkflowReference,
} from '../contracts/references.ts';
