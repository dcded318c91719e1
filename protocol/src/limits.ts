/**
 * Every bound of the system, with its unit and with what happens at it. Relations between bounds are asserted when
 * this module loads, so that a change that breaks one fails in every program at once. Never holds a tuning value
 * without effect on safety.
 */
import { assert } from './errors.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

// --- Wire ---------------------------------------------------------------------------------------------------------

/** Largest MQTT packet that we send; brokers default to 2 MB (mosquitto 2.1) and AWS to 128 KiB. Larger is refused. */
export const PACKET_BYTES_MAX = 1_000_000;
/** Largest JSON control message; larger is counted and dropped. */
export const MESSAGE_BYTES_MAX = 64 * KIB;
/** Topic levels of ours; brokers guard depth (aedes refuses beyond 100). */
export const TOPIC_LEVELS_MAX = 8;
/** Number of shards; fixed when a fleet is made, part of every topic. */
export const SHARD_COUNT = 16;
/** Payload of one binary frame; a longer one is cut into several frames by its sender. */
export const FRAME_PAYLOAD_BYTES_MAX = 256 * KIB;
/** Acknowledged ranges in one `ack` message; more are sent in a second message. */
export const ACK_RANGES_MAX = 1_000;
/** Characters of what a device signs about its lines: twice what the most lines take. */
export const ATTESTED_CHARACTERS_MAX = 8_192;
/** Decisions whose answer a device awaits across a reconnect; the oldest is forgotten beyond. */
export const AWAITED_MAX = 256;

// --- Local intake -------------------------------------------------------------------------------------------------

/** UTF-8 bytes of one text; longer is refused with TEXT_TOO_LARGE. */
export const TEXT_BYTES_MAX = 4 * KIB;
/** Texts in one batch; more is refused with BATCH_TOO_LARGE. */
export const BATCH_ITEMS_MAX = 1_000;
/** Body of one local request that is not a stream; more is refused with BODY_TOO_LARGE. */
export const BODY_BYTES_MAX = 8 * MIB;
/** One line of an NDJSON stream; a longer one is reported as that line's error and skipped. */
export const STREAM_LINE_BYTES_MAX = 64 * KIB;
/** Sensor samples in one request; more is refused with BATCH_TOO_LARGE. */
export const SAMPLES_MAX = 20_000;
/** Local connections at once; more wait in the listen backlog. */
export const LOCAL_CONNECTIONS_MAX = 64;
/** Decisions remembered for late answers and labels; the oldest is forgotten beyond. */
export const DECISIONS_REMEMBERED_MAX = 4_096;
/** Words of one text that are explained; the later ones are not. Each costs a run of the model, 15 to 40 µs. */
export const EXPLAINED_WORDS_MAX = 32;
/** Pieces of one word that are tried for an explanation; the later ones are not. */
export const EXPLAINED_PIECES_MAX = 16;
/** N-grams that are tried on a model that finds entities, whose runs take 50 to 90 µs: those of the strongest word first. */
export const EXPLAINED_NGRAMS_TAGGING_MAX = 4;
/**
 * Feature rows that an explanation runs through the model before other decisions get their turn: ten runs for ten
 * words, one at a time for the longest texts. A turn of the event loop before each run costs a fifth of it.
 */
export const EXPLAINED_ROWS_TOGETHER_MAX = 1_500;
/** N-grams that an explanation names; those that contribute less are left out. */
export const EXPLANATION_NGRAMS_MAX = 8;
/** Bytes of a Unix socket path, by sun_path of Linux less its terminator. */
export const SOCKET_PATH_BYTES_MAX = 107;

// --- Models -------------------------------------------------------------------------------------------------------

