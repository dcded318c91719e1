/**
 * The registry of expected failures: every error that a user, operator or peer can meet has one code here.
 * Owns codes, whose fault each is, whether a retry can help, and the HTTP status. Never holds a broken invariant:
 * those are assertions. `docs/errors.md` lists the same codes; a test compares both directions.
 */

/** Who has to act: the device's owner, the operator, the controller's host, a provider, or the calling program. */
export type Fault = 'device' | 'operator' | 'controller' | 'provider' | 'caller';

interface Registered {
  readonly fault: Fault;
  readonly retryable: boolean;
  /** HTTP status of the RFC 9457 problem that carries this code. */
  readonly status: number;
  readonly title: string;
}

const entry = (
  fault: Fault,
  status: number,
  title: string,
  retry: 'retry' | 'final' = 'final',
): Registered => ({
  fault,
  retryable: retry === 'retry',
  status,
  title,
});

/** Every error code with its properties. Codes are for ever: one is added, never renamed. */
export const ERRORS = {
  // Messages and frames
  MESSAGE_MALFORMED: entry('device', 400, 'A message could not be decoded'),
  MESSAGE_VERSION_UNKNOWN: entry('device', 400, 'A message has a version that this program does not speak'),
  MESSAGE_TOO_LARGE: entry('device', 413, 'A message is larger than its limit'),
  TOPIC_INVALID: entry('device', 400, 'A topic is not one of ours'),
  ID_INVALID: entry('caller', 400, 'An identifier has a form that is not allowed'),
  FRAME_MALFORMED: entry('device', 400, 'A binary frame could not be decoded'),
  // Input from local programs and operators
  INPUT_INVALID: entry('caller', 400, 'The request does not have the expected form'),
  TEXT_EMPTY: entry('caller', 422, 'The text holds nothing to decide on'),
  TEXT_MALFORMED: entry('caller', 422, 'The text holds NUL or half of a character'),
  TEXT_TOO_LARGE: entry('caller', 413, 'The text is longer than the limit'),
  BATCH_TOO_LARGE: entry('caller', 413, 'The batch holds more items than the limit'),
  BODY_TOO_LARGE: entry('caller', 413, 'The request body is larger than the limit'),
  SAMPLES_INVALID: entry('caller', 422, 'Samples are not finite numbers'),
  SAMPLE_RATE_WRONG: entry('caller', 422, 'The sample rate is not the one that the model line needs'),
  CHANNELS_WRONG: entry('caller', 422, 'The number of channels is not the one that the model line needs'),
  LINE_UNKNOWN: entry('caller', 404, 'No model line of this name runs here'),
  LINE_TASK_WRONG: entry('caller', 409, 'The model line does another task than the one asked for'),
  DECISION_UNKNOWN: entry('caller', 404, 'No decision of this id is remembered'),
  NOT_FOUND: entry('caller', 404, 'There is nothing at this address'),
  METHOD_NOT_ALLOWED: entry('caller', 405, 'This address does not take this method'),
  // Access
  TOKEN_MISSING: entry('caller', 401, 'No token was given'),
  TOKEN_INVALID: entry('caller', 401, 'The token is not valid'),
  ROLE_INSUFFICIENT: entry('caller', 403, 'The token has a role that may not do this'),
  HOST_REFUSED: entry('caller', 403, 'The Host header names a host that this listener does not serve'),
  ORIGIN_REFUSED: entry('caller', 403, 'Requests from web pages are refused'),
  SIGN_IN_CODE_INVALID: entry('caller', 401, 'The sign-in link was used, or its time is over'),
  STREAMS_TOO_MANY: entry('operator', 503, 'The controller feeds its greatest number of streams', 'retry'),
  FLEET_TOKEN_MALFORMED: entry('operator', 400, 'The fleet token could not be read'),
  FLEET_TOKEN_UNKNOWN: entry('operator', 401, 'The controller does not know this fleet token'),
  FLEET_TOKEN_EXPIRED: entry('operator', 401, 'The fleet token has expired'),
  FLEET_TOKEN_USED_UP: entry('operator', 401, 'The fleet token has no uses left'),
  DEVICE_NAME_TAKEN: entry('operator', 409, 'A device of this name is enrolled already'),
  DEVICE_UNKNOWN: entry('operator', 404, 'No device of this name is enrolled'),
  REPORT_FORGED: entry('device', 403, 'A device reports something else than its key has signed'),
  DEVICE_REVOKED: entry('operator', 403, 'The device was revoked'),
  DEVICE_NOT_ENROLLED: entry('device', 409, 'The device is not enrolled'),
  IDENTITY_IN_USE: entry('operator', 409, 'Two devices use one identity'),
  CONTROLLER_IDENTITY_WRONG: entry(
    'controller',
    401,
    'The controller is not the one that the fleet token pins',
  ),
  CERTIFICATE_INVALID: entry('device', 401, 'The connection has no valid certificate of a device'),
  NONCE_INVALID: entry('device', 409, 'The nonce is not of this fleet, or too old', 'retry'),
  REQUESTS_TOO_MANY: entry('caller', 429, 'This address has asked too often lately', 'retry'),
  URL_NOT_PRIVATE: entry('operator', 400, 'A plain URL leads to another host'),
  // Bundles and releases
  BUNDLE_FILE_MISSING: entry('operator', 422, 'A file of the bundle is missing'),
  BUNDLE_TOO_LARGE: entry('operator', 413, 'The bundle or one of its files is larger than the limit'),
  MANIFEST_MALFORMED: entry('operator', 422, 'The manifest does not have the expected form'),
  FILE_NAME_UNSAFE: entry('operator', 422, 'A file of the bundle has a name that could lead elsewhere'),
  MANIFEST_VERSION_UNKNOWN: entry(
    'operator',
    422,
    'The manifest has a format that this program does not know',
  ),
  SIGNATURE_MISSING: entry('operator', 422, 'The bundle is not signed'),
  SIGNATURE_MALFORMED: entry('operator', 422, 'The signature file does not have the expected form'),
  SIGNATURE_KEY_FOREIGN: entry('operator', 422, 'The bundle is signed with a key that is not pinned'),
  SIGNATURE_WRONG: entry('operator', 422, 'The signature does not fit the manifest'),
  DIGEST_MISMATCH: entry('operator', 422, 'A file does not have the digest that the manifest states'),
  WIRE_FORM_WRONG: entry('operator', 422, 'A file does not expand to what the manifest states'),
  RELEASE_COUNTER_OLD: entry('operator', 409, 'The release is older than the one that runs'),
  NEEDS_NOT_MET: entry('operator', 409, 'The bundle needs more than this device has'),
  MODEL_LOAD_FAILED: entry('operator', 422, 'The model could not be loaded'),
  ENGINE_MISSING: entry('device', 500, 'What runs models does not load on this device'),
  TRIAL_CRASHED: entry('operator', 422, 'The process that tried the new version has crashed'),
  TRIAL_TIMEOUT: entry('operator', 422, 'The new version was not tried to the end in time'),
  TRIAL_MEMORY: entry('operator', 422, 'The process that tried the new version took too much memory'),
  TRIAL_BROKEN: entry('operator', 422, 'The agent has ended several times with the version on trial'),
  MODEL_FAILS: entry('operator', 422, 'The new version fails on inputs of this device'),
  MODEL_NOT_FINITE: entry('operator', 422, 'The new version gives scores that are no numbers'),
  MODEL_DISAGREES: entry('operator', 422, 'The new version gives other labels than the one that runs'),
  MODEL_ABSTAINS: entry('operator', 422, 'The new version is not sure where the one that runs is'),
  MODEL_SLOW: entry('operator', 422, 'The new version is much slower than the one that runs'),
  MODEL_HEAVY: entry('operator', 422, 'The new version takes much more memory than the one that runs'),
  GOLDEN_MISMATCH: entry('operator', 422, 'The model does not reproduce its golden vectors'),
  TOKENIZER_UNSUPPORTED: entry(
    'operator',
    422,
    'A tokenizer.json holds something that this program does not take',
  ),
  LINES_TOO_MANY: entry('operator', 409, 'The device runs its greatest number of model lines'),
  AGENT_PLATFORM_WRONG: entry('operator', 409, 'The release of the agent is not for this platform'),
  AGENT_DOWNGRADE: entry('operator', 409, 'The release of the agent is not newer than the one that runs'),
  AGENT_NO_LOADER: entry('device', 409, 'The agent was not started by a loader that could start another'),
  AGENT_START_FAILED: entry('operator', 422, 'The new agent ended again and again before it was committed'),
  AGENT_NO_CONTACT: entry('operator', 422, 'The new agent did not reach the controller in its probation'),
  AGENT_DAMAGED: entry('device', 500, 'The files of the agent have changed on the disk'),
  AGENT_UNKNOWN: entry('operator', 404, 'The registry holds no release of the agent of this digest'),
  MODEL_UNKNOWN: entry('operator', 404, 'The registry holds no bundle of this digest'),
  KEY_FILE_INVALID: entry('operator', 422, 'A key file could not be read'),
  // Release metadata
  METADATA_MALFORMED: entry('operator', 422, 'Release metadata does not have the expected form'),
  METADATA_AMBIGUOUS: entry('operator', 422, 'Release metadata could be read in two ways'),
  METADATA_TOO_LARGE: entry('operator', 413, 'Release metadata is larger than its limit'),
  METADATA_SIGNATURE_MALFORMED: entry('operator', 422, 'A signature of release metadata is cut off or none'),
  METADATA_SIGNATURE_WRONG: entry('operator', 422, 'A signature does not fit the release metadata'),
  METADATA_KEY_REVOKED: entry('operator', 422, 'Release metadata is signed with a key that counts no more'),
  METADATA_THRESHOLD_MISSED: entry('operator', 422, 'Too few publishers have signed the release metadata'),
  METADATA_FLEET_WRONG: entry('operator', 422, 'Release metadata is of another fleet'),
  METADATA_ROOT_WRONG: entry(
    'operator',
    422,
    'The root of the release metadata is not the one that is pinned',
  ),
  METADATA_OLD: entry('operator', 409, 'Release metadata is older than what is known'),
  METADATA_MIXED: entry('operator', 422, 'Documents of release metadata do not belong together'),
  METADATA_EXPIRED: entry('operator', 409, 'Release metadata has expired', 'retry'),
  METADATA_FROZEN: entry('controller', 409, 'The controller offers no fresh release metadata', 'retry'),
  METADATA_MISSING: entry('controller', 404, 'The controller does not have release metadata', 'retry'),
  TARGETS_TOO_MANY: entry('operator', 409, 'The release metadata lists its greatest number of releases'),
  TARGET_UNKNOWN: entry('operator', 409, 'The publishers have not released this'),
  TARGET_DISAGREES: entry('controller', 409, 'Controller and publishers say different things of a release'),
  HARDWARE_WRONG: entry('operator', 409, 'The release is for other hardware'),
  FIGURES_FORGED: entry('operator', 422, 'A bundle states other evaluation figures than its publishers'),
  // Link, queue, offload
  LINK_UNAVAILABLE: entry('device', 503, 'There is no connection to the controller', 'retry'),
  RECORD_TOO_LARGE: entry('device', 413, 'A record does not fit the outbox'),
  EXPLANATION_REFUSED: entry('operator', 403, 'The device does not explain its decisions'),
  OFFLOAD_REFUSED: entry('operator', 403, 'The offload policy does not allow this'),
  OFFLOAD_EXPIRED: entry('device', 504, 'The deadline passed before an answer came'),
  OFFLOAD_UNAVAILABLE: entry('controller', 503, 'The controller has no bigger model to ask', 'retry'),
  PROVIDER_UNREACHABLE: entry('provider', 502, 'The provider could not be connected to', 'retry'),
  PROVIDER_TIMEOUT: entry('provider', 504, 'The provider did not answer in time', 'retry'),
  PROVIDER_BUSY: entry('provider', 503, 'The provider takes no more requests for now', 'retry'),
  PROVIDER_FAILED: entry('provider', 502, 'The provider failed', 'retry'),
  PROVIDER_REFUSED: entry('operator', 502, 'The provider refuses the key, the model or the address'),
  PROVIDER_REQUEST_INVALID: entry('controller', 502, 'The provider does not take the request'),
  PROVIDER_CONTEXT_TOO_LONG: entry(
    'provider',
    502,
    'The question is longer than the model of the provider takes',
  ),
  PROVIDER_CONTENT_FILTERED: entry('provider', 502, 'The provider does not answer this for its content'),
  PROVIDER_STREAM_BROKEN: entry('provider', 502, 'The answer of the provider ended before its end', 'retry'),
  PROVIDER_ANSWER_INVALID: entry('provider', 502, 'The answer of the provider is not of the form asked for'),
  PROVIDER_PAUSED: entry(
    'provider',
    503,
    'The provider failed repeatedly and is left alone for a while',
    'retry',
  ),
  BUDGET_SPENT: entry('operator', 402, 'The budget of the day does not cover another call', 'retry'),
  REDACTION_FAILED: entry('device', 500, 'The text could not be redacted, so it stays on the device'),
  DESIRED_REFUSED: entry('controller', 409, 'The desired state is not signed by the pinned controller'),
  DESIRED_FLEET_WRONG: entry('controller', 409, 'The desired state is for another fleet'),
  DESIRED_DEVICE_WRONG: entry('controller', 409, 'The desired state is for another device'),
  DESIRED_REPLAYED: entry('controller', 409, 'The desired state is older than one that the device has taken'),
  ROLLOUT_UNKNOWN: entry('operator', 404, 'No rollout of this id is known'),
  JOB_UNKNOWN: entry('operator', 404, 'No job of this id is known'),
  JOB_OVER: entry('controller', 409, 'The job is over, or a newer execution has taken its place'),
  JOB_TASK_UNKNOWN: entry('operator', 409, 'The agent does not know the task of the job'),
  JOBS_TOO_MANY: entry(
    'operator',
    409,
    'Every device of the target has its greatest number of open jobs',
    'retry',
  ),
  ROLLOUT_ORDER_REFUSED: entry('operator', 409, 'The rollout does not take this order now'),
  ROLLOUT_PLAN_INVALID: entry('operator', 422, 'The plan of a rollout contradicts itself or its target'),
  ROLLOUT_DEVICE_TIMEOUT: entry('device', 504, 'A device did not take the bundle in its time', 'retry'),
  ROLLOUT_ERRORS: entry('operator', 409, 'Too many devices did not take the bundle'),
  ROLLOUT_SUCCESS_MISSED: entry(
    'operator',
    409,
    'A wave has decided, and too few of its devices run the bundle',
  ),
  ROLLOUT_TOO_LONG: entry('operator', 409, 'The rollout was not through in its time'),
  ROLLOUT_GATE_STOPPED: entry(
    'operator',
    409,
    'The model of the rollout is worse on the devices that have it',
  ),
  ROLLOUT_GATE_UNCLEAR: entry(
    'operator',
    409,
    'The wave has made too few decisions to say how good the model is',
  ),
  // Learning
  LABEL_UNKNOWN: entry('caller', 422, 'The model line has no label of this name'),
  LABEL_TAKEN: entry('operator', 409, 'The model line has a label of this name already'),
  LABELS_TOO_MANY: entry('operator', 409, 'The model line can take no more labels'),
  LINE_NOT_TRAINABLE: entry('operator', 409, 'The model of the line does not learn'),
  ROUND_UNKNOWN: entry('operator', 404, 'No round of this id is known'),
  ROUND_OVER: entry('device', 409, 'The round takes no updates any more'),
  ROUND_RUNNING: entry('operator', 409, 'A round of this model line is running'),
  ROUND_DECLINED: entry('device', 409, 'The device does not take part in this round'),
  QUORUM_MISSED: entry('operator', 409, 'Too few devices contributed before the deadline'),
  EXAMPLES_TOO_FEW: entry('device', 409, 'There are fewer examples than needed'),
  TRAINING_FAILED: entry('device', 500, 'The head could not be trained'),
  UPDATE_MALFORMED: entry('device', 400, 'A model update could not be decoded'),
  UPDATE_NOT_FINITE: entry('device', 422, 'A model update holds a number that is not finite'),
  UPDATE_TOO_LARGE: entry('device', 413, 'A model update is larger than its limit'),
  UPDATE_SHAPE_WRONG: entry('device', 422, 'A model update does not have the sizes of the plan'),
  UPDATE_BASE_WRONG: entry('device', 409, 'A model update is relative to another bundle or label list'),
  UPDATE_DUPLICATE: entry('device', 409, 'The device has contributed to this round already'),
  CANDIDATE_BOUND_BROKEN: entry('operator', 422, 'A candidate states a bound that the data contradicts'),
  CANDIDATE_REGRESSED: entry('operator', 422, 'A candidate is worse than its parent beyond the bound'),
  CANDIDATE_UNKNOWN: entry('operator', 404, 'No candidate of this digest is known'),
  // State and host
  STATE_IN_USE: entry('operator', 409, 'The state directory is in use by another process'),
  STATE_CORRUPT: entry('operator', 500, 'The state directory holds something that cannot be read'),
  SOCKET_PATH_TOO_LONG: entry('operator', 400, 'The socket path is longer than 107 bytes'),
  SOCKET_IN_USE: entry('operator', 409, 'Another process listens on this socket'),
  PORT_TAKEN: entry('operator', 409, 'Another process listens on this port'),
  STATE_NOT_EMPTY: entry('operator', 409, 'The place of a restore or a move holds a fleet already'),
  BACKUP_INVALID: entry('operator', 422, 'The file is no whole backup'),
  BACKUP_LOCKED: entry('operator', 401, 'The backup does not open with this passphrase or key'),
  BACKUP_NEWER: entry('operator', 409, 'The backup is of a newer release'),
  BACKUP_EXISTS: entry('operator', 409, 'There is a file of this name already'),
  STORE_FULL: entry('operator', 507, 'The models of a device would take more of its disk than they may'),
  DISK_FULL: entry('operator', 507, 'There is no space left on the disk', 'retry'),
  DATABASE_UNAVAILABLE: entry('controller', 503, 'The database does not answer', 'retry'),
  BROKER_UNAVAILABLE: entry('controller', 503, 'The broker does not answer', 'retry'),
  BROKER_RIGHTS_UNMANAGED: entry('operator', 400, 'Nobody would give devices their rights at this broker'),
  LISTENER_NOT_PRIVATE: entry('operator', 400, 'A listener on this address needs a certificate'),
  SETTING_INVALID: entry('operator', 400, 'A setting or argument has a value that is not allowed'),
  CONFIG_INVALID: entry('operator', 400, 'The file agent.yaml has a mistake'),
  SOURCE_FAILED: entry('operator', 503, 'A data source of agent.yaml cannot be read', 'retry'),
  SOURCE_UNKNOWN: entry('caller', 404, 'The file agent.yaml has no such source for programs'),
  SOURCE_BUSY: entry('caller', 503, 'The source has more messages than it may take', 'retry'),
  SINK_FAILED: entry('operator', 503, 'A sink of agent.yaml cannot be reached', 'retry'),
  SINK_REFUSED: entry('operator', 502, 'A sink of agent.yaml did not take a message'),
  CONTROLLER_UNREACHABLE: entry('operator', 503, 'The controller does not answer', 'retry'),
  NOT_LOGGED_IN: entry('operator', 401, 'No controller is known to this command'),
  // Forge
  TRAINING_SET_INVALID: entry('operator', 422, 'A data set or recipe could not be used'),
  GRAPH_UNSUPPORTED: entry('operator', 422, 'A graph holds something that this program does not support'),
  DELTA_INVALID: entry('operator', 422, 'A delta is damaged, or was made for another base'),
  INTERNAL: entry('controller', 500, 'Something broke; the log has the details', 'retry'),
} as const satisfies Record<string, Registered>;

