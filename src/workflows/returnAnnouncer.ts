import { proxyActivities, setCurrentDetails } from '@temporalio/workflow';
import type { ReturnActivities } from '../contracts/activities.ts';
import type { ReturnRow } from '../contracts/returns.ts';
import { describeStanding, Teller } from './teller.ts';
import { own } from './tries.ts';

const { announceReturn } = proxyActivities<ReturnActivities>(own);

/** Tells the outside what becomes of a return: row and current details. */
export class ReturnAnnouncer {
  readonly #teller: Teller;
  #due = false;

  /** @param row - gives the return's row as it is when an announcement goes out. */
  constructor(row: () => ReturnRow) {
    this.#teller = new Teller({
      isDue: () => this.#due,
      tell: () => {
        this.#due = false;
        const told = row();
        setCurrentDetails(describeStanding(told));
        return announceReturn(told);
      },
    });
  }

  /** Whether everything has been told. */
  get idle(): boolean {
    return this.#teller.idle;
  }

  announce(): void {
    this.#due = true;
    this.#teller.begin();
  }
}
