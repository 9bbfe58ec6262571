import { defineSearchAttributeKey } from '@temporalio/common';
import {
  patched,
  proxyActivities,
  setCurrentDetails,
  upsertSearchAttributes,
} from '@temporalio/workflow';
import type { ReturnActivities } from '../contracts/activities.ts';
import { RETURN_STATE_ATTRIBUTE, type ReturnRow } from '../contracts/returns.ts';
import type { ReturnNews } from '../domain/notification.ts';
import { describeStanding, Teller } from './teller.ts';
import { own } from './tries.ts';

const { announceReturn } = proxyActivities<ReturnActivities>(own);

const stateAttribute = defineSearchAttributeKey(RETURN_STATE_ATTRIBUTE, 'KEYWORD');

/** Marks returns that are found in Temporal by their state while they need an operator. */
const FOUND_BY_STATE = 'return-found-by-state';

/**
 * Tells the outside what becomes of a return: row, notifications (each in its order) and current details. One that needs
 * an operator has its state as a search attribute from then on; for all others it would be an action that nobody asks for.
 */
export class ReturnAnnouncer {
  readonly #teller: Teller;
  #news: ReturnNews[] = [];
  /** Whether the row is to be written though there is no news. */
  #rowIsDue = false;
  /** Whether it has needed an operator. */
  #isLookedFor: boolean;

  /**
   * @param row - gives the return's row as it is when an announcement goes out.
   * @param needsOperator - whether the run before this one ended so.
   */
  constructor(row: () => ReturnRow, needsOperator: boolean) {
    this.#isLookedFor = needsOperator;
    this.#teller = new Teller({
      isDue: () => this.#news.length > 0 || this.#rowIsDue,
      tell: () => {
        const told = row();
        const news = this.#news;
        this.#news = [];
        this.#rowIsDue = false;
        setCurrentDetails(describeStanding(told));
        if (news.length > 0) this.#showState(told);
        return announceReturn(told, news);
      },
    });
  }

  /** Whether everything has been told. */
  get idle(): boolean {
    return this.#teller.idle;
  }

  #showState({ state }: ReturnRow): void {
    if (state === 'needs-operator') this.#isLookedFor = true;
    if (!this.#isLookedFor || !patched(FOUND_BY_STATE)) return;
    upsertSearchAttributes([{ key: stateAttribute, value: state }]);
  }

  announce(news: ReturnNews): void {
    this.#news.push(news);
    this.#teller.begin();
  }

  /** Writes the row as it is, without notifying anybody. */
  writeRow(): void {
    this.#rowIsDue = true;
    this.#teller.begin();
  }
}
