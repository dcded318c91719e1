/** Owns which parser reads the text of an entity of which kind. Pure. */
import type { EntityParameters, EntityValue, FoundEntity, ValueKind } from '@nanofleet/protocol';
import { colourOf } from './colours.ts';
import { durationOf } from './durations.ts';
import { numberOf } from './numbers.ts';
import { namedThing, type Registry } from './registry.ts';
import { temperatureOf } from './temperatures.ts';
import { timeOf } from './times.ts';
import { wordsOf } from './words.ts';

/**
 * What the text of an entity means; null when it does not say it, and for names of areas and devices, which `withRegistry`
 * looks up.
 */
export function valueOf(text: string, kind: ValueKind): EntityValue | null {
  const words = wordsOf(text);
  switch (kind) {
    case 'number': {
      // A percentage is a number: its sign or word adds nothing.
      const number = numberOf(words.filter((word) => word !== '%' && word !== 'percent'));
      return number === null ? null : { kind, number };
    }
    case 'duration': {
      const seconds = durationOf(words);
      return seconds === null ? null : { kind, seconds };
    }
    case 'time': {
      const time = timeOf(words);
      return time === null ? null : { kind, ...time };
    }
    case 'temperature':
      return temperatureOf(words);
    case 'colour':
      return colourOf(words);
    case 'area':
    case 'device':
      return null;
  }
}

/** The entities with the names that the device knows them by. `types` says which of them name areas or devices. */
export function withRegistry(
  entities: readonly FoundEntity[],
  {
    text,
    types,
    registry,
  }: {
    readonly text: string;
    readonly types: EntityParameters['types'];
    readonly registry: Registry;
  },
): FoundEntity[] {
  return entities.map((entity) => {
    const kind = types.find(({ name }) => name === entity.type)?.value;
    if (kind !== 'area' && kind !== 'device') return entity;
    const known = kind === 'area' ? registry.areas : registry.devices;
    const name = namedThing(text.slice(entity.start, entity.end), known);
    return name === null ? entity : { ...entity, value: { kind, name } };
  });
}
