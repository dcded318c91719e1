/** SQL of questions to bigger tiers. A text leaves its row in the statement that makes the question final. */

import {
  ANSWERED_LATELY_MAX,
  type DeviceId,
  type LineId,
  OFFLOAD_ROWS_MAX,
  type OffloadPolicy,
  type OffloadResponse,
  type Uuid,
} from '@nanofleet/protocol';
import { Inject, Injectable } from '@nestjs/common';
import { and, desc, eq, gt, inArray, isNotNull, sql } from 'drizzle-orm';
import { DATABASE, type Database, rowsOf } from '../db/database.ts';
import { DEFAULT_POLICIES } from '../devices/desired.plan.ts';
import { devices, groups } from '../devices/devices.tables.ts';
import type { RecordIdentity } from '../link/acknowledge.ts';
import { tallies } from '../telemetry/telemetry.tables.ts';
import type { FinalAnswer } from './answer.plan.ts';
import { offloads } from './offload.tables.ts';

/** A question on its way into the database. */
export interface NewQuestion extends RecordIdentity {
  readonly decision: Uuid;
  readonly line: LineId;
  readonly receivedAt: number;
  readonly expiresAt: number;
  readonly text: string;
  readonly redacted: Readonly<Record<string, number>>;
}

/** What answering a question needs. */
export interface OpenQuestion extends RecordIdentity {
  readonly decision: Uuid;
  readonly line: LineId;
  readonly expiresAt: number;
  readonly text: string;
  readonly redacted: Readonly<Record<string, number>>;
  readonly policy: OffloadPolicy;
}

/** A question with its answer. */
export interface AnsweredQuestion extends RecordIdentity {
  readonly answer: FinalAnswer;
}

interface Identity {
  readonly device: string;
  readonly epoch: string;
  readonly sequence: number | string;
}

/** One word for the identity of a record. */
export const identityKey = ({ device, epoch, sequence }: Identity): string =>
  `${device} ${epoch} ${sequence}`;

/** The policy of a joined device: none for one that is revoked or gone. Read with the question, to save a question. */
const POLICY = sql`case when ${devices.device} is null or ${devices.revokedAt} is not null then 'none'
  else coalesce(${groups.offload}, ${DEFAULT_POLICIES.offload}) end`;

const joinedPolicy = (question: string) => sql`
  left join ${devices} on ${devices.device} = ${sql.raw(question)}.device
  left join ${groups} on ${groups.name} = ${devices.deviceGroup}`;

const tallied = (source: string) => sql`
  insert into ${tallies} as tally (name, value) select name, value from ${sql.raw(source)}
  on conflict (name) do update set value = tally.value + excluded.value`;

/** Questions in the database. */
@Injectable()
export class OffloadRepository {
  constructor(@Inject(DATABASE) private readonly database: Database) {}

  /**
   * Stores questions; one that is there already changes nothing.
   * @returns of those that are new: the policy of their device's group, by `identityKey`
   */
  async store(rows: readonly NewQuestion[]): Promise<Map<string, OffloadPolicy>> {
    const fresh = await rowsOf<Identity & { policy: OffloadPolicy }>(
      this.database,
      sql`with inserted as (
          insert into ${offloads} (device, epoch, sequence, decision, line, received_at, expires_at, status, text,
            redacted)
          select device, epoch, sequence, decision, line, "receivedAt", "expiresAt", 'waiting', text, redacted
          from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as given(
            device text, epoch text, sequence bigint, decision text, line text,
            "receivedAt" bigint, "expiresAt" bigint, text text, redacted jsonb)
          on conflict do nothing
          returning device, epoch, sequence
        ), counted as (select 'offload:asked' as name, count(*) as value from inserted
        ), tallied as (${tallied('counted')})
        select inserted.*, ${POLICY} as policy from inserted ${joinedPolicy('inserted')}`,
    );
    return new Map(fresh.map((row) => [identityKey(row), row.policy]));
  }

