/** What the workflows and the routes agree on. */
export const TASK_QUEUE = 'parcels';
/** The signal by which a subscriber follows one more parcel. */
export const FOLLOW = 'follow';

export interface Scan {
  readonly parcelId: string;
  readonly place: string;
  readonly delivered: boolean;
}