/** Model lines that one device runs at once; one more is refused with LINES_TOO_MANY. */
export const LINES_MAX = 8;
/** Bytes of manifest.json; more is refused before parsing. */
export const MANIFEST_BYTES_MAX = 256 * KIB;
/** Bytes of one file of a bundle. */
export const BUNDLE_FILE_BYTES_MAX = 64 * MIB;
/** Bytes of all files of a bundle. */
export const BUNDLE_BYTES_MAX = 64 * MIB;
/** Bytes that the models of a device may take on its disk, all lines and versions together; a bundle beyond is refused. */
export const CONTENT_BYTES_MAX = 256 * MIB;
/** Bytes of files that no bundle of a device holds any more, kept for a version that comes back; more are removed. */
export const CONTENT_SPARE_BYTES_MAX = 16 * MIB;
/** Files in a bundle. */
export const BUNDLE_FILES_MAX = 32;
/** Files of a release of the agent together; it is refused beyond. */
export const AGENT_RELEASE_BYTES_MAX = 16 * MIB;
/** Files of a release of the agent; it is refused beyond. */
export const AGENT_RELEASE_FILES_MAX = 16;
/** Bytes of one document of release metadata; a larger one is refused unread. Two of them fit one request of an operator. */
export const METADATA_BYTES_MAX = 320 * KIB;
/** Releases in the publishers' targets, about 500 bytes each; a further one is refused until another is withdrawn. */
export const TARGETS_MAX = 512;
/** Publishers of a fleet. */
export const PUBLISHERS_MAX = 16;
/** Roots that a device that was away follows one after the other; a longer chain is gone on with at the next try. */
export const ROOTS_AT_ONCE_MAX = 64;
/** Documents of targets and snapshots that a controller keeps for devices in the middle of fetching. */
export const METADATA_KEPT_MAX = 8;
/** Devices that an answer names of those that have not followed a root; the others are counted. */
export const DEVICES_NAMED_MAX = 20;
/** How long a timestamp of the controller counts, milliseconds; it makes the next when half of that is over. */
export const TIMESTAMP_MS = 7 * 86_400_000;
/** Labels of one model. */
export const LABELS_MAX = 1_024;
/** Feature rows that one text may give; further features are left out. */
export const FEATURE_ROWS_MAX = 8_192;
/** Bytes of the file `tokenizer.json` of a bundle; a bundle with a larger one is refused. Twice what a vocabulary of 50,000 takes. */
export const TOKENIZER_BYTES_MAX = 8 * MIB;
/** Entries of the vocabulary of a tokenizer, added tokens among them. */
export const VOCABULARY_MAX = 262_144;
/** Tokens of one text that go to a model with a tokenizer, special ones among them; the further ones are left out. */
export const SEQUENCE_TOKENS_MAX = 512;
/** Characters of a text that a tokenizer reads for each token that the model takes; further ones are left out, for its time grows faster. */
export const TOKEN_CHARACTERS_MAX = 8;
/** Characters of one word that a tokenizer cuts into pieces; its time grows with their square. A longer word is unknown. */
export const WORD_CHARACTERS_MAX = 100;
/** Characters of texts after which a tokenizer forgets the words that it has cut; a word takes some 100 bytes a character. */
export const TOKENIZER_MEMORY_CHARACTERS_MAX = 64 * KIB;
/** Areas, and devices, that a device knows by name; each is compared with each entity, about a microsecond. */
export const KNOWN_NAMES_MAX = 256;
/** Bytes of agent.yaml; a larger one is refused. */
export const CONFIG_BYTES_MAX = 256 * KIB;
/** Mistakes in agent.yaml that are shown; further ones show when these are mended. */
export const CONFIG_MISTAKES_MAX = 20;
/** Distinct pieces of a weight that travels as indices into a codebook; one with more is refused. */
export const CODEBOOK_ENTRIES_MAX = 4096;
/** Codes in a piece of such a weight. */
export const CODEBOOK_WIDTH_MAX = 1024;
/** Data sources of one device; agent.yaml with more is refused. */
export const SOURCES_MAX = 16;
/** Messages of one source that wait for their line; of a source that cannot wait, further ones are dropped and counted. */
export const SOURCE_MESSAGES_WAITING_MAX = 64;
/** Sinks of one device; agent.yaml with more is refused. */
export const SINKS_MAX = 16;
/** Messages that wait for one sink; the oldest is dropped beyond, and counted: what a home does is about now. */
export const SINK_MESSAGES_WAITING_MAX = 256;
/** Tries of one message; it is dropped after them, and counted. */
export const SINK_TRIES_MAX = 8;
/** Commands of one sink; agent.yaml with more is refused. */
export const SINK_COMMANDS_MAX = 256;
/** Arguments of one command. */
export const SINK_ARGUMENTS_MAX = 64;
/** A button of the agent that is pressed again within this does nothing, milliseconds. */
export const BUTTON_PRESS_MS = 1_000;
/** When Home Assistant has started, the agent announces itself again within this, at random, milliseconds. */
export const HOME_ASSISTANT_REPEAT_MS = 2_000;
/** Connections of the Wyoming protocol at once; more are refused. */
export const WYOMING_CONNECTIONS_MAX = 16;
/** Such a connection that is silent for so long is ended, milliseconds. */
export const WYOMING_IDLE_MS = 120_000;
/** Bytes of the header of a Wyoming event; a connection with more is ended. */
export const WYOMING_HEADER_BYTES_MAX = 16 * KIB;
/** Bytes of the data, or of the payload, of a Wyoming event; likewise. */
export const WYOMING_DATA_BYTES_MAX = 64 * KIB;
/** Bytes that are read of the answer to a webhook; a longer one is a failure. */
export const WEBHOOK_ANSWER_BYTES_MAX = 64 * KIB;
/** Types of entities of one model. */
export const ENTITY_TYPES_MAX = 256;
/** Tokens of one text that a model may tag; further tokens get no tag. */
export const ENTITY_TOKENS_MAX = 256;
/** Channels of one sensor line. */
export const SENSOR_CHANNELS_MAX = 64;
/** Samples of one sensor window; also bounds what a stream buffers per channel. */
export const SENSOR_WINDOW_SAMPLES_MAX = 65_536;
/** Equal spans of confidence from 0 to 1 whose decisions are counted apart in a line's figures. */
export const SCORE_BINS = 10;
/** Inputs of a line that are kept in memory to try its next version on; the oldest is forgotten beyond. */
export const LIVE_INPUTS_MAX = 128;
/** Bytes of these. */
export const LIVE_INPUTS_BYTES_MAX = 256 * KIB;
/** Processes that may end while one version is on trial, or while they load it; then it is refused, or the one before takes its place. */
export const TRIALS_BROKEN_MAX = 3;
/** A version that was not tried to the end within this time of the processor is refused with TRIAL_TIMEOUT, milliseconds. */
export const TRIAL_CPU_MS_MAX = 30_000;
/** The same by the clock: a busy device may take so much longer. */
export const TRIAL_DEADLINE_MS = 240_000;
/** Of these, time for running inputs; further ones are left out, milliseconds. */
export const TRIAL_RUNS_MS_MAX = 10_000;
/** Resident bytes of the process that tries a version; beyond, the version is refused with TRIAL_MEMORY. */
export const TRIAL_RSS_BYTES_MAX = 320 * MIB;
/** JavaScript heap of that process, megabytes. */
export const TRIAL_HEAP_MB_MAX = 96;
/** Chance that a share of inputs looks as bad as it must to refuse a version that is not so bad: one test in so many. */
export const TRIAL_CHANCE = 0.001;
/** A version that surely agrees with the running one on a smaller share of what that one is sure of is refused. */
export const TRIAL_AGREEMENT_MIN = 0.75;
/** A version that surely is not sure of a larger share of what the running one is sure of is refused. */
export const TRIAL_ABSTAINED_SHARE_MAX = 0.35;
/** Inputs that must have been timed before a version is refused for being slow. */
export const TRIAL_INPUTS_TIMED_MIN = 30;
/** Inputs that are timed. */
export const TRIAL_INPUTS_TIMED_MAX = 512;
/** Times the running version's fastest run that a version may take, beyond what its manifest states. */
export const TRIAL_TIME_RATIO_MAX = 2;
/** A version is not slow by less than this, microseconds. */
export const TRIAL_TIME_MICROS_MIN = 25;
/** Times the memory of the process with the running version that it may take with the new one, beyond what its manifest states. */
export const TRIAL_MEMORY_RATIO_MAX = 1.25;
/** A version is not heavy by less than this, bytes. */
export const TRIAL_MEMORY_BYTES_MIN = 12 * MIB;
/** A version is watched at least for this, milliseconds, and this many inputs. */
export const PROBATION_LEAST_MS = 10_000;
export const PROBATION_INPUTS = 30;
/** A version is committed after this, however few inputs there were, milliseconds: nobody waits for an idle device. */
export const PROBATION_MOST_MS = 25_000;
/** A version on probation is looked at this often, milliseconds. */
export const PROBATION_LOOK_MS = 500;
/** Inputs that are run on the version before, too; further ones are not. */
export const PROBATION_COMPARED_MAX = 512;
/** An agent that has grown by more than this share since a version serves, at as many looks in a row, takes it back. */
export const PROBATION_GROWTH_MAX = 0.5;
export const PROBATION_GROWTH_LOOKS = 4;
/** Resident share of the machine's memory beyond which the version before is not kept loaded for a probation. */
export const PROBATION_MEMORY_SHARE_MAX = 0.5;
/** Inputs on which a version is compared with the one before for a gate; then that one is released. */
export const PAIRS_INPUTS_MAX = 4_096;
/** So many are compared one after the other, the same number again at every second input, at every third, and so on. */
export const PAIRS_AT_ONCE = 256;
/** Times of a comparison that pass before the next one: it takes a tenth of a processor at most. */
export const PAIRS_REST = 9;
/** Inputs whose judge has not answered; nothing is compared beyond. */
export const PAIRS_OPEN_MAX = 64;
/** The version before is released after this, whatever a gate says, milliseconds: a week. */
export const PAIRS_MS_MAX = 7 * 86_400_000;
/** Between two looks whether there is room for both versions still, milliseconds. */
export const PAIRS_LOOK_MS = 30_000;
/** A bad version is taken back within this after it began to serve, milliseconds. */
export const TAKEN_BACK_WITHIN_MS = 30_000;
/** Of a device's credential, random; a shorter one is not taken. */
export const CREDENTIAL_BYTES = 32;
/** Chunk of a blob download: what a kill costs at most to fetch again. */
export const BLOB_CHUNK_BYTES = 64 * KIB;
/** A fleet's transfers begin within this time at most, milliseconds. */
export const TRANSFER_SPREAD_MS_MAX = 3_600_000;
/** Devices of a group up to which all may begin a transfer at once; above, twice as many take twice the time. */
export const TRANSFER_AT_ONCE_MAX = 128;
/** The slowest that a device may be told to fetch, bytes per second: a chunk within a minute. */
export const TRANSFER_BYTES_PER_SECOND_MIN = 1_100;
/** A device waits so long for a piece of a blob over MQTT, milliseconds. */
export const BLOB_ASK_MS = 30_000;
/** A device that had to fetch over MQTT leaves HTTP alone for so long, milliseconds. */
export const BLOB_HTTP_REST_MS = 300_000;
/** Pieces of blobs over MQTT that a controller sends at once; further devices wait, and ask again after BLOB_ASK_MS. */
export const BLOB_ANSWERS_MAX = 16;

