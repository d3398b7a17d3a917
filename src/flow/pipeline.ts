// A pipeline as its owner defined it in SQL, and the part of it that the sink needs.

export interface TableName {
  readonly schema: string;
  readonly name: string;
}

/** What `millrace.create_pipeline` was given, with its defaults filled in. Durations are microseconds. */
export interface PipelineDefinition {
  readonly id: number;
  readonly name: string;
  /** Counts up when the pipeline starts over. Topic, state and model are named by (id, generation). */
  readonly generation: number;
  /** Counts up with every change of the definition. */
  readonly revision: number;
  readonly desired: 'running' | 'paused' | 'dropped';
  readonly features: TableName;
  readonly labels: TableName | undefined;
  readonly key: readonly string[];
  readonly eventTime: string | undefined;
  readonly labelWaitUs: number | undefined;
  /** Text of the label's type. */
  readonly labelDefault: string | undefined;
  readonly model: ModelOptions;
  readonly promote?: PromoteCommand;
  readonly retrain?: RetrainCommand;
  readonly alertWhen: string | undefined;
  readonly scoreTable: TableName;
  readonly backfill: 'learn' | 'state' | 'none';
  readonly alsoOn: readonly TableName[];
  readonly clock: 'commit' | 'event_time';
  readonly lateByUs: number;
  readonly appendOnly: boolean;
  readonly keepScoresForUs: number | undefined;
  /** The creator's TimeZone, which the views' meaning depends on. */
  readonly timezone: string;
  readonly owner: string;
}

/** `model => '{"kind": "logistic", …}'`. Each kind validates its own options. */
export interface ModelOptions {
  readonly kind: string;
  readonly [option: string]: unknown;
}

/** A saved version of the model takes the serving one's place, at the record that first says so. */
export interface PromoteCommand {
  readonly version: number;
  /** Tells two commands for the same version apart. */
  readonly command: number;
}

/** Another model is trained beside the serving one, and takes its place where it does better; from the record on that first says so. */
export interface RetrainCommand {
  /** Tells commands apart: a later one is greater. */
  readonly command: number;
  /** Undefined: what is being trained is given up. */
  readonly train?: {
    readonly model: ModelOptions;
    /** It is trained on so many of the newest examples that the score table keeps. */
    readonly examples: number;
    /** Examples that it is compared on before it is given up. */
    readonly patience: number;
  };
}

/** A named, typed column of a view. `type` is as `format_type` prints it. */
export interface ColumnType {
  readonly name: string;
  readonly typeOid: number;
  readonly type: string;
}

/**
 * What the sink must know of a pipeline. It reaches the sink through the topic (in a progress record, first of all and
 * again whenever it changed), never through a table: so it takes effect at the same record after any restart.
 */
export interface SinkDefinition {
  readonly pipelineId: number;
  readonly generation: number;
  readonly revision: number;
  readonly name: string;
  readonly scoreTable: TableName;
  readonly key: readonly ColumnType[];
  readonly eventTime: ColumnType | undefined;
  readonly features: readonly ColumnType[];
  /** Undefined where the pipeline has no label view. */
  readonly label: ColumnType | undefined;
  readonly labelWaitUs: number | undefined;
  readonly labelDefault: string | undefined;
  readonly model: ModelOptions;
  readonly promote?: PromoteCommand;
  readonly retrain?: RetrainCommand;
  readonly alertWhen: string | undefined;
  readonly keepScoresForUs: number | undefined;
  readonly timezone: string;
  /** Set by the sink: of a changed definition, what it could not go on with. The former stands in its place. */
  readonly refused?: { readonly reason: string; readonly hint: string };
}
