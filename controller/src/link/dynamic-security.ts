/**
 * A client of mosquitto's dynamic-security plugin: sends commands over its control topic and matches the answers.
 * Never decides about rights, never logs a command: they hold credentials.
 */
import { NanofleetError, toNanofleetError } from '@nanofleet/protocol';
import { type Clock, type Log, linkUnavailable, type Transport } from '@nanofleet/runtime/ports';
import { z } from 'zod';
import { isHarmless, type RightsCommand } from './rights.plan.ts';
import { Session, type SessionLogin } from './session.ts';

const CONTROL = '$CONTROL/dynamic-security/v1';
const ANSWERS = `${CONTROL}/response`;
/** Shorter than a revocation may take. */
const ANSWER_WITHIN_MS = 3_000;
const OPEN_WITHIN_MS = 10_000;
const KEEPALIVE_S = 10;

const answerSchema = z.object({
  responses: z.array(
    z.looseObject({
      command: z.string(),
      error: z.string().optional(),
      data: z.unknown().optional(),
      correlationData: z.string().optional(),
    }),
  ),
});
/** The answer to one command. */
export type RightsAnswer = z.infer<typeof answerSchema>['responses'][number];

interface Waiting {
  readonly resolve: (answers: RightsAnswer[]) => void;
  readonly reject: (error: NanofleetError) => void;
}

/** What the client needs. */
export interface ControlPorts {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly log: Log;
  /** Nobody else's at the broker. */
  readonly clientId: string;
}

/** A connection to the plugin. */
export class DynamicSecurity {
  readonly #session: Session;
  readonly #ports: ControlPorts;
  readonly #waiting = new Map<string, Waiting>();
  readonly #ready: (() => void)[] = [];
  #sent = 0;

  /** Prepares a client; nothing happens before `open`. */
  constructor(
    administrator: Pick<SessionLogin, 'url' | 'username' | 'password' | 'tls'>,
    ports: ControlPorts,
  ) {
    this.#ports = ports;
    this.#session = new Session({
      ...ports,
      login: {
        ...administrator,
        clientId: ports.clientId,
        keepaliveS: KEEPALIVE_S,
        isPersistent: false,
      },
      filters: [ANSWERS],
      received: (_topic, payload) => this.#take(payload),
      heard: () => {
        for (const act of this.#ready) act();
      },
    });
  }

  /**
   * Connects and sees whether the plugin answers this user.
   * @throws NanofleetError BROKER_UNAVAILABLE, BROKER_RIGHTS_UNMANAGED
   */
  async open(): Promise<void> {
    await this.#session.open(OPEN_WITHIN_MS).catch((thrown: unknown) => {
      // A refused subscription means a broker that is there, and a user who is not the administrator of rights.
      throw toNanofleetError(thrown).message.includes('refused to subscribe') ? unmanaged(thrown) : thrown;
    });
    await this.#ask([{ command: 'getDefaultACLAccess' }]).catch(async (cause: unknown) => {
      await this.close();
      throw unmanaged(cause);
    });
  }

  /** Calls `act` after each connection from now on, and at once if there is one. */
  onReady(act: () => void): void {
    this.#ready.push(act);
    if (this.#session.isConnected) act();
  }

  /**
   * Runs commands in one message; what was harmlessly refused counts as done.
   * @throws NanofleetError BROKER_UNAVAILABLE when there is no answer or a command was refused
   */
  async run(commands: readonly RightsCommand[]): Promise<RightsAnswer[]> {
    const answers = await this.#ask(commands);
    for (const { command, error } of answers) {
      if (error === undefined || isHarmless(command, error)) continue;
      throw new NanofleetError('BROKER_UNAVAILABLE', `The broker refused ${command}: ${error}.`);
    }
    return answers;
  }

  /** Ends the connection. */
  async close(): Promise<void> {
    this.#ready.length = 0;
    await this.#session.close();
  }

  #ask(commands: readonly RightsCommand[]): Promise<RightsAnswer[]> {
    if (!this.#session.isConnected)
      return Promise.reject(unavailable(linkUnavailable('it is not connected')));
    this.#sent += 1;
    const correlationData = String(this.#sent);
    const message = { commands: commands.map((command) => ({ ...command, correlationData })) };
    const answered = new Promise<RightsAnswer[]>((resolve, reject) => {
      this.#waiting.set(correlationData, { resolve, reject });
    });
    const fail = (cause: unknown): void => this.#settle(correlationData)?.reject(unavailable(cause));
    const cancel = this.#ports.clock.after(ANSWER_WITHIN_MS, () => fail('it did not answer in time'));
    this.#session
      .publish(CONTROL, Buffer.from(JSON.stringify(message)), { isRetained: false })
      .catch((thrown: unknown) => fail(thrown));
    return answered.finally(cancel);
  }

  #settle(correlationData: string): Waiting | undefined {
    const waiting = this.#waiting.get(correlationData);
    this.#waiting.delete(correlationData);
    return waiting;
  }

  #take(payload: Uint8Array): void {
    const parsed = answerSchema.safeParse(jsonOf(payload));
    if (!parsed.success) {
      this.#ports.log.warn('an answer of the plugin could not be read', { bytes: payload.length });
      return;
    }
    const { responses } = parsed.data;
    this.#settle(responses[0]?.correlationData ?? '')?.resolve(responses);
  }
}

const jsonOf = (payload: Uint8Array): unknown => {
  try {
    return JSON.parse(Buffer.from(payload).toString('utf8'));
  } catch {
    // The schema refuses it.
    return undefined;
  }
};

const unavailable = (cause: unknown) => {
  const why = cause instanceof Error ? cause.message : String(cause);
  const problem = `The broker at MQTT_URL could not be asked about rights: ${why}.`;
  return new NanofleetError('BROKER_UNAVAILABLE', problem, { cause });
};

const unmanaged = (cause: unknown) =>
  new NanofleetError(
    'BROKER_RIGHTS_UNMANAGED',
    "The broker at MQTT_URL does not answer MQTT_USERNAME on mosquitto's dynamic-security topic. Load that plugin and name " +
      'its administrator, or give each device its own topics by other means and set NANOFLEET_BROKER_RIGHTS=external.',
    { cause },
  );