// --- Learning -----------------------------------------------------------------------------------------------------

/** Parameters that one update may hold; larger is refused with UPDATE_TOO_LARGE. */
export const UPDATE_PARAMETERS_MAX = 4 * MIB;
/** Bytes of one encoded update: a byte per parameter and its header. */
export const UPDATE_BYTES_MAX = UPDATE_PARAMETERS_MAX + 64 * KIB;
/** Bytes of a head file: four per parameter and its header. */
export const HEAD_FILE_BYTES_MAX = 4 * UPDATE_PARAMETERS_MAX + KIB;
/** Tensors of one update. */
export const UPDATE_TENSORS_MAX = 64;
/** Labels that a list may gain beyond the names of the bundle that runs. */
export const LABELS_ADDED_MAX = 64;
/** Examples kept on a device per line and label, its own corrections and bigger tiers' answers apart; beyond, chance decides which stay. */
export const EXAMPLES_PER_LABEL_MAX = 200;
/** Bytes of all texts of examples on a device; beyond, the label with most gives one up. */
export const EXAMPLES_BYTES_MAX = 1 * MIB;
/** Age at which an example is forgotten, milliseconds: half a year. */
export const EXAMPLE_AGE_MAX_MS = 182 * 86_400_000;
/** Bytes of the log of examples; where it cannot be written anew, nothing is learnt beyond. */
export const EXAMPLES_LOG_BYTES_MAX = 8 * MIB;
/** Bytes of the texts of decisions that a label can still refer to; the oldest are forgotten beyond. */
export const RECENT_TEXTS_BYTES_MAX = 512 * KIB;
/** Rounds that a device knows to be over; the oldest are forgotten beyond. */
export const ROUNDS_REMEMBERED_MAX = 64;

