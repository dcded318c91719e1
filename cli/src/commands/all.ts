/** Every command in the order of the help text. */
import type { Command } from '../command.ts';
import { AGENTS } from './agents.ts';
import { ASK } from './ask.ts';
import { CLOUD } from './cloud.ts';
import { DASHBOARD } from './dashboard.ts';
import { DEVICES } from './devices.ts';
import { DEVICES_ADD } from './devices-add.ts';
import { EVENTS } from './events.ts';
import { FLEET_TOKENS } from './fleet-tokens.ts';
import { GROUPS } from './groups.ts';
import { INTENTS } from './intents.ts';
import { JOBS } from './jobs.ts';
import { KEYS } from './keys.ts';
import { LOGIN } from './login.ts';
import { MODEL_FILES } from './model-files.ts';
import { MODELS } from './models.ts';
import { ROLLOUTS } from './rollout.ts';
import { ROTATION } from './rotation.ts';
import { ROUNDS } from './rounds.ts';
import { TOKENS } from './tokens.ts';
import { TRUST } from './trust.ts';
import { TRUST_SIGNING } from './trust-signing.ts';

/** The table that the program searches. */
export const COMMANDS: readonly Command[] = [
  LOGIN,
  ...DASHBOARD,
  DEVICES_ADD,
  ...DEVICES,
  ...GROUPS,
  ...TOKENS,
  ...FLEET_TOKENS,
  ...KEYS,
  ...TRUST,
  ...TRUST_SIGNING,
  ...ROTATION,
  ...MODELS,
  ...MODEL_FILES,
  ...ROLLOUTS,
  ...AGENTS,
  ...JOBS,
  ...INTENTS,
  ...ROUNDS,
  ...CLOUD,
  ASK,
  EVENTS,
];
