import type { Clock } from "#core/clock.ts";
import type { Log } from "#core/handler.ts";
import type { ReminderMeter } from "#core/meters.ts";
import type { Database } from "../ledger/database.ts";
import type { Producer } from "../producer/producer.ts";
import { Backlog } from "./backlog.ts";
import { Compliance } from "./compliance.ts";
import { Deliveries } from "./deliveries.ts";
import { DueMessages } from "./due-messages.ts";
import { HolidayBook } from "./holiday-book.ts";
import { Obligations } from "./obligations.ts";
import { Occurrences } from "./occurrences.ts";
import { PostgresOutbox } from "./outbox.ts";
import { Replanner } from "./replanner.ts";

/** Everything about obligations and the messages that follow from them, put together. Holds no connection of its own. */
export class Reminders {
  readonly holidays: HolidayBook;
  readonly obligations: Obligations;
  readonly occurrences: Occurrences;
  readonly deliveries: Deliveries;
  readonly compliance: Compliance;
  readonly outbox: PostgresOutbox;
  readonly backlog: Backlog;

  constructor(options: {
    database: Database;
    producer: Producer;
    holidaysDir: string;
    clock: Clock;
    log: Log;
    meter: ReminderMeter;
  }) {
    const { database, clock, log, meter } = options;
    this.holidays = new HolidayBook({ dir: options.holidaysDir, log });
    this.obligations = new Obligations({ database, holidays: this.holidays, clock });
    this.occurrences = new Occurrences({ obligations: this.obligations, database, clock });
    this.deliveries = new Deliveries({ database, clock });
    this.compliance = new Compliance({ database, clock });
    const replanner = new Replanner({ database, obligations: this.obligations, holidays: this.holidays, clock, log });
    const due = new DueMessages({ database, producer: options.producer, clock, log, meter });
    this.outbox = new PostgresOutbox({ database, due, replanner, clock, meter });
    this.backlog = new Backlog({ database, clock });
  }
}