// --- Jobs ---------------------------------------------------------------------------------------------------------

/**
 * Jobs of one device that are open at once. The controller gives it no further one, and a device takes no further one: it
 * knows every job that could be delivered again.
 */
export const JOBS_OPEN_MAX = 64;
/** Executions of one job on one device: the first and its retries. */
export const JOB_EXECUTIONS_MAX = 10;
/** An execution that a connected device has not ended is sent again after this, milliseconds. */
export const JOB_RESEND_MS = 30_000;
/** Longest time that one execution may take, from when it is asked for, milliseconds; then it has timed out. */
export const JOB_TIMEOUT_MAX_MS = 30 * 86_400_000;

// --- Outbox -------------------------------------------------------------------------------------------------------

/** One record in the outbox; a larger one is refused with RECORD_TOO_LARGE. */
export const OUTBOX_RECORD_BYTES_MAX = 16 * KIB;
/** One preallocated segment file. */
export const OUTBOX_SEGMENT_BYTES = 1 * MIB;
/** Segments of one class; at the bound the oldest segment of that class is dropped, counted and reported. */
export const OUTBOX_SEGMENTS_PER_CLASS_MAX = 8;
/** Records sent and not yet acknowledged; the device waits beyond (back-pressure). */
export const OUTBOX_WINDOW_RECORDS = 512;
/** Longest time between write(2) and fsync of a record, milliseconds. */
export const OUTBOX_SYNC_DELAY_MS = 20;
/** Outbound audit on the device; the oldest half is dropped beyond. */
export const OUTBOUND_LOG_BYTES_MAX = 4 * MIB;

