/** `ask`: one question to the mini tier of the controller. */
import type { Command, Context } from '../command.ts';
import { shareText } from '../units.ts';

async function ask({ args, connect, terminal }: Context): Promise<number> {
  const answer = await (await connect()).call('ask', { body: { text: args.join(' ') } });
  if (terminal.json) terminal.document(answer);
  else {
    const { label, confidence, verdict, tier, version, micros } = answer;
    const said = verdict === 'sure' ? label : `${verdict}; nearest is ${label}`;
    terminal.line(`${terminal.paint(said, 'bold')}  ${shareText(confidence)}`);
    terminal.note(`${tier} ${version}, ${Math.round(micros)} µs`);
  }
  return 0;
}

/** `ask TEXT`. */
export const ASK: Command = {
  words: ['ask'],
  usage: 'ask TEXT',
  summary: 'Ask the mini tier',
  arguments: [1, 64],
  run: ask,
};
