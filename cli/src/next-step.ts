/**
 * What to type after an error: one command for each code where a command helps. Never repeats what the message says.
 */
import type { ErrorCode } from '@nanofleet/protocol';

const NEXT: Partial<Record<ErrorCode, string>> = {
  NOT_LOGGED_IN: 'nanofleet login URL --token-file FILE',
  TOKEN_MISSING: 'nanofleet login URL --token-file FILE',
  TOKEN_INVALID: 'nanofleet login URL --token-file FILE',
  ROLE_INSUFFICIENT: 'ask an admin for a token: nanofleet tokens new NAME --role ROLE',
  CONTROLLER_UNREACHABLE: 'check that the controller runs, then nanofleet devices ls',
  URL_NOT_PRIVATE: 'nanofleet login https://HOST --token-file FILE',
  DEVICE_UNKNOWN: 'nanofleet devices ls',
  DEVICE_REVOKED: 'nanofleet fleet-tokens new NAME --group GROUP, then enrol the device again',
  MODEL_UNKNOWN: 'nanofleet models ls',
  ROLLOUT_UNKNOWN: 'nanofleet rollout ls',
  ROUND_UNKNOWN: 'nanofleet rounds ls',
  ROUND_RUNNING: 'nanofleet rounds ls',
  CANDIDATE_UNKNOWN: 'nanofleet rounds ls',
  LABEL_TAKEN: 'nanofleet intents ls --line LINE',
  LABEL_UNKNOWN: 'nanofleet intents ls --line LINE',
  KEY_FILE_INVALID: 'nanofleet keys ls',
  SIGNATURE_MISSING: 'nanofleet models sign DIR',
  SIGNATURE_MALFORMED: 'nanofleet models sign DIR',
  SIGNATURE_WRONG: 'nanofleet models sign DIR',
  SIGNATURE_KEY_FOREIGN: 'nanofleet keys ls, and compare with the keys that the controller accepts',
  DIGEST_MISMATCH: 'make the bundle again with forge, then nanofleet models sign DIR',
  BUNDLE_FILE_MISSING: 'make the bundle again with forge, then nanofleet models sign DIR',
  RELEASE_COUNTER_OLD: 'nanofleet models ls, then make the bundle with a higher release counter',
  OFFLOAD_UNAVAILABLE: 'nanofleet models push DIR --to controller',
  DATABASE_UNAVAILABLE: 'try again; the controller keeps what it has accepted',
};

/** The command to try after an error of this code, if one helps. */
export const nextStepFor = (code: ErrorCode): string | undefined => NEXT[code];
