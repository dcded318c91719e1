/**
 * Owns whether decisions are explained on this device: the policy of its group must allow it and whoever runs the device must not
 * forbid it. Pure; never explains anything.
 */
import type { DesiredState, ExplanationPolicy } from '@nanofleet/protocol';

/** What decides. */
export interface ExplanationFacts {
  /** Whether the agent was started so that nothing is explained, whatever the policy. */
  readonly isForbidden: boolean;
  /** The last desired state; null while none has come, or when it was lost. */
  readonly desired: Pick<DesiredState, 'group' | 'explanations'> | null;
}

/** Why no decision is explained, with who may change it and how; null when they are. */
export function explanationRefusal({ isForbidden, desired }: ExplanationFacts): string | null {
  if (isForbidden)
    return 'This agent was started with --no-explanations; only whoever runs the device can start it without.';
  if (desired === null)
    return 'No desired state of the controller is known here, and without its policy nothing is explained; connect the device.';
  if (desired.explanations === 'local') return null;
  const command = `nanofleet groups explanations ${desired.group} local`;
  return `The policy of group ${desired.group} explains no decisions; an operator of the fleet can allow it: ${command}.`;
}

/** What holds on the device. */
export const explanationsHere = (facts: ExplanationFacts): ExplanationPolicy =>
  explanationRefusal(facts) === null ? 'local' : 'never';
