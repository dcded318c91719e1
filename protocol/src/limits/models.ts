/** Bounds of models, of what brings them to a device, and of sources and sinks. */
import { KIB, MIB } from './units.ts';

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
