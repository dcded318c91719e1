/** Bounds of waiting: deadlines, keep-alive, leases, certificates. */

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
