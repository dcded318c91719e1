// Reads a recipe: its files, its commands, what it says that `status` shows and that listeners hear. Owns the form of
// the pages; runs nothing.
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
  /** A command that goes on beside them. */
  readonly listener: string | null;
  /** A command that is the agent itself. */
  readonly run: string | null;
  /** Lines of `nanofleet-agent status`, with … for what differs each time. */
  readonly shown: readonly RegExp[];
  /** Lines of the listener, likewise. */
  readonly heard: readonly RegExp[];
  /** Lines of the commands that end, likewise. */
  readonly printed: readonly RegExp[];
}

const BLOCK = /^```(\S+)(?: (\S+))?\n(.*?)^```$/gms;

const patternOf = (line: string): RegExp => {
  const parts = line.split('…').map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('.+')}$`, 'm');
};

const patternsOf = (body: string): RegExp[] => body.trimEnd().split('\n').map(patternOf);

/** Reads a page; every block of it must be understood. */
export const readRecipe = (path: string): Recipe => {
  const files: Record<string, string> = {};
  const shells: Record<string, string> = {};
  const texts: Record<string, RegExp[]> = {};
  for (const [, language = '', name = '', body = ''] of readFileSync(path, 'utf8').matchAll(BLOCK)) {
    if (language === 'sh' && !name.includes('.')) shells[name] = body;
    else if (language === 'text') texts[name] = patternsOf(body);
    else if (name !== '') files[name] = body;
    else throw new BrokenInvariant(`${path} has a block ${language} that nobody follows`);
  }
  const { 'agent.yaml': config, ...others } = files;
  const { '': commands = null, listen: listener = null, run = null, ...unknownShells } = shells;
  const { '': shown = [], heard = [], printed = [], ...unknownTexts } = texts;
  const unknown = Object.keys({ ...unknownShells, ...unknownTexts });
  if (unknown.length > 0)
    throw new BrokenInvariant(`${path} has blocks that nobody follows: ${unknown.join()}`);
  if (
    config === undefined ||
    shown.length + printed.length === 0 ||
    (listener === null) !== (heard.length === 0)
  )
    throw new BrokenInvariant(
      `${path} needs agent.yaml, what is shown or printed, and what a listener hears`,
    );
  return { config, files: others, commands, listener, run, shown, heard, printed };
};
