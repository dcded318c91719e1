/**
 * Relations between bounds. They are asserted when this module loads, so that a change that breaks one fails in every program at
 * once. The files beside it hold every bound of the system, with its unit and with what happens at it, and no tuning value without
 * effect on safety.
 */
import { assert } from '../errors.ts';
import { READMISSION_MS } from './backup.ts';
import { PROVIDER_DEADLINE_MAX_MS, REPLY_CHARACTERS_MAX, REPLY_FRAME_BYTES } from './cloud.ts';
import {
  FIGURES_STEP_MS,
  INGEST_DELAY_MS,
  INGEST_QUEUE_MAX,
  SESSION_MS,
  SHARD_UNACKNOWLEDGED_MAX,
  SIGN_IN_CODE_MS,
} from './controller.ts';
import {
  EXAMPLES_BYTES_MAX,
  EXAMPLES_LOG_BYTES_MAX,
  HEAD_FILE_BYTES_MAX,
  RECENT_TEXTS_BYTES_MAX,
} from './learning.ts';
import { BATCH_ITEMS_MAX, BODY_BYTES_MAX, TEXT_BYTES_MAX } from './local-intake.ts';
import {
  BLOB_CHUNK_BYTES,
  BUNDLE_BYTES_MAX,
  BUNDLE_FILE_BYTES_MAX,
  MANIFEST_BYTES_MAX,
  PROBATION_LEAST_MS,
  PROBATION_MOST_MS,
  TAKEN_BACK_WITHIN_MS,
  TRIAL_CPU_MS_MAX,
  TRIAL_RUNS_MS_MAX,
} from './models.ts';
import {
  OUTBOX_RECORD_BYTES_MAX,
  OUTBOX_SEGMENT_BYTES,
  OUTBOX_SEGMENTS_PER_CLASS_MAX,
  OUTBOX_WINDOW_RECORDS,
} from './outbox.ts';
import {
  BEAT_INTERVAL_MS,
  CERTIFICATE_MS,
  HTTP_DEADLINE_MS,
  KEEPALIVE_S,
  LEASE_BEAT_MS,
  LEASE_MS,
  OFFLOAD_DEADLINE_MAX_MS,
  REVOKE_WITHIN_MS,
  SHUTDOWN_MS,
  TAKEOVER_WITHIN_MS,
  TLS_SESSION_S,
} from './time.ts';
import { KIB } from './units.ts';
import {
  ACK_RANGES_MAX,
  AWAITED_MAX,
  FRAME_PAYLOAD_BYTES_MAX,
  MESSAGE_BYTES_MAX,
  PACKET_BYTES_MAX,
  SHARD_COUNT,
} from './wire.ts';

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
