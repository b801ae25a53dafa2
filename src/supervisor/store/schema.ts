/** Where the engines' table definitions differ. */
export type Dialect = {
  /** A number that grows and is never used twice, also not after a delete. */
  identity: string
  /** A whole number of 64 bits. */
  integer: string
  /** A floating point number of 64 bits. */
  real: string
  /** What follows a table's columns. */
  table: string
  /** The same, for a table that is found by its primary key only. */
  keyed: string
}

export const sqliteDialect: Dialect = {
  identity: 'integer primary key autoincrement',
  integer: 'integer',
  real: 'real',
  table: 'strict',
  keyed: 'strict, without rowid',
}

/** `squa`: tells a store from any other SQLite file. */
export const applicationId = 0x73717561

/**
 * The way from an empty file to the present form, one step a version; a step that was ever
 * published is never changed. `task` is hot and small; what only people read lies beside it.
 */
export function migrations({ identity, integer, real, table, keyed }: Dialect): readonly string[] {
  return [
    `
    create table meta(name text primary key, value text not null) ${keyed};

    create table task(
      id ${identity},
      state text not null,
      rank ${integer} not null,
      lane text not null,
      priority text not null,
      unmet ${integer} not null,
      not_before ${integer},
      ready_at ${integer},
      fence ${integer} not null default 0,
      attempt ${integer} not null default 0,
      base_fence ${integer} not null default 0,
      spent_ms ${integer} not null default 0,
      spent_usd ${real} not null default 0,
      agent text,
      want text,
      outcome text,
      cause text,
      reason text,
      key text,
      created_at ${integer} not null,
      started_at ${integer},
      ended_at ${integer}
    ) ${table};
    create index task_ready on task(state, lane, rank, id) where state = 'ready';
    create index task_delayed on task(state, not_before) where state = 'delayed';
    create index task_urgent on task(state, priority, rank, id)
      where state = 'ready' and priority = 'critical';
    create index task_state on task(state, id);
    create index task_agent on task(agent, id) where agent is not null;
    create unique index task_key on task(key) where key is not null;

    create table spec(
      task_id ${integer} primary key,
      prompt text not null,
      opts text not null
    ) ${table};

    create table dep(
      parent ${integer} not null,
      child ${integer} not null,
      on_failure text not null,
      met ${integer} not null,
      primary key (parent, child)
    ) ${keyed};
    create index dep_child on dep(child, parent);

    create table attempt(
      task_id ${integer} not null,
      fence ${integer} not null,
      agent text not null,
      started_at ${integer} not null,
      ended_at ${integer},
      outcome text,
      cause text,
      reason text,
      primary key (task_id, fence)
    ) ${keyed};

    create table late(
      task_id ${integer} not null,
      fence ${integer} not null,
      at ${integer} not null,
      outcome text not null,
      primary key (task_id, fence)
    ) ${keyed};

    create table result(
      task_id ${integer} primary key,
      fence ${integer} not null,
      body text not null
    ) ${table};

    create table event(
      seq ${identity},
      at ${integer} not null,
      type text not null,
      agent text,
      task text,
      data text not null
    ) ${table};

    create table agent(
      key ${identity},
      name text not null unique,
      spec text not null,
      goal text not null,
      failure text,
      worktree text not null,
      owns_branch ${integer} not null,
      tasks_completed ${integer} not null,
      tasks_failed ${integer} not null,
      total_exec_ms ${integer} not null,
      created_at ${integer} not null,
      updated_at ${integer} not null
    ) ${table};

    create table note(name text primary key, value text not null) ${keyed};

    create table counter(
      name text not null,
      label text not null,
      value ${integer} not null,
      primary key (name, label)
    ) ${keyed};

    create table task_count(state text primary key, n ${integer} not null) ${keyed};
    insert into task_count(state, n) values
      ('blocked', 0), ('delayed', 0), ('ready', 0), ('running', 0), ('held', 0),
      ('completed', 0), ('failed', 0), ('cancelled', 0);
    `,
    'alter table agent add column conversation text;',
    `
    create table notice(
      id ${identity},
      rule text not null,
      event text not null,
      tries ${integer} not null,
      due_at ${integer} not null,
      problem text
    ) ${table};
    create index notice_due on notice(rule, due_at, id);
    `,
    `alter table agent add column spent_usd ${real} not null default 0;`,
  ]
}
