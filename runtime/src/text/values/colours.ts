/** Owns names of colours with what they look like; values of CSS (CSS Color Module Level 4) where it has the name. Pure. */
import type { EntityValue } from '@nanofleet/protocol';
import type { Word } from './words.ts';

/** A colour as an entity's value. */
export type Colour = Extract<EntityValue, { kind: 'colour' }>;

const COLOURS: ReadonlyMap<string, readonly [number, number, number]> = new Map(
  Object.entries<readonly [number, number, number]>({
    red: [255, 0, 0],
    green: [0, 128, 0],
    blue: [0, 0, 255],
    yellow: [255, 255, 0],
    orange: [255, 165, 0],
    purple: [128, 0, 128],
    violet: [238, 130, 238],
    pink: [255, 192, 203],
    magenta: [255, 0, 255],
    cyan: [0, 255, 255],
    turquoise: [64, 224, 208],
    teal: [0, 128, 128],
    lime: [0, 255, 0],
    white: [255, 255, 255],
    black: [0, 0, 0],
    grey: [128, 128, 128],
    gray: [128, 128, 128],
    brown: [165, 42, 42],
    gold: [255, 215, 0],
    silver: [192, 192, 192],
    beige: [245, 245, 220],
    ivory: [255, 255, 240],
    lavender: [230, 230, 250],
    maroon: [128, 0, 0],
    navy: [0, 0, 128],
    olive: [128, 128, 0],
    salmon: [250, 128, 114],
    coral: [255, 127, 80],
    crimson: [220, 20, 60],
    indigo: [75, 0, 130],
    khaki: [240, 230, 140],
    plum: [221, 160, 221],
    'light blue': [173, 216, 230],
    'light green': [144, 238, 144],
    'dark blue': [0, 0, 139],
    'dark green': [0, 100, 0],
    'dark red': [139, 0, 0],
    'sky blue': [135, 206, 235],
    'warm white': [255, 244, 229],
    'cool white': [244, 253, 255],
  }),
);

const FILLERS = new Set(['color', 'colour', 'coloured', 'colored', 'light', 'lights']);

/** The colour that a text names, or null. Of "bright red light" the longest name that it holds counts. */
export function colourOf(words: readonly Word[]): Colour | null {
  for (let length = Math.min(words.length, 2); length >= 1; length -= 1) {
    for (let at = 0; at + length <= words.length; at += 1) {
      const name = words.slice(at, at + length).join(' ');
      const rgb = FILLERS.has(name) ? undefined : COLOURS.get(name);
      if (rgb !== undefined) return { kind: 'colour', name: name === 'gray' ? 'grey' : name, rgb: [...rgb] };
    }
  }
  return null;
}