// --- Controller ---------------------------------------------------------------------------------------------------

/** Rows of one ingest transaction. */
export const INGEST_ROWS_MAX = 1_000;
/** Longest time that a row waits for its batch, milliseconds. */
export const INGEST_DELAY_MS = 20;
/** Messages in the ingest queue; beyond it the link stops reading (back-pressure to the broker). */
export const INGEST_QUEUE_MAX = 20_000;
/** Messages of one shard that wait for their commit; further ones stay at the broker. */
export const SHARD_UNACKNOWLEDGED_MAX = 1_250;
/** Messages to devices that wait for a connection to the broker; one more is refused, and logged by who sends it. */
export const SENDS_WAITING_MAX = 20_000;
/** Operator request body that is not a blob. */
export const API_BODY_BYTES_MAX = 1 * MIB;
/** Characters of a part of a path of the HTTP API: the longest names two digests. */
export const PATH_PART_CHARACTERS_MAX = 200;
/** Rows of one page of a listing. */
export const PAGE_ROWS_MAX = 500;
/** Blobs that a controller keeps in memory; one above a quarter of it is read from the disk each time. */
export const BLOB_CACHE_BYTES = 32 * MIB;
/** Part of a blob in one answer to an operator. */
export const BLOB_PART_BYTES_MAX = 256 * KIB;
/** Smaller files are always fetched whole: asking for a delta would cost as much. */
export const DELTA_FILE_BYTES_MIN = 4 * KIB;
/** Larger files, too: base, delta and result are in memory together. */
export const DELTA_FILE_BYTES_MAX = 16 * MIB;
/** A delta longer than this share of what would travel otherwise is not worth its work. */
export const DELTA_SHARE_MAX = 0.8;
/** Deltas that a controller keeps in memory, with those that were found not worth it; the one unused for longest leaves. */
export const DELTAS_KEPT_MAX = 64;
/** Lists of chunk hashes that a controller keeps in memory, 32 kB each at most; the one unused for longest leaves. */
export const CHUNK_LISTS_KEPT_MAX = 64;
/** Examples of a line that judge its rounds; more is refused. */
export const EXAMPLES_MAX = 20_000;
/** Rows of events that are kept; the oldest leave beyond, their tallies stay. */
export const EVENT_ROWS_MAX = 1_000_000;
/** Rows of offloads that are kept, likewise. */
export const OFFLOAD_ROWS_MAX = 100_000;
/** Answers that are sent again when a shard changes its controller; older ones are asked for by the device's birth. */
export const ANSWERED_LATELY_MAX = 1_000;
/** Offloads in work at once for one controller; further ones wait until their deadline. */
export const OFFLOADS_IN_WORK_MAX = 64;

