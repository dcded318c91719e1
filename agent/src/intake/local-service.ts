/** What the local API serves: the port between the listeners and the agent. Owns no behaviour. */
import type {
  AgentStatus,
  Decision,
  ExamplesAnswer,
  LabelAnswer,
  LabelRequest,
  OutboundAnswer,
  ReplyLine,
  SamplesAnswer,
  SamplesRequest,
  SourceReport,
  TeachRequest,
  WipeAnswer,
} from '@nanofleet/protocol';
import type { AskOptions } from '../inference/decisions.ts';

/** The agent as local programs see it. Each member throws errors of the registry. */
export interface LocalService {
  decide(text: string, ask: AskOptions): Promise<Decision>;
  samples(request: SamplesRequest): Promise<SamplesAnswer>;
  /** Null when it is not remembered. */
  decision(id: string): Decision | null;
  /**
   * Gives the reply to a decision as it comes, at last the decision.
   * @returns how to stop
   */
  reply(id: string, show: (line: ReplyLine) => void): () => void;
  /** @param id a decision, or `last` */
  label(id: string, request: LabelRequest): LabelAnswer;
  teach(request: TeachRequest): LabelAnswer;
  examples(): ExamplesAnswer;
  wipe(): WipeAnswer;
  /** Gives a message to a data source of kind http. */
  post(source: string, text: string): Promise<SourceReport>;
  status(): AgentStatus;
  outbound(): OutboundAnswer;
}
