/**
 * What the user sees: lines, colours, one progress bar at a time. Results go to stdout, everything else to stderr, so
 * that a pipe gets results only. Colour and bars only on a terminal, never with NO_COLOR (no-color.org) or --json.
 */
import type { World } from './world.ts';

const CODES = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 } as const;
/** A way to show text. */
export type Paint = keyof typeof CODES;

const BAR_COLUMNS = 28;
const ERASE_LINE = '\r\u001b[2K';

/** A running display of how far something is; `end` leaves one line that stays. */
export interface Bar {
  update(done: number, total: number): void;
  end(text: string): void;
}

/** The two streams of the command as the commands use them. */
export class Terminal {
  readonly json: boolean;
  readonly #world: World;
  #barShown = false;

  constructor(world: World, options: { json: boolean }) {
    this.#world = world;
    this.json = options.json;
  }

  /** Columns of the result stream. */
  get columns(): number {
    return this.#world.stdout.columns;
  }

  /** A line of the result. */
  line(text: string): void {
    this.#world.stdout.write(`${text}\n`);
  }

  /** The whole result as one JSON document on one line. */
  document(value: unknown): void {
    this.line(JSON.stringify(value));
  }

  /** A remark beside the result; silent with --json. */
  note(text: string): void {
    if (!this.json) this.#world.stderr.write(`${text}\n`);
  }

  /** The report of a failure; shown with --json, too. */
  failure(text: string): void {
    this.#eraseBar();
    this.#world.stderr.write(`${text}\n`);
  }

  /** Text in a colour or weight for the result stream, or as it is. */
  paint(text: string, ...paints: readonly Paint[]): string {
    return this.#colours(this.#world.stdout.isTTY) ? coloured(text, paints) : text;
  }

  /** The same for stderr. */
  paintNote(text: string, ...paints: readonly Paint[]): string {
    return this.#colours(this.#world.stderr.isTTY) ? coloured(text, paints) : text;
  }

  /** A progress bar on stderr; off a terminal it shows only its last line. */
  bar(title: string): Bar {
    const shows = this.#world.stderr.isTTY && !this.json;
    return {
      update: (done, total) => {
        if (!shows) return;
        this.#barShown = true;
        this.#world.stderr.write(`${ERASE_LINE}${title} ${this.#drawn(done, total)}`);
      },
      end: (text) => {
        this.#eraseBar();
        this.note(text);
      },
    };
  }

  #drawn(done: number, total: number): string {
    const share = total === 0 ? 1 : Math.min(1, done / total);
    const full = Math.round(share * BAR_COLUMNS);
    const bar =
      this.paintNote('━'.repeat(full), 'cyan') + this.paintNote('━'.repeat(BAR_COLUMNS - full), 'dim');
    return `${bar} ${String(Math.floor(share * 100)).padStart(3)} %`;
  }

  #eraseBar(): void {
    if (this.#barShown) this.#world.stderr.write(ERASE_LINE);
    this.#barShown = false;
  }

  #colours(isTTY: boolean): boolean {
    return (
      isTTY && !this.json && (this.#world.env['NO_COLOR'] ?? '') === '' && this.#world.env['TERM'] !== 'dumb'
    );
  }
}

const coloured = (text: string, paints: readonly Paint[]): string =>
  `${paints.map((paint) => `\u001b[${CODES[paint]}m`).join('')}${text}\u001b[0m`;
