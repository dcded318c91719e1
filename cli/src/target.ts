/** Whom a bundle is for, as the command line says it. Never talks to a controller. */
import { groupIdSchema, parseId, type RolloutTarget } from '@nanofleet/protocol';
import { type Context, UsageError } from './command.ts';

/** Options that name devices, or the controller. */
export const TARGET_OPTIONS = {
  group: { type: 'string' },
  all: { type: 'boolean' },
  tags: { type: 'string' },
  to: { type: 'string' },
} as const;

/** What follows the name of a command that takes them. */
export const TARGET_USAGE = '--group G | --all | --tags site=oslo,ring=a | --to controller';

/** "site=oslo,ring=a" as tags. @throws UsageError */
export const tagsOf = (text: string): Record<string, string> =>
  Object.fromEntries(
    text.split(',').map((pair) => {
      const [key = '', ...value] = pair.split('=');
      if (key === '' || value.length === 0)
        throw new UsageError(`Tags look like site=oslo,ring=a, not ${text}.`);
      return [key, value.join('=')];
    }),
  );

/** Who shall run a bundle; undefined for nobody yet. @throws UsageError */
export function targetOf({ flags }: Pick<Context, 'flags'>): RolloutTarget | undefined {
  const group = flags.text('group');
  const to = flags.text('to');
  const tags = flags.text('tags');
  const isAll = flags.isOn('all');
  const given = [group !== undefined, to !== undefined, tags !== undefined, isAll].filter(Boolean).length;
  if (given > 1) throw new UsageError('Give one of --group, --all, --tags and --to controller.');
  if (to !== undefined && to !== 'controller')
    throw new UsageError(`--to takes "controller", not ${JSON.stringify(to)}.`);
  if (group !== undefined) return { group: parseId(groupIdSchema, group) };
  if (tags !== undefined) return { tags: tagsOf(tags) };
  if (to !== undefined) return { controller: true };
  return isAll ? { all: true } : undefined;
}
