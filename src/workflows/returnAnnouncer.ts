import { proxyActivities, setCurrentDetails } from '@temporalio/workflow';
import type { ReturnActivities } from '../contracts/activities.ts';
import type { ReturnRow } from '../contracts/returns.ts';
import type { ReturnNews } from '../domain/notification.ts';
import { describeStanding, Teller } from './teller.ts';
import { own } from './tries.ts';

const { announceReturn } = proxyActivities<ReturnActivities>(own);

/** Tells the outside what becomes of a return: row, notifications (each in its order) and current details. */
export class ReturnAnnouncer {
  readonly #teller: Teller;
  #news: ReturnNews[] = [];
  /** Whether the row is to be written though there is no news. */
  #rowIsDue = false;

  /** @param row - gives the return's row as it is when an announcement goes out. */
  constructor(row: () => ReturnRow) {
    this.#teller = new Teller({
      isDue: () => this.#news.length > 0 || this.#rowIsDue,
      tell: () => {
        const told = row();
        const news = this.#news;
        this.#news = [];
        this.#rowIsDue = false;
        setCurrentDetails(describeStanding(told));
        return announceReturn(told, news);
      },
    });
  }

  /** Whether everything has been told. */
  get idle(): boolean {
    return this.#teller.idle;
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
