/**
 * Money of calls: what one can cost at most, what it did cost, and an estimate where the provider states nothing. Pure.
 * Whole millionths of the currency's unit, always rounded up.
 */
import type { ProviderSettings } from './provider-settings.ts';

/** Tokens of one call. */
export interface Usage {
  readonly inputTokens: number;
  readonly outputTokens: number;
}

/** Tokens that a chat template adds at most around two messages and a schema. */
const TEMPLATE_TOKENS = 64;
/** Bytes per token of an estimate; English text has about four. */
const BYTES_PER_TOKEN = 3;

type Prices = Pick<ProviderSettings, 'pricePerMillion'>;

/** What tokens cost. */
export const costOf = ({ pricePerMillion }: Prices, { inputTokens, outputTokens }: Usage): number =>
  Math.ceil((inputTokens * pricePerMillion.input + outputTokens * pricePerMillion.output) / 1e6);

/** What a call can cost at most: no tokenizer makes more tokens than bytes. */
export const worstCostOf = (
  settings: Prices & Pick<ProviderSettings, 'outputTokensMax'>,
  requestBytes: number,
): number =>
  costOf(settings, {
    inputTokens: requestBytes + TEMPLATE_TOKENS,
    outputTokens: settings.outputTokensMax,
  });

/** Tokens of a call that stated none. */
export const estimatedUsage = (bytes: { request: number; content: number }): Usage => ({
  inputTokens: Math.ceil(bytes.request / BYTES_PER_TOKEN),
  outputTokens: Math.ceil(bytes.content / BYTES_PER_TOKEN),
});

/** The day of UTC that a time belongs to. */
export const dayOf = (unixMs: number): string => new Date(unixMs).toISOString().slice(0, 10);
