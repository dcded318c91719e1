// Reads a recipe: its files, its commands, what it says that `status` shows. Owns the form of the pages; runs nothing.
import { readFileSync } from 'node:fs';
import { BrokenInvariant } from '@nanofleet/protocol';

/** What a page tells a reader to do. */
export interface Recipe {
  /** Text of agent.yaml. */
  readonly config: string;
  /** Further files by name. */
  readonly files: Readonly<Record<string, string>>;
  /** Commands that end. */
  readonly commands: string | null;
  /** A command that is the agent itself. */
  readonly run: string | null;
  /** Lines of `nanofleet-agent status`, with … for what differs each time. */
  readonly shown: readonly RegExp[];
}

const BLOCK = /^```(\S+)(?: (\S+))?\n(.*?)^```$/gms;

const patternOf = (line: string): RegExp => {
  const parts = line.split('…').map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('.+')}$`, 'm');
};

/** Reads a page; every block of it must be understood. */
export const readRecipe = (path: string): Recipe => {
  const files: Record<string, string> = {};
  let [commands, run]: (string | null)[] = [null, null];
  let shown: RegExp[] = [];
  for (const [, language = '', name = '', body = ''] of readFileSync(path, 'utf8').matchAll(BLOCK)) {
    if (language === 'sh' && name === 'run') run = body;
    else if (language === 'sh') commands = body;
    else if (language === 'text') shown = body.trimEnd().split('\n').map(patternOf);
    else if (name !== '') files[name] = body;
    else throw new BrokenInvariant(`${path} has a block ${language} that nobody follows`);
  }
  const { 'agent.yaml': config, ...others } = files;
  if (config === undefined || shown.length === 0)
    throw new BrokenInvariant(`${path} needs agent.yaml and what status shows`);
  return { config, files: others, commands: commands ?? null, run: run ?? null, shown };
};