/** Happenings of the timeline that are kept; the oldest leave beyond. */
export const TIMELINE_ROWS_MAX = 100_000;
/** Beats of a device that are kept in fine grain; a newer one takes the place of the oldest. */
export const BEATS_FINE_MAX = 120;
/** Beats of a device that are kept in coarse grain, likewise. */
export const BEATS_COARSE_MAX = 240;
/** Span of one row of the fleet's figures, milliseconds. */
export const FIGURES_STEP_MS = 10_000;
/** How long the fleet's figures are kept, milliseconds. */
export const FIGURES_KEPT_MS = 7 * 86_400_000;
/** Points of one answer about figures over time. */
export const FIGURE_POINTS_MAX = 480;
/** Sessions of browsers that one operator token may have; the oldest ends beyond. */
export const SESSIONS_PER_TOKEN_MAX = 16;
/** A session of a browser ends after this, milliseconds. */
export const SESSION_MS = 12 * 3_600_000;
/** A sign-in code is useless after this, milliseconds. */
export const SIGN_IN_CODE_MS = 15 * 60_000;
/** Streams of changes that one controller feeds at once; one more is refused with STREAMS_TOO_MANY. */
export const STREAMS_MAX = 100;
/** Bytes that wait for a slow reader of a stream; beyond it the stream is cut, and the reader comes back with its position. */
export const STREAM_BYTES_MAX = 256 * KIB;
/** Decisions in one event of a stream; older ones are left out, and the event says so. */
export const STREAM_DECISIONS_MAX = 50;
/** Happenings that a reader who comes back is told; older ones it reads from the timeline. */
export const STREAM_TIMELINE_MAX = 200;

// --- Rollouts -----------------------------------------------------------------------------------------------------

/** Waves of a plan; one with more is refused. */
export const ROLLOUT_WAVES_MAX = 32;
/** Devices that a wave names; a wave with more is refused. */
export const WAVE_DEVICES_MAX = 1_000;
/** Maintenance windows of a plan. */
export const ROLLOUT_WINDOWS_MAX = 16;
/** Further tries of a device. */
export const ROLLOUT_RETRIES_MAX = 10;
/** Devices that a rollout may give the bundle in a minute. */
export const ROLLOUT_PER_MINUTE_MAX = 100_000;
/** Longest time in a plan, seconds: 90 days. */
export const ROLLOUT_SECONDS_MAX = 90 * 86_400;
/** Rollouts in waves that a controller looks at; the oldest are left out beyond, and decide nothing. */
export const ROLLOUTS_OPEN_MAX = 64;
/** Devices that a wave is compared with; of more, the first by name. */
export const CONTROL_DEVICES_MAX = 500;
/** Devices that a forecast goes through one by one; of more, so many stand for all. */
export const FORECAST_DEVICES_MAX = 1_000;
/** Transfers of a line that are kept of a device; a newer one takes the place of another. */
export const TRANSFERS_KEPT_MAX = 8;
/** Looks of a gate that are kept for its plots; beyond, each second one leaves. */
export const GATE_POINTS_MAX = 120;
/** Tags of one device; more are refused. */
export const DEVICE_TAGS_MAX = 32;

// --- Backup ------------------------------------------------------------------------------------------------------

/** A file of a controller's state, such as a key; a larger one is none of ours, and no backup is made with it. */
export const BACKUP_STATE_BYTES_MAX = 1 * MIB;
/** A part of a backup that is read as a whole: rows, state, the list of its members; a larger one is refused. */
export const BACKUP_PART_BYTES_MAX = 256 * MIB;

/** How long after a restore devices may come back that the backup did not know, milliseconds; a certificate lives as long. */
export const READMISSION_MS = 30 * 86_400_000;

// --- Cloud --------------------------------------------------------------------------------------------------------

/** Entities of one answer; an answer with more is not taken. */
export const ENTITIES_MAX = 16;
/** Characters (UTF-16 units) of one reply; an answer with a longer one is not taken. */
export const REPLY_CHARACTERS_MAX = 4_000;
/** Bytes of a reply that go into one frame before its time; at most this much more than a frame is kept back. */
export const REPLY_FRAME_BYTES = 1 * KIB;
/** Longest time that a piece of a reply waits for company, milliseconds; the first one does not wait. */
export const REPLY_FRAME_DELAY_MS = 20;
/** Bytes that are read of one answer of a provider; a longer one is given up. */
export const PROVIDER_ANSWER_BYTES_MAX = 256 * KIB;
/** Calls of one controller that a provider works on at once; further questions wait until their deadline. */
export const PROVIDER_CALLS_IN_WORK_MAX = 128;
/** Longest deadline of one question to a provider, milliseconds; a call without an end after twice that is settled. */
export const PROVIDER_DEADLINE_MAX_MS = 120_000;
/** Rows of the audit of calls that are kept; the oldest leave beyond, the days' sums stay. */
export const PROVIDER_CALL_ROWS_MAX = 100_000;
/** Names of proposed intents that are counted; a new one beyond is not, so that no text can fill the table. */
export const PROPOSALS_MAX = 1_000;

