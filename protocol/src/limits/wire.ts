/** Bounds of messages and frames. */
import { KIB } from './units.ts';

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