  /**
   * Makes questions final, in one statement; those that are final already stay as they are.
   * @returns those that became final, by `identityKey`
   */
  async finish(rows: readonly AnsweredQuestion[]): Promise<Set<string>> {
    const list = rows.map(({ answer, device, epoch, sequence }) => {
      const { label, micros, tier } = answer.response;
      return {
        device,
        epoch,
        sequence,
        status: answer.status,
        tier,
        label,
        micros,
        response: answer.response,
      };
    });
    const finished = await rowsOf<Identity>(
      this.database,
      sql`
      with finished as (
        update ${offloads} as question set status = given.status, tier = given.tier, label = given.label,
          micros = given.micros, response = given.response, text = null
        from jsonb_to_recordset(${JSON.stringify(list)}::jsonb) as given(
          device text, epoch text, sequence bigint, status text, tier text, label text,
          micros double precision, response jsonb)
        where question.device = given.device and question.epoch = given.epoch
          and question.sequence = given.sequence and question.status = 'waiting'
        returning question.device, question.epoch, question.sequence, given.status
      ), counted as (select 'offload:' || status as name, count(*) as value from finished group by status
      ), tallied as (${tallied('counted')})
      select device, epoch, sequence from finished`,
    );
    return new Set(finished.map(identityKey));
  }

  /** Questions without an answer, oldest first. */
  async waiting(): Promise<OpenQuestion[]> {
    const rows = await rowsOf<OpenQuestion & Identity & { expires_at: number | string }>(
      this.database,
      sql`select question.device, question.epoch, question.sequence, question.decision, question.line,
          question.expires_at, question.text, question.redacted, ${POLICY} as policy
        from ${offloads} as question ${joinedPolicy('question')}
        where question.status = 'waiting' and question.text is not null order by question.position`,
    );
    return rows.map((row) => ({ ...row, sequence: Number(row.sequence), expiresAt: Number(row.expires_at) }));
  }

  /** The newest answers whose questions are not past their deadline: a stop may have come before they were sent. */
  answeredLately(nowMs: number): Promise<{ device: DeviceId; response: OffloadResponse }[]> {
    return this.database
      .select({ device: offloads.device, response: sql<OffloadResponse>`${offloads.response}` })
      .from(offloads)
      .where(and(gt(offloads.expiresAt, nowMs), isNotNull(offloads.response)))
      .orderBy(desc(offloads.position))
      .limit(ANSWERED_LATELY_MAX);
  }

  /** The policy of a device's group now; none for one that is revoked or gone. */
  async policyOf(device: DeviceId): Promise<OffloadPolicy> {
    const [row] = await rowsOf<{ policy: OffloadPolicy }>(
      this.database,
      sql`select ${POLICY} as policy from (select ${device} as device) as question ${joinedPolicy('question')}`,
    );
    return row?.policy ?? 'none';
  }

  /** Takes replies and entities, which may quote a text, out of answers that no device waits for any more. */
  async forgetWords(now: number): Promise<void> {
    await this.database.execute(sql`
      update ${offloads} set response = response - 'reply' - 'entities'
      where expires_at <= ${now}::bigint and response ? 'reply'`);
  }

  /** Answers to some decisions of a device. */
  async answersTo(device: DeviceId, decisions: readonly Uuid[]) {
    if (decisions.length === 0) return [];
    const rows = await this.database
      .select({ response: offloads.response })
      .from(offloads)
      .where(and(eq(offloads.device, device), inArray(offloads.decision, [...decisions])));
    return rows.flatMap(({ response }) => (response === null ? [] : [response]));
  }

  /** A page, newest first. */
  list({ device, limit }: { device?: DeviceId | undefined; limit: number }) {
    return this.database
      .select()
      .from(offloads)
      .where(device === undefined ? undefined : eq(offloads.device, device))
      .orderBy(desc(offloads.position))
      .limit(limit);
  }

  /** Removes final questions beyond the bound, oldest first. */
  async trim(): Promise<void> {
    await this.database.execute(sql`
      delete from ${offloads} where status <> 'waiting'
        and position <= (select max(position) from ${offloads}) - ${OFFLOAD_ROWS_MAX}`);
  }
}
