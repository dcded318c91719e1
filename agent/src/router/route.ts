/**
 * Where a decision goes: it is answered on the device in any case; the question is whether a bigger tier is asked, too.
 * Pure; knows neither the text nor the network.
 */
import type { OffloadPolicy, Verdict } from '@nanofleet/protocol';

/** `stay`: the own model is sure. `refuse`: it is not, but policy keeps the text here. `offload`: ask a bigger tier. */
export type Route = 'stay' | 'refuse' | 'offload';

/** The route of one decision. */
export const routeOf = (verdict: Verdict, policy: OffloadPolicy): Route => {
  if (verdict === 'sure') return 'stay';
  return policy === 'none' ? 'refuse' : 'offload';
};
