// What the faces of the server share: the studio that draws, the bounds of bodies, files that are kept, what clients and the log are told.
import type { Context } from 'hono';
import type { Intake } from './body.ts';
import type { KeptFile } from './pictures.ts';
import type { Refusal } from './refusal.ts';
import type { Studio } from './studio.ts';

/** A logger: what is known, then what happened. */
export interface Log {
  info(facts: object, what: string): void;
  error(facts: object, what: string): void;
}

export interface Door {
  readonly studio: Studio;
  readonly intake: Intake;
  /** Folder of the Peels that requests may name. */
  readonly peels: string;
  /** Keeps a file for a while; the address under which this client gets it. */
  keep(c: Context, file: KeptFile): string;
  refusal(error: unknown): Refusal;
  /** Notes what went wrong after an answer was begun. */
  log(c: Context, error: unknown): void;
}
