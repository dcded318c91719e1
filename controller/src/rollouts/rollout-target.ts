/** Whom a rollout is for, as its rows keep it. Pure. */
import type { RolloutTarget } from '@nanofleet/protocol';
import type { RolloutRow } from './rollouts.repository.ts';

type Columns = Pick<RolloutRow, 'targetKind' | 'targetGroup' | 'targetTags'>;

/** A target as columns. */
export const targetColumns = (target: RolloutTarget): Columns => {
  if ('group' in target) return { targetKind: 'group', targetGroup: target.group, targetTags: null };
  if ('tags' in target) return { targetKind: 'tags', targetGroup: null, targetTags: target.tags };
  return { targetKind: 'all' in target ? 'all' : 'controller', targetGroup: null, targetTags: null };
};

/** The target in columns. */
export const targetOf = ({ targetGroup, targetKind, targetTags }: Columns): RolloutTarget => {
  if (targetKind === 'group' && targetGroup !== null) return { group: targetGroup };
  if (targetKind === 'tags') return { tags: targetTags ?? {} };
  return targetKind === 'controller' ? { controller: true } : { all: true };
};