// --- Time ---------------------------------------------------------------------------------------------------------

/** MQTT keep-alive, seconds. */
export const KEEPALIVE_S = 15;
/** A stream of changes sends a sign of life after this, and looks whether its reader may still read, milliseconds. */
export const STREAM_HEARTBEAT_MS = 15_000;
/** Default interval of beats, milliseconds. */
export const BEAT_INTERVAL_MS = 5_000;
/** From this interval on a beat leaves out what is as in the one before, milliseconds: bytes count more than their loss. */
export const LEAN_BEAT_FROM_MS = 60_000;
/** A beat that leaves nothing out comes at least so often: an earlier one may have been lost, milliseconds. */
export const WHOLE_BEAT_EVERY_MS = 6 * 3_600_000;
/** Keep-alive by the interval of beats: a device that beats pings for nothing. A share over 1. */
export const KEEPALIVE_BEATS = 1.2;
/** Greatest keep-alive, seconds (MQTT 3.1.1, 3.1.2.10). */
export const KEEPALIVE_MAX_S = 65_535;
/** First wait between connection attempts, milliseconds; it doubles, with full jitter. */
export const RECONNECT_FIRST_MS = 250;
/** Longest wait between connection attempts, milliseconds. */
export const RECONNECT_LONGEST_MS = 30_000;
/** Wait of a process whose identity is used elsewhere, milliseconds. */
export const IDENTITY_IN_USE_WAIT_MS = 600_000;
/** Deadline of one HTTP request to the controller that moves at most a chunk or a small body, milliseconds. */
export const HTTP_DEADLINE_MS = 15_000;
/** Deadline of an offload when the asker states none, milliseconds. */
export const OFFLOAD_DEADLINE_DEFAULT_MS = 120_000;
/** Greatest deadline that may be asked for; beyond it the request is refused, milliseconds. */
export const OFFLOAD_DEADLINE_MAX_MS = 86_400_000;
/** A revoked device has lost its session and all rights after this, milliseconds. */
export const REVOKE_WITHIN_MS = 5_000;
/** How long a probe of a controller waits for its database, milliseconds; then it is not ready. */
export const PROBE_MS = 2_000;
/** Longest time that a controller goes on serving after it was told to end and is not ready any more, milliseconds. */
export const DRAIN_MS_MAX = 120_000;
/** A controller counts up this often to show that it lives, milliseconds. */
export const LEASE_BEAT_MS = 1_000;
/** A controller that did not count up for so long has lost its shards, milliseconds. */
export const LEASE_MS = 5_000;
/** The shards of a controller that died are heard by another one after this, milliseconds. */
export const TAKEOVER_WITHIN_MS = 10_000;
/** Longest time for an orderly end of a process, milliseconds; then it exits all the same. */
export const SHUTDOWN_MS = 4_000;
/** How long the certificate of a device is good, milliseconds, by the controller's clock. */
export const CERTIFICATE_MS = 30 * 86_400_000;
/** After this share of its lifetime a device asks for its next certificate; tries go on until it has it. */
export const CERTIFICATE_RENEW_SHARE = 2 / 3;
/** How long a device may take to sign a nonce of the controller and bring it back, milliseconds. */
export const NONCE_MS = 60_000;
/**
 * Requests of one address for nonces and certificates at once, and within each minute; one more is refused with
 * REQUESTS_TOO_MANY. A renewal takes two, a whole site of devices may come from one address after an outage.
 */
export const PROOFS_PER_MINUTE_MAX = 300;
/** Addresses whose requests are counted; beyond, the one that has not asked for longest is forgotten. */
export const PROOF_ADDRESSES_MAX = 4_096;
/** How long a client may take for its TLS handshake, milliseconds; it is cut then. */
export const HANDSHAKE_MS = 15_000;
/** How long a TLS session can be taken up again without a full handshake, seconds. */
export const TLS_SESSION_S = 86_400;