export type ErrorCode = keyof typeof ERRORS;

/**
 * An expected failure. The message says what was tried, with which value, and what to do; `code` says which kind it is.
 */
export class NanofleetError extends Error {
  readonly code: ErrorCode;
  /** Facts for programs (a path, a limit, a line number); never raw user text or a secret. */
  readonly facts: Readonly<Record<string, string | number | boolean>>;

  constructor(
    code: ErrorCode,
    message: string,
    options: { cause?: unknown; facts?: Record<string, string | number | boolean> } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'NanofleetError';
    this.code = code;
    this.facts = options.facts ?? {};
  }

  get fault(): Fault {
    return ERRORS[this.code].fault;
  }

  get isRetryable(): boolean {
    return ERRORS[this.code].retryable;
  }

  get status(): number {
    return ERRORS[this.code].status;
  }
}

/** Whether a string is a code of the registry. */
export const isErrorCode = (text: string): text is ErrorCode => Object.hasOwn(ERRORS, text);

/** Turns anything thrown into a registered error; what is not ours becomes `INTERNAL` and keeps its cause. */
export const toNanofleetError = (thrown: unknown): NanofleetError =>
  thrown instanceof NanofleetError
    ? thrown
    : new NanofleetError('INTERNAL', thrown instanceof Error ? thrown.message : String(thrown), {
        cause: thrown,
      });

/** Throws when an invariant of the program itself is broken; the process is meant to end. */
export function assert(condition: unknown, invariant: string): asserts condition {
  if (!condition) throw new BrokenInvariant(invariant);
}

/** A fault of the program, not of its surroundings: never caught to go on. */
export class BrokenInvariant extends Error {
  constructor(invariant: string) {
    super(`broken invariant: ${invariant}`);
    this.name = 'BrokenInvariant';
  }
}
