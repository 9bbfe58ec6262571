import { ORDER_STATE_ATTRIBUTE } from './orders.ts';
import { RETURN_STATE_ATTRIBUTE } from './returns.ts';

/** Every search attribute that the workflows set: each a Keyword. */
export const SEARCH_ATTRIBUTES = [ORDER_STATE_ATTRIBUTE, RETURN_STATE_ATTRIBUTE] as const;
