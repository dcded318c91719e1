/**
 * What the user sees of a start: quiet lines that stay and, while something is at work, one line that says what and for
 * how long. On a terminal that line moves; elsewhere it is printed when a wait is long. Never shows raw errors.
 */
import type { Sink, World } from './world.ts';

const CODES = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 } as const;
/** A way to show text. */
export type Paint = keyof typeof CODES;

const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'] as const;
const FRAME_MS = 100;
/** Off a terminal nothing is silent for longer than this. */
const SILENCE_MS = 1_900;
const ERASE_LINE = '\r\u001b[2K';

/** The story's view. */
export class Screen {
  readonly #world: World;
  readonly #sink: Sink;
  #work: { text: string; begun: number; spoken: number } | null = null;
  #frame = 0;
  #stop: (() => void) | null = null;

  constructor(world: World, sink: Sink) {
    this.#world = world;
    this.#sink = sink;
  }

  get isTTY(): boolean {
    return this.#sink.isTTY;
  }

  /** A line that stays. */
  line(text = ''): void {
    this.#erase();
    this.#sink.write(`${text}\n`);
    if (this.#work !== null) this.#work.spoken = this.#world.ticks();
    this.#draw();
  }

  /** What is at work from now on; null when nothing is. */
  working(text: string | null): void {
    this.#erase();
    const now = this.#world.ticks();
    this.#work = text === null ? null : { text, begun: now, spoken: this.#work?.spoken ?? now };
    if (text === null) {
      this.#stop?.();
      this.#stop = null;
      return;
    }
    this.#stop ??= this.#world.every(FRAME_MS, () => this.#tick());
    this.#draw();
  }

  /** A line that the next one overwrites, on a terminal; elsewhere a line like any other. */
  summary(text: string): void {
    if (this.#sink.isTTY) this.#sink.write(`${ERASE_LINE}${cut(text, this.#sink.columns)}`);
    else this.#sink.write(`${text}\n`);
  }

  paint(text: string, ...paints: readonly Paint[]): string {
    if (!this.#sink.isTTY || !this.#world.colours) return text;
    return `${paints.map((paint) => `\u001b[${CODES[paint]}m`).join('')}${text}\u001b[0m`;
  }

  #tick(): void {
    this.#frame += 1;
    if (this.#sink.isTTY) this.#draw();
    else this.#speak();
  }

  #speak(): void {
    const now = this.#world.ticks();
    if (this.#work === null || now - this.#work.spoken < SILENCE_MS) return;
    this.#work.spoken = now;
    this.#sink.write(`    … ${this.#work.text} (${seconds(now - this.#work.begun)} s)\n`);
  }

  #draw(): void {
    if (this.#work === null || !this.#sink.isTTY) return;
    const { text, begun } = this.#work;
    const frame = FRAMES[this.#frame % FRAMES.length] ?? '·';
    const since = `${seconds(this.#world.ticks() - begun)} s`;
    const shown = cut(`  ${frame}  ${text}  ${since}`, this.#sink.columns);
    this.#sink.write(`${ERASE_LINE}${this.paint(shown, 'dim')}`);
  }

  #erase(): void {
    if (this.#work !== null && this.#sink.isTTY) this.#sink.write(ERASE_LINE);
  }
}

const seconds = (milliseconds: number): string => (milliseconds / 1000).toFixed(1);

/** A line that wraps could not be overwritten. */
const cut = (text: string, columns: number): string =>
  text.length < columns ? text : `${text.slice(0, Math.max(0, columns - 2))}…`;
