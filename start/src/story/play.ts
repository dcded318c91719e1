/**
 * Plays the steps one after the other and shows what each has seen. A step that fails is told with what was expected;
 * the ones after it are played all the same.
 */
import { toNanofleetError } from '@nanofleet/protocol';
import type { Outcome, Stage, Step } from './step.ts';

/** A played step as the JSON result carries it. */
export interface Played {
  readonly name: string;
  readonly ok: boolean;
  readonly seconds: number;
  readonly fault?: string;
  readonly evidence: Readonly<Record<string, unknown>>;
}

/** Plays one step and shows its lines under its number. */
export async function playStep(stage: Stage, step: Step, number: number): Promise<Played> {
  const { world, screen } = stage;
  screen.working(step.doing);
  const begun = world.ticks();
  const outcome = await step
    .play(stage)
    .catch((thrown: unknown): Outcome => ({ ok: false, lines: [], evidence: {}, fault: told(thrown) }));
  screen.working(null);
  show(stage, outcome, number);
  const seconds = Math.round(world.ticks() - begun) / 1000;
  const { ok, evidence, fault } = outcome;
  return { name: step.name, ok, seconds, ...(fault === undefined ? {} : { fault }), evidence };
}

function told(thrown: unknown): string {
  const { code, message } = toNanofleetError(thrown);
  return `it could not be played: ${code}: ${message}`;
}

function show({ screen }: Stage, { ok, lines, fault }: Outcome, number: number): void {
  const mark = ok ? screen.paint('✓', 'green') : screen.paint('✗', 'red', 'bold');
  const [first = '', ...more] = lines.length > 0 ? lines : [fault ?? ''];
  screen.line(` ${mark} ${screen.paint(String(number), 'bold')}  ${first}`);
  for (const line of more) screen.line(`      ${screen.paint(line, 'dim')}`);
  if (fault !== undefined && lines.length > 0) screen.line(`      ${screen.paint(fault, 'red')}`);
}
