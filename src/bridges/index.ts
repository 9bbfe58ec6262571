/** The bridge between AWS messaging and Temporal: `waybill/bridge`. */
export { bridge, type BridgeOptions } from './bridge.ts';
export { PARKING_CODES, type ParkingCode } from './codes.ts';
export { QueueUnfitError } from './queue.ts';
export { on, type InboxOptions, type Route, type RoutedEvent } from './route.ts';
export { startOnce, type StartAnswer, type StartOnce } from './startOnce.ts';
