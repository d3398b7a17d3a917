// A small shop to make pipelines on: payments with a lookup, and labels in another table; and roles that own nothing.

import pg from 'pg';
import { inject } from 'vitest';
import { migrate } from '../../src/catalog/migrate.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';

export interface Shop extends TestDatabase {
  /** A role without any right but CREATE on schema public, connected; new unless it was asked for before. Goes with the database. */
  role(name: string): Promise<Role>;
  /** The error that a statement of the superuser ends with; fails if it ends well. */
  refusal(sql: string): Promise<Refusal>;
}

export interface Role {
  readonly name: string;
  readonly url: string;
  readonly client: pg.Client;
  refusal(sql: string): Promise<Refusal>;
}

export interface Refusal {
  readonly message: string;
  readonly hint: string | undefined;
}

/**
 * The schema is migrated, and the tables belong to the superuser.
 * @param service owner of the schema, a new role without any right; the superuser if left out
 */
export async function openShop(service?: string): Promise<Shop> {
  const database = await createDatabase();
  const roles: Role[] = [];
  if (service === undefined) {
    await migrate(database.url);
  } else {
    const role = await connectAs(database, `${database.name}_${service}`);
    roles.push(role);
    await migrate({ url: database.url, role: role.name });
  }
  await database.query(`
    create table customers (id int primary key, country text);
    create table payments (id bigint primary key, customer_id int, amount numeric, currency text, created_at timestamptz);
    create table chargebacks (payment_id int primary key, reported_at timestamptz, kind text);
    create view fraud_features as select id, created_at, coalesce(amount, 0) as amount, currency from payments;
    create view fraud_labels as select payment_id as id, true as label, reported_at as label_at from chargebacks;`);
  return {
    ...database,
    refusal: (sql) => refusalOf(database.query(sql)),
    async role(name) {
      const known = roles.find((role) => role.name === `${database.name}_${name}`);
      if (known) return known;
      const role = await connectAs(database, `${database.name}_${name}`);
      roles.push(role);
      return role;
    },
    async [Symbol.asyncDispose]() {
      for (const { client } of roles) await client.end();
      await database[Symbol.asyncDispose]();
      const client = new pg.Client({ connectionString: inject('postgresUrl') });
      await client.connect();
      for (const { name } of roles) await client.query(`drop role ${name}`);
      await client.end();
    },
  };
}

async function connectAs(database: TestDatabase, name: string): Promise<Role> {
  await database.query(`create role ${name} login; grant create on schema public to ${name}`);
  const url = new URL(database.url);
  url.username = name;
  const client = new pg.Client({ connectionString: url.href });
  await client.connect();
  return { name, url: url.href, client, refusal: (sql) => refusalOf(client.query(sql)) };
}

async function refusalOf(attempt: Promise<unknown>): Promise<Refusal> {
  try {
    await attempt;
  } catch (error) {
    const { message, hint } = error as pg.DatabaseError;
    return { message, hint };
  }
  throw new Error('it was not refused');
}
