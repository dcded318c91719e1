/**
 * What may stand in `agent.yaml`: one schema, whose descriptions are what `doctor` and docs/agent-yaml.md say of a field.
 * Owns names, forms and bounds of fields; never reads a file.
 */
import {
  BEAT_INTERVAL_MS,
  PROBATION_LOOK_MS,
  PROBATION_MOST_MS,
  TRANSFER_BYTES_PER_SECOND_MIN,
} from '@nanofleet/protocol';
import { ENGINE_CHOICES } from '@nanofleet/runtime/node';
import { z } from 'zod';
import { sinksSchema } from '../sinks/sink-config.ts';
import { sourcesSchema } from '../sources/source-config.ts';
import { wyomingSchema } from '../wyoming/wyoming-config.ts';

/** Highest port number. */
export const PORT_MAX = 65_535;
/** Bounds of the interval of beats, milliseconds. */
export const BEAT_MS = { min: 100, max: 3_600_000 } as const;

/** Bounds of a probation, milliseconds: a version is looked at once at least, and taken back within the promised time. */
export const PROBATION_MS = { min: PROBATION_LOOK_MS, max: PROBATION_MOST_MS } as const;

const listenSchema = z.strictObject({
  socket: z
    .string()
    .min(1)
    .optional()
    .describe('Unix socket for local programs; agent.sock in the state directory when left out'),
  http: z
    .int()
    .min(0)
    .max(PORT_MAX)
    .optional()
    .describe('port of 127.0.0.1 for local programs, 0 for a free one; none when left out'),
  wyoming: wyomingSchema
    .optional()
    .describe('intents for voice assistants by the Wyoming protocol; not spoken when left out'),
});

/** Schema of the whole file. */
export const agentConfigSchema = z.strictObject({
  version: z.literal(1).describe('version of this form: 1'),
  bundles: z.string().min(1).optional().describe('directory of signed bundles for lines that have none yet'),
  names: z.string().min(1).optional().describe('JSON file of the areas and devices that texts may name'),
  explanations: z
    .boolean()
    .default(true)
    .describe('whether decisions may be explained by words of their texts, as far as the group allows it'),
  engine: z
    .enum(ENGINE_CHOICES)
    .default('auto')
    .describe('what runs the models: auto (the native library where it loads), native or wasm'),
  learning: z.boolean().default(true).describe('whether the device takes part in rounds'),
  fetchBytesPerSecond: z
    .int()
    .min(TRANSFER_BYTES_PER_SECOND_MIN)
    .optional()
    .describe(
      'bytes that are fetched in a second at most, below what the group allows; no bound of its own when left out',
    ),
  beatMs: z
    .int()
    .min(BEAT_MS.min)
    .max(BEAT_MS.max)
    .default(BEAT_INTERVAL_MS)
    .describe('interval of beats, milliseconds'),
  probationMs: z
    .int()
    .min(PROBATION_MS.min)
    .max(PROBATION_MS.max)
    .default(PROBATION_MOST_MS)
    .describe('how long a new version of a model is watched at most before it counts, milliseconds'),
  sources: sourcesSchema.default({}).describe('where data come from, by a name of yours'),
  sinks: sinksSchema.default({}).describe('where decisions and events go, by a name of yours'),
  listen: listenSchema.default({}).describe('where local programs reach the agent'),
});

/** What `agent.yaml` says, defaults filled in. */
export type AgentConfig = z.output<typeof agentConfigSchema>;

/** What an agent without the file goes by. */
export const DEFAULT_CONFIG: AgentConfig = agentConfigSchema.parse({ version: 1 });