assert(MESSAGE_BYTES_MAX <= PACKET_BYTES_MAX, 'a message fits a packet');
assert(FRAME_PAYLOAD_BYTES_MAX + KIB <= PACKET_BYTES_MAX, 'a frame fits a packet');
assert(OUTBOX_RECORD_BYTES_MAX <= MESSAGE_BYTES_MAX, 'an outbox record fits a message');
assert(
  TEXT_BYTES_MAX * 2 <= OUTBOX_RECORD_BYTES_MAX,
  'an offloaded text fits an outbox record, also when escaped in JSON',
);
assert(OUTBOX_RECORD_BYTES_MAX * 16 <= OUTBOX_SEGMENT_BYTES, 'a segment holds many records');
assert(OUTBOX_SEGMENTS_PER_CLASS_MAX >= 2, 'dropping the oldest segment leaves the one being written');
assert(OUTBOX_WINDOW_RECORDS <= INGEST_QUEUE_MAX, 'the window of one device fits the ingest queue');
assert(ACK_RANGES_MAX * 40 <= MESSAGE_BYTES_MAX, 'a full ack fits a message');
assert(AWAITED_MAX * 40 <= MESSAGE_BYTES_MAX, 'a birth with all awaited ids fits a message');
assert(
  BATCH_ITEMS_MAX * TEXT_BYTES_MAX <= BODY_BYTES_MAX,
  'the largest batch of the largest texts fits a body',
);
assert(
  MANIFEST_BYTES_MAX < BUNDLE_FILE_BYTES_MAX && BUNDLE_FILE_BYTES_MAX <= BUNDLE_BYTES_MAX,
  'files fit a bundle',
);
assert(
  EXAMPLES_BYTES_MAX * 2 <= EXAMPLES_LOG_BYTES_MAX,
  'the log holds all examples, with room for what they replaced',
);
assert(RECENT_TEXTS_BYTES_MAX >= 2 * TEXT_BYTES_MAX, 'the newest text can be labelled');
assert(HEAD_FILE_BYTES_MAX <= BUNDLE_FILE_BYTES_MAX, 'a head fits a blob');
assert(BLOB_CHUNK_BYTES < FRAME_PAYLOAD_BYTES_MAX, 'a blob chunk fits a frame');
assert(INGEST_DELAY_MS * 10 < HTTP_DEADLINE_MS, 'batching is short against deadlines');
assert(
  REPLY_CHARACTERS_MAX * 6 + 32 * KIB <= MESSAGE_BYTES_MAX,
  'an answer with an escaped reply fits a message',
);
assert(REPLY_FRAME_BYTES <= FRAME_PAYLOAD_BYTES_MAX, 'a piece of a reply fits a frame');
assert(
  PROVIDER_DEADLINE_MAX_MS <= OFFLOAD_DEADLINE_MAX_MS,
  'a provider is given no more time than a question',
);
assert(KEEPALIVE_S * 1_000 > BEAT_INTERVAL_MS, 'beats keep a connection alive');
assert(SIGN_IN_CODE_MS < SESSION_MS, 'a sign-in code does not outlive the session that it makes');
assert(
  PROBATION_MOST_MS < TAKEN_BACK_WITHIN_MS,
  'whatever is taken back, is within the time that is promised',
);
assert(PROBATION_LEAST_MS < PROBATION_MOST_MS, 'a probation without inputs is the longer one');
assert(TRIAL_RUNS_MS_MAX < TRIAL_CPU_MS_MAX, 'loading has its time, too');
assert(BEAT_INTERVAL_MS <= FIGURES_STEP_MS, 'each device beats within one span of the figures');
assert(SHUTDOWN_MS < REVOKE_WITHIN_MS, 'a controlled end is quicker than a revocation is promised');
assert(TLS_SESSION_S * 1_000 < CERTIFICATE_MS, 'a session is taken up within the time of its certificate');
assert(READMISSION_MS <= CERTIFICATE_MS, 'nobody is readmitted by a certificate that has run out');
assert(LEASE_MS >= 4 * LEASE_BEAT_MS, 'some lost beats do not lose a lease');
assert(LEASE_MS + 3 * LEASE_BEAT_MS < TAKEOVER_WITHIN_MS, 'silence is noticed within the time of a takeover');
assert(
  SHARD_UNACKNOWLEDGED_MAX * SHARD_COUNT <= INGEST_QUEUE_MAX,
  'what all shards bring fits the ingest queue',
);
