// The tables that the sink needs: every migration, and a score table with the columns of docs/design.md, section 4.

import { migrate } from '../../src/catalog/migrate.ts';
import type { TestDatabase } from '../support/database.ts';

export async function installScores(database: TestDatabase): Promise<void> {
  await migrate(database.url);
  await database.query(`create table fraud_scores (id bigint primary key,
    score float8, prediction text, outputs jsonb, explanation json, model_version bigint,
    event_time timestamptz, scored_at timestamptz not null default now(), features json,
    label text, labelled_at timestamptz, measured_score float8, measured_features json, measured_answer json, measured_lsn pg_lsn,
    late boolean not null default false,
    generation int not null, partition int not null, position_lsn pg_lsn not null, position_n int8 not null) with (fillfactor = 50);
    create index on fraud_scores (event_time)`);
}
