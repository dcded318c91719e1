/**
 * `authority rotate`, `controller-key rotate`, `rotation show|finish`: keys that devices trust are exchanged while both
 * count. Keeps the profile believing the controller across that.
 */
import type { ApiAnswer, RotationPart } from '@nanofleet/protocol';
import { type Command, type Context, UsageError } from '../command.ts';
import { reroot } from '../trust/reroot.ts';
import { secondsOf, shortDigest, timeText } from '../units.ts';

const DEFAULT_OVERLAP = '30d';
const NAMES_MAX = 20;

type Rotation = ApiAnswer<'rotation'>;

/** A profile that believes an authority believes those of now, so that the next command finds the controller. */
const keepProfile = async ({ profile }: Context, { authorities }: Rotation): Promise<void> => {
  const login = await profile.readLogin();
  if (login.authority !== undefined && authorities !== null)
    await profile.writeLogin({ ...login, authority: authorities });
};

const tell = ({ terminal }: Context, rotation: Rotation): void => {
  if (terminal.json) return terminal.document(rotation);
  const { behind, current, devices, endsAt, next, part, phase } = rotation;
  if (phase === 'none') return terminal.line('No key of this fleet has been rotated.');
  const now = current === null ? 'none' : shortDigest(current);
  terminal.line(
    phase === 'announced'
      ? `${part}: ${now} is followed by ${next === null ? 'none' : shortDigest(next)}; devices trust both until ${timeText(endsAt)} or rotation finish.`
      : `${part}: ${now} has taken over; the old one is gone.`,
  );
  terminal.line(`${devices - behind.length} of ${devices} devices have followed.`);
  if (behind.length === 0) return;
  const more = behind.length > NAMES_MAX ? `, and ${behind.length - NAMES_MAX} more` : '';
  terminal.line(`Not yet: ${behind.slice(0, NAMES_MAX).join(', ')}${more}.`);
  if (phase === 'done')
    terminal.note(
      'Who never heard of it comes back so: nanofleet fleet-tokens new, then enrol again with the same --dir and --name.',
    );
};

const rotate =
  (part: RotationPart) =>
  async (context: Context): Promise<number> => {
    const overlapS = secondsOf(context.flags.text('overlap') ?? DEFAULT_OVERLAP);
    if (overlapS === undefined) throw new UsageError('--overlap is a number with s, m, h or d, as in 30d.');
    const rotation = await (await context.connect()).call('rotate', { body: { part, overlapS } });
    await keepProfile(context, rotation);
    tell(context, rotation);
    if (part === 'controller-key') await nameController(context);
    return 0;
  };

/**
 * The publishers' root names the keys of the controller whose timestamps count: the next one must be among them when it takes over, and
 * the old one is not to stay.
 */
const nameController = async (context: Context): Promise<void> => {
  const { roles } = await (await context.connect()).call('trust');
  if (roles.length === 0) return;
  const isOurs = await context.profile.readKey().then(
    () => true,
    () => false,
  );
  const proposed = isOurs ? await reroot(context, (before) => before) : null;
  if (proposed !== null && 'trust' in proposed) return;
  const how = proposed === null ? 'nanofleet trust renew' : `nanofleet trust sign ${proposed.file}`;
  context.terminal.note(`Publishers have to name the controller's keys of now: ${how}`);
};

async function show(context: Context): Promise<number> {
  const rotation = await (await context.connect()).call('rotation');
  await keepProfile(context, rotation);
  tell(context, rotation);
  return 0;
}

async function finish(context: Context): Promise<number> {
  const body = { leavesBehind: context.flags.isOn('leave-behind') };
  const rotation = await (await context.connect()).call('finishRotation', { body });
  await keepProfile(context, rotation);
  tell(context, rotation);
  if (rotation.part === 'controller-key') await nameController(context);
  return 0;
}

const OVERLAP = { overlap: { type: 'string' } } as const;

/** `authority rotate`, `controller-key rotate`, `rotation show|finish`. */
export const ROTATION: readonly Command[] = [
  {
    words: ['authority', 'rotate'],
    usage: 'authority rotate [--overlap 30d]',
    summary: 'Make another authority of certificates; devices believe both meanwhile',
    arguments: [0, 0],
    options: OVERLAP,
    run: rotate('authority'),
  },
  {
    words: ['controller-key', 'rotate'],
    usage: 'controller-key rotate [--overlap 30d]',
    summary: 'Make another key that signs desired states; devices trust both meanwhile',
    arguments: [0, 0],
    options: OVERLAP,
    run: rotate('controller-key'),
  },
  {
    words: ['rotation', 'show'],
    usage: 'rotation show',
    summary: 'How far it is, and who has not followed',
    arguments: [0, 0],
    run: show,
  },
  {
    words: ['rotation', 'finish'],
    usage: 'rotation finish [--leave-behind]',
    summary: 'Let the next key take over now; the old one ends',
    arguments: [0, 0],
    options: { 'leave-behind': { type: 'boolean' } },
    run: finish,
  },
];
